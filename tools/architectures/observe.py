"""One model on the meta device, as a set of facts: its tensors, the models inside it, what is tied and what stays whole."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel
from transformers.models.auto import modeling_auto

from architectures.names import starred

AUTO = "_memscan_auto"
MODULES = ("Linear", "Conv1D", "Embedding", "Conv1d", "Conv2d", "Conv3d", "LayerNorm")
Held = tuple[str, bool, str]
"""A pattern, whether it is a buffer, and its own dtype."""
CONTAINER = "/"  # a module with modules below it: each of its own tensors is placed by itself
FLOATS = {torch.bfloat16: ""}
DTYPES = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.int64: "I64", torch.int32: "I32", torch.int16: "I16",
    torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL", torch.complex64: "C64", torch.complex128: "C128",
}  # fmt: skip


@dataclass(slots=True)
class Tensors:
    """All tensors of one pattern in one model."""

    kind: str
    """`p` parameter, `b` buffer that is saved, `n` buffer that is not."""
    dtype: str
    """Empty where it follows the model's dtype."""
    module: str
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    unique: int = 0
    """How many of them are not one that stands among them already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A model inside a model, that is described by an entry of its own."""

    at: str
    config: str
    """The dotted path of its config below the outer one's; empty where it is the same."""
    class_name: str
    auto: str | None
    """The Auto class that chose it, if one did."""
    without: tuple[str, ...]
    """What it lacks of its class, as patterns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One class, built from one config."""

    tensors: Mapping[str, Tensors]
    parts: tuple[Part, ...]
    tied: frozenset[tuple[str, str]]
    """Pairs (pattern, pattern of the one it is tied to) that the config's switch governs."""
    shared: frozenset[tuple[str, str]]
    """Pairs that are one tensor whatever the config says."""
    blocks: frozenset[str]
    """Patterns of numbered modules that a device map keeps whole."""
    outputs: frozenset[str]
    """The module of the output embeddings, if there is one."""


class Observer:
    """Builds models and observes them; what a class is on its own is asked often, and kept."""

    def __init__(self, known: Mapping[str, type[PreTrainedModel]]) -> None:
        self._known = known
        self._alone: dict[tuple[str, str], frozenset[Held] | None] = {}

    def observe(self, kind: type[PreTrainedModel], config: PreTrainedConfig) -> Observation:
        """The facts of `kind` built from `config`."""
        model = build(kind, config)
        parts = tuple(self._parts(model, model.config))
        ties = dict(model.all_tied_weights_keys)
        own = _Names(parts)
        tensors: dict[str, Tensors] = {}
        first: dict[int, str] = {}
        shared: set[tuple[str, str]] = set()
        saved = set(model.state_dict())
        for name, tensor, is_buffer, owner in _tensors(model):
            original = first.setdefault(id(tensor), name)
            if own.holds(name):
                continue
            pattern = starred(name)
            if original != name and name not in ties and original not in ties and starred(original) != pattern:
                shared.add((pattern, starred(original)))
            kind_ = ("b" if name in saved else "n") if is_buffer else "p"
            entry = tensors.setdefault(pattern, Tensors(kind_, _dtype(tensor), owner))
            entry.shapes.append(tuple(tensor.shape))
            entry.unique += original == name or starred(original) != pattern
        tied = {(starred(a), starred(b)) for a, b in _ties(model, own)}
        return Observation(
            tensors=tensors, parts=parts, tied=frozenset(tied), shared=frozenset(shared),
            blocks=frozenset(_blocks(model, own)), outputs=frozenset(_outputs(model)),
        )  # fmt: skip

    def _parts(self, model: PreTrainedModel, config: PreTrainedConfig) -> Iterator[Part]:
        paths = _paths(config)
        taken: list[str] = []
        for at, module in model.named_modules():
            if not at or not isinstance(module, PreTrainedModel) or any(at.startswith(f"{one}.") for one in taken):
                continue
            name = type(module).__name__
            path = paths.get(id(module.config))
            if path is None or self._known.get(name) is not type(module):
                continue
            held = _held(module)
            alone = self._patterns(type(module), module.config)
            if alone is None or not held <= alone:
                continue
            taken.append(at)
            auto = getattr(module, AUTO, None)
            without = tuple(sorted(pattern for pattern, *_ in alone - held))
            yield Part(at=starred(at), config=path, class_name=name, auto=auto, without=without)

    def _patterns(self, kind: type[PreTrainedModel], config: PreTrainedConfig) -> frozenset[Held] | None:
        key = (kind.__name__, repr(config.to_dict()))
        if key not in self._alone:
            try:
                model = build(kind, deepcopy(config))
                self._alone[key] = _held(model)
            except Exception:  # noqa: BLE001 -- whatever it was: the class cannot be described by itself
                self._alone[key] = None
        return self._alone[key]


