"""The checkpoint that a class would save, from its config alone: every tensor by the architecture table, and no weights read."""

from collections.abc import Iterator

from memscan.architecture import Config, Layout, family, layout, observed_release
from memscan.checkpoint import Checkpoint
from memscan.document import shown
from memscan.dtype import SAFETENSORS, DType
from memscan.errors import UnderivedError
from memscan.loading import load
from memscan.note import Note

FORMAT = "config"
DECLARABLE = {
    "float32": SAFETENSORS["F32"], "float16": SAFETENSORS["F16"], "bfloat16": SAFETENSORS["BF16"], "float64": SAFETENSORS["F64"],
}  # fmt: skip
MOST = 1_000_000  # tensors; the largest models have some 100,000


def derive(config: Config) -> Checkpoint:
    """The tensors of the class that `config` declares, in the dtype that it declares.

    UnderivedError, with the reason, where the table does not know the class, or not what it makes of this config.
    """
    found, substitute = declared_layout(config)
    _check(found)
    dtype, notes = _dtype(config)
    held = load((), found, dtype)
    if held.unknown is not None and not held.parameters_known:
        raise _refusal(found, held.unknown)  # of buffers that no checkpoint has, the scope of the class says so
    unsaved = {pattern for pattern, one in found.expected.items() if one.kind == "n"}
    names = {name: pattern for pattern in unsaved for name in _names(found, pattern)}
    tensors = tuple(tensor for tensor in held.tensors if tensor.name not in names and tensor.name not in unsaved)
    made = f"the tensors of {found.class_name} are derived from config.json by the table of {observed_release()}, in {dtype.name}"
    how = Note(code="derived", message=f"no header was read: {made}")
    return Checkpoint(format=FORMAT, shards=(), tensors=tensors, notes=(how, *substitute, *notes, *_dense(config)))


def declared_dtype(config: Config | None) -> DType | None:
    """The dtype that the config declares, in which transformers loads a model (`dtype="auto"`)."""
    if config is None:
        return None
    places = [config.document.values]
    places += [inner for key in ("text_config", "thinker_config") if isinstance(inner := places[0].get(key), dict)]
    for values in places:
        declared = values.get("dtype") or values.get("torch_dtype")
        if isinstance(declared, str) and declared.removeprefix("torch.") in DECLARABLE:
            return DECLARABLE[declared.removeprefix("torch.")]
    return None


def declared_layout(config: Config) -> tuple[Layout, tuple[Note, ...]]:
    """The layout of the declared class, or of the base model of its type, with a note that says so."""
    model_type, declared = config.model_type, config.architecture
    if model_type is None:
        raise UnderivedError("config.json names no model_type: the table does not know whose classes to look for")
    kind = family(model_type)
    if kind is None:
        raise UnderivedError(
            f"{observed_release()} has no model type {shown(model_type)}, or none that the table could be made of"
        )
    name = declared if declared in kind.classes else kind.chosen("AutoModel", declared)
    found = None if name is None else layout(name, model_type, config.document.values, sure=True)
    if found is None:
        raise UnderivedError(f"the table has no entry for {shown(declared)}, nor for a base model of {shown(model_type)}")
    if name == declared:
        return found, ()
    missing = "config.json declares no class" if declared is None else f"the table has no class {shown(declared)} for it"
    return found, (Note(code="another-class", message=f"{missing}: the numbers are those of {name}"),)


def _check(found: Layout) -> None:
    """UnderivedError where not every tensor is known, by its name and its shape."""
    reason = next(iter((*found.opaque.values(), *found.unsure)), None) or next(_unknown(found), None)
    if reason is not None:
        raise _refusal(found, reason)
    if (count := sum(one.count or 0 for one in found.expected.values())) > MOST:
        raise _refusal(found, f"config.json asks for {count:,} tensors, which no real model has")


def _unknown(found: Layout) -> Iterator[str]:
    for pattern, one in found.expected.items():
        if one.kind == "n" or one.count == 0:
            continue
        if one.optional:
            yield f"whether there is {pattern} is not known for this config"
        elif one.count is None:
            yield f"how many {pattern} there are is not known for this config"
        elif one.named is None:
            known = "which layers have" if one.shape is not None or one.elements is not None else "the shape of"
            yield f"{known} {pattern} is not known for this config"


def _names(found: Layout, pattern: str) -> Iterator[str]:
    named = found.expected[pattern].named
    return iter(()) if named is None else (name for name, _ in named)


def _refusal(found: Layout, reason: str) -> UnderivedError:
    return UnderivedError(f"{found.class_name} is not known from its config alone: {reason}")


def _dtype(config: Config) -> tuple[DType, tuple[Note, ...]]:
    found = declared_dtype(config)
    if found is not None:
        return found, ()
    words = (config.document.values.get(name) for name in ("dtype", "torch_dtype"))
    declared = next((word for word in words if word not in (None, "auto")), None)
    said = "no dtype" if declared is None else f"the dtype {shown(declared)}, in which no dense model is made"
    message = f"config.json declares {said}: float32 is assumed, in which transformers makes and saves such a model"
    return DECLARABLE["float32"], (Note(code="dtype-assumed", message=message),)


def _dense(config: Config) -> tuple[Note, ...]:
    if config.quantization is None:
        return ()
    message = f"config.json declares {config.quantization.method} weights: the sizes are those of the model without it"
    return (Note(code="built-dequantized", message=message),)
