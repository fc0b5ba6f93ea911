"""Scopes: which of a model's tensors a number is about.

`checkpoint` is all that is stored, `declared` what the class that saved it holds once it is loaded, `base` what `AutoModel`
makes of it: the same without a head.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from memscan.architecture import Layout, family, layout
from memscan.checkpoint import is_buffer
from memscan.dtype import SAFETENSORS, DType
from memscan.loading import Loaded, load
from memscan.model.base import Model
from memscan.model.derived import declared_dtype
from memscan.model.logical import Logical, logical
from memscan.modules import BlockOf, blocks_like, no_block, numbered_block
from memscan.note import Note
from memscan.tensor import TensorInfo, elements_of, nbytes_of

CHECKPOINT, DECLARED, BASE = "checkpoint", "declared", "base"
SCOPES = (CHECKPOINT, DECLARED, BASE)
OBJECTIVES = ("ForPreTraining", "ForMaskedLM")  # heads that serve training alone: what people load is the model without
LIBRARIES = frozenset({None, "transformers", "sentence-transformers", "setfit", "mlx", "adapter-transformers"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A named part of a model, in the dtypes that it is stored in. Its repr leaves out the tensors."""

    name: str
    class_name: str | None
    """The class that holds exactly this; None for the checkpoint, which belongs to no class."""
    tensors: tuple[TensorInfo, ...] = field(repr=False)
    """Each once, a packed weight as one; those of a class under the names that they have in it."""
    parameters: int | None
    """Logical elements of the parameters; None where packing hides their number."""
    parameter_bytes: int
    buffer_bytes: int
    """Of all buffers that are resident, stored or not."""
    tied: tuple[TensorInfo, ...] = field(default=(), repr=False)
    """Second names of tensors that are held once."""
    ignored: tuple[TensorInfo, ...] = field(default=(), repr=False)
    """Stored, and not loaded."""
    created: tuple[TensorInfo, ...] = field(default=(), repr=False)
    """Held, and not stored."""
    parameters_known: bool = True
    """Whether at least the parameters are known exactly, though a buffer is not."""
    unknown: str | None = None
    """Why the numbers are not known exactly; None where they are."""
    block_of: BlockOf = numbered_block
    """Which blocks stay whole."""
    owners: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The torch class that owns a tensor, by its name, where it is known."""
    fixed: frozenset[str] = field(default=frozenset(), repr=False)
    """Tensors that no cast of the model changes, by their names."""
    layout: Layout | None = field(default=None, repr=False)
    """What the table says of the class."""

    @property
    def nbytes(self) -> int:
        """Bytes of parameters and buffers."""
        return self.parameter_bytes + self.buffer_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Scopes:
    """All scopes of a model, and the one that people load."""

    by_name: Mapping[str, Scope]
    loads: str
    """The scope of the class that people load: the declared one, or the base model where its head only serves pre-training."""
    notes: tuple[Note, ...]


def scopes(model: Model, *, only: str | None = None) -> Scopes:
    """Every scope of `model` that is known, or known not to be; of the classes `only` the one that is asked for, if one is.

    Loading a checkpoint of 100,000 tensors into a class takes half a second, and who asks for one figure needs one class.
    """
    whole = logical(model)
    declared, base = _layouts(model)
    found = {CHECKPOINT: _checkpoint(model, whole, declared or base)}
    wanted = _wanted(declared, base)
    needed = (DECLARED, BASE) if only is None else (only if only in SCOPES else wanted,)
    for name, kind in ((DECLARED, declared), (BASE, base)):
        if kind is not None and name in needed:
            found[name] = _of_class(name, load(whole.tensors, kind, _usual(model)), kind, whole)
    loads = wanted if wanted in found and found[wanted].unknown is None else CHECKPOINT
    notes = (*whole.notes, *_unknown(found, wanted if wanted in found else None))
    return Scopes(by_name=found, loads=loads, notes=notes)


def _usual(model: Model) -> DType:
    """The dtype that the config declares, in which transformers loads a model (`dtype="auto"`); else float32."""
    return declared_dtype(model.config) or SAFETENSORS["F32"]


def _wanted(declared: Layout | None, base: Layout | None) -> str | None:
    if declared is not None and not (base is not None and declared.class_name.endswith(OBJECTIVES)):
        return DECLARED
    return None if declared is None else BASE


def _unknown(found: Mapping[str, Scope], wanted: str | None) -> Iterator[Note]:
    if wanted is not None and found[wanted].unknown is not None:
        scope = found[wanted]
        message = f"what {scope.class_name} holds is not known exactly, the numbers are the checkpoint's: {scope.unknown}"
        yield Note(code="scope-unknown", message=message)


def _layouts(model: Model) -> tuple[Layout | None, Layout | None]:
    """Those of the declared class, and of `AutoModel`'s; None for a class that the table does not have."""
    config = model.config
    # What is of a wrong type is found here, where the error is that of this target alone.
    model_type, declared = (None, None) if config is None else (config.model_type, config.architecture)
    if config is None or model.parts or model.origin.library not in LIBRARIES or model.checkpoint.format == "gguf":
        return None, None
    kind = None if model_type is None else family(model_type)
    if model_type is None or kind is None:
        return None, None
    values = config.document.values
    base = kind.chosen("AutoModel", declared)
    return (
        None if declared is None else layout(declared, model_type, values),
        None if base is None else layout(base, model_type, values),
    )


def _checkpoint(model: Model, whole: Logical, kind: Layout | None) -> Scope:
    buffers = [tensor for tensor in whole.tensors if is_buffer(tensor)]
    buffer_bytes = nbytes_of(buffers)
    elements = elements_of(whole.tensors) - elements_of(buffers)
    hidden = whole.reason is not None
    return Scope(
        name=CHECKPOINT, class_name=None, tensors=whole.tensors, parameters=None if hidden else elements,
        # Packed weights are integers: which of them are parameters is not known where their packing is not.
        parameter_bytes=model.checkpoint.nbytes - (0 if hidden else buffer_bytes),
        buffer_bytes=0 if hidden else buffer_bytes, unknown=whole.reason, block_of=_stored_blocks(model, kind),
    )  # fmt: skip


def _stored_blocks(model: Model, kind: Layout | None) -> BlockOf:
    """The blocks of the class, under its own names and under those with or without the base model's prefix."""
    if kind is None:
        return numbered_block if model.has_blocks else no_block
    before = f"{kind.prefix}."
    longer = {before + name for name in kind.blocks}
    return blocks_like(kind.blocks | longer | {name.removeprefix(before) for name in kind.blocks})


def _of_class(name: str, loaded: Loaded, kind: Layout, whole: Logical) -> Scope:
    buffers = [tensor for tensor in loaded.tensors if is_buffer(tensor)]
    buffer_bytes = nbytes_of(buffers)
    hidden = whole.reason is not None
    elements = elements_of(loaded.tensors) - elements_of(buffers)
    return Scope(
        name=name, class_name=loaded.class_name, tensors=loaded.tensors, parameters=None if hidden else elements,
        parameter_bytes=nbytes_of(loaded.tensors) - buffer_bytes, buffer_bytes=buffer_bytes, tied=loaded.tied,
        ignored=loaded.ignored, created=loaded.created, unknown=whole.reason or loaded.unknown,
        parameters_known=loaded.parameters_known and not hidden,
        block_of=blocks_like(loaded.blocks), owners=loaded.modules, fixed=loaded.fixed,
        layout=kind,
    )  # fmt: skip
