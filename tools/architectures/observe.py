"""One model on the meta device, as a set of facts: its tensors, the models inside it, what is tied and what stays whole."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel
from transformers.models.auto import modeling_auto

from architectures.atoms import Expression
from architectures.names import starred
from architectures.trace import Axes, axes, copied_from, traced

AUTO = "_memscan_auto"
LONGEST = 4  # seconds of processor time for one model: beyond it, its code does with sizes what only small ones allow
MODULES = ("Linear", "Conv1D", "Embedding", "Conv1d", "Conv2d", "Conv3d", "LayerNorm")
Held = tuple[str, str, tuple[tuple[int, ...], ...]]
"""Of all tensors of a pattern: the kind, their own dtype, their shapes."""
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
    axes: list[Axes] = field(default_factory=list)
    """What the sizes were computed from, as far as it was followed."""
    names: list[str] = field(default_factory=list)
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
    turned: tuple[tuple[str, str, str], ...]
    """What it holds in another kind or dtype than its class: the pattern, the kind and the dtype here."""
    split: bool
    """Whether a device map of the outer class splits the blocks of this one."""


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
    refused: frozenset[str]
    """Places of models inside that are no parts: their tensors are among the class's own."""
    inlined: frozenset[tuple[str, str]]
    """Of those that have a config of their own, its path and model type."""
    reads: frozenset[str]
    """The fields of the config, by dotted path, that were read on the way."""
    asked: Mapping[str, Expression]
    """The comparisons of fields that were made on the way."""


class Observer:
    """Builds models and observes them; what a class is on its own is asked often, and kept."""

    def __init__(self, known: Mapping[str, type[PreTrainedModel]]) -> None:
        self._known = known
        self.inseparable: set[str] = set()
        """Classes that no config of their own builds: where they stand they are described with what is around them."""
        self._alone: dict[tuple[str, str], Mapping[str, Held] | None] = {}

    def observe(self, kind: type[PreTrainedModel], config: PreTrainedConfig, refused: frozenset[str]) -> Observation:
        """The facts of `kind` built from `config`; what stands at one of the places `refused` is no part."""
        with traced(config) as record:
            model = build(kind, config)
        candidates = tuple(self._parts(model, model.config, refused))
        parts = tuple(one for one in candidates if isinstance(one, Part))
        left = [one for one in candidates if not isinstance(one, Part)]
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
            kind_ = _kind(name, saved) if is_buffer else "p"
            entry = tensors.setdefault(pattern, Tensors(kind_, _dtype(tensor), owner))
            entry.shapes.append(tuple(tensor.shape))
            entry.axes.append(axes(tensor))
            entry.names.append(name)
            entry.unique += original == name or starred(original) != pattern
        tied = {(starred(a), starred(b)) for a, b in _ties(model, own)}
        return Observation(
            tensors=tensors, parts=parts, tied=frozenset(tied), shared=frozenset(shared),
            blocks=frozenset(_blocks(model, own)), outputs=frozenset(_outputs(model)),
            refused=frozenset(at for at, _, _ in left), inlined=frozenset((path, of) for _, path, of in left if path),
            reads=frozenset(record.reads), asked=record.asked,
        )  # fmt: skip

    def _parts(
        self, model: PreTrainedModel, config: PreTrainedConfig, refused: frozenset[str]
    ) -> Iterator[Part | tuple[str, str, str]]:
        """The models inside; of one that is no part its place, the path of its config and that one's model type."""
        paths = _paths(config)
        whole = set(model._no_split_modules or ())  # noqa: SLF001
        taken: list[str] = []
        for at, module in model.named_modules():
            if not at or not isinstance(module, PreTrainedModel) or any(at.startswith(f"{one}.") for one in taken):
                continue
            name = type(module).__name__
            path, is_same = place(module.config, config, paths)
            if path is None:
                continue
            held = _held(module)
            alone = None
            if is_same and self._known.get(name) is type(module) and name not in self.inseparable and starred(at) not in refused:
                alone = self._patterns(type(module), module.config)
            # One of several in a list is described with what is around it: the table has one place for a part.
            if "*" in starred(at):
                alone = None
            if alone is None or any(pattern not in alone or alone[pattern][2] != one[2] for pattern, one in held.items()):
                yield starred(at), path, module.config.model_type
                continue
            taken.append(at)
            yield Part(
                at=starred(at), config=path, class_name=name, auto=getattr(module, AUTO, None),
                without=tuple(sorted(alone.keys() - held.keys())),
                turned=tuple(sorted((pattern, *one[:2]) for pattern, one in held.items() if one[:2] != alone[pattern][:2])),
                split=any(each not in whole for each in _numbered(module)),
            )  # fmt: skip

    def _patterns(self, kind: type[PreTrainedModel], config: PreTrainedConfig) -> Mapping[str, Held] | None:
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
    with torch.device("meta"), _bounded():
        return kind._from_config(config, dtype=torch.bfloat16)  # noqa: SLF001


@contextmanager
def _bounded() -> Iterator[None]:
    signal.signal(signal.SIGVTALRM, _late)
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _late(_number: int, _frame: object) -> None:
    message = f"it is not built in {LONGEST} s"
    raise TimeoutError(message)


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


def _held(model: torch.nn.Module) -> Mapping[str, Held]:
    saved = set(model.state_dict())
    shapes: dict[str, list[tuple[int, ...]]] = {}
    kinds: dict[str, tuple[str, str]] = {}
    for name, tensor, is_buffer, _ in _tensors(model):
        pattern = starred(name)
        shapes.setdefault(pattern, []).append(tuple(tensor.shape))
        kinds.setdefault(pattern, (_kind(name, saved) if is_buffer else "p", _dtype(tensor)))
    return {pattern: (*kinds[pattern], tuple(sorted(several))) for pattern, several in shapes.items()}


def _kind(name: str, saved: set[str]) -> str:
    return "b" if name in saved else "n"


def _owner(module: torch.nn.Module) -> str:
    """The module's class where it matters which, and whether it has modules below it."""
    name = type(module).__name__
    return CONTAINER if next(module.children(), None) is not None else name if name in MODULES else ""


def _dtype(tensor: torch.Tensor) -> str:
    return "" if tensor.dtype in FLOATS else DTYPES[tensor.dtype]


def place(config: PreTrainedConfig, outer: PreTrainedConfig, paths: Mapping[int, str]) -> tuple[str | None, bool]:
    """The path below `outer` of the config that a model inside has, also where that is a copy, and whether it is unchanged."""
    if id(config) in paths:
        return paths[id(config)], True
    path = copied_from(config)
    if path is None:
        return None, False
    original: Any = outer
    for step in filter(None, path.split(".")):
        original = getattr(original, step, None)
    return path, isinstance(original, PreTrainedConfig) and original.to_dict() == config.to_dict()


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


def _numbered(model: PreTrainedModel) -> Iterator[str]:
    """The classes of numbered modules inside that its own device map keeps whole."""
    whole = set(model._no_split_modules or ())  # noqa: SLF001
    for name, module in model.named_modules(remove_duplicate=False):
        if name.rpartition(".")[2].isdigit() and type(module).__name__ in whole:
            yield type(module).__name__


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