class _Names:
    """Which names belong to the parts."""

    def __init__(self, parts: tuple[Part, ...]) -> None:
        self._prefixes = tuple(f"{part.at}." for part in parts)

    def holds(self, name: str) -> bool:
        return self.part(name) is not None

    def part(self, name: str) -> str | None:
        pattern = starred(name)
        return next((prefix for prefix in self._prefixes if pattern.startswith(prefix)), None)


def mark_auto_classes() -> None:
    """From here on, a model that an Auto class made knows which one."""
    for name, kind in vars(modeling_auto).items():
        if isinstance(kind, type) and getattr(kind, "_model_mapping", None) is not None and hasattr(kind, "from_config"):
            _mark(name, kind)


def skip_initialization() -> None:
    """From here on nothing is filled with random numbers: there is no data to fill."""
    for name in dir(torch.nn.init):
        if name.endswith("_") and not name.startswith("_"):
            setattr(torch.nn.init, name, _unchanged)


def _unchanged(tensor: torch.Tensor, *_args: Any, **_kwargs: Any) -> torch.Tensor:
    return tensor


def _mark(name: str, kind: Any) -> None:
    original = kind.from_config

    def from_config(config: Any, *args: Any, **kwargs: Any) -> Any:
        model = original(config, *args, **kwargs)
        if not hasattr(model, AUTO):
            setattr(model, AUTO, name)
        return model

    kind.from_config = staticmethod(from_config)


def build(kind: type[PreTrainedModel], config: PreTrainedConfig) -> PreTrainedModel:
    """`kind` with no data, in bfloat16, so that what has a dtype of its own is seen."""
    with torch.device("meta"):
        return kind._from_config(config, dtype=torch.bfloat16)  # noqa: SLF001


def _tensors(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor, bool, str]]:
    for prefix, module in model.named_modules(remove_duplicate=False):
        dot = f"{prefix}." if prefix else ""
        owner = _owner(module)
        for name, tensor in module._parameters.items():  # noqa: SLF001
            if tensor is not None:
                yield dot + name, tensor, False, owner
        for name, tensor in module._buffers.items():  # noqa: SLF001
            if tensor is not None:
                yield dot + name, tensor, True, owner


def _held(model: torch.nn.Module) -> frozenset[Held]:
    return frozenset((starred(name), is_buffer, _dtype(tensor)) for name, tensor, is_buffer, _ in _tensors(model))


def _owner(module: torch.nn.Module) -> str:
    """The module's class where it matters which, and whether it has modules below it."""
    name = type(module).__name__
    return CONTAINER if next(module.children(), None) is not None else name if name in MODULES else ""


def _dtype(tensor: torch.Tensor) -> str:
    return "" if tensor.dtype in FLOATS else DTYPES[tensor.dtype]


def _paths(config: PreTrainedConfig, prefix: str = "") -> dict[int, str]:
    """The dotted path of each config inside `config`, by its identity."""
    found = {id(config): prefix.rstrip(".")}
    for name, value in vars(config).items():
        if isinstance(value, PreTrainedConfig):
            for key, path in _paths(value, f"{prefix}{name}.").items():
                found.setdefault(key, path)
    return found


def _ties(model: PreTrainedModel, own: _Names) -> Iterator[tuple[str, str]]:
    """What the class would tie if its config asked for it; what the classes inside it tie is told of them."""
    for at, module in model.named_modules():
        if not isinstance(module, PreTrainedModel) or own.holds(f"{at}."):
            continue
        dot = f"{at}." if at else ""
        asked = getattr(module.config, "tie_word_embeddings", None)
        module.config.tie_word_embeddings = True
        try:
            for target, source in module.get_expanded_tied_weights_keys(all_submodels=False).items():
                yield dot + target, dot + source
        finally:
            module.config.tie_word_embeddings = asked


def _blocks(model: PreTrainedModel, own: _Names) -> Iterator[str]:
    whole = set(model._no_split_modules or ())  # noqa: SLF001
    for name, module in model.named_modules(remove_duplicate=False):
        if name.rpartition(".")[2].isdigit() and type(module).__name__ in whole and not own.holds(f"{name}."):
            yield starred(name)


def _outputs(model: PreTrainedModel) -> Iterator[str]:
    try:
        output = model.get_output_embeddings()
    except (AttributeError, NotImplementedError, KeyError, TypeError):
        return
    for name, module in model.named_modules(remove_duplicate=False):
        if output is not None and module is output:
            yield name
            return
