"""Follows the numbers of a config through the code that builds a model: what a size was computed from, and what was asked.

Each number of a config becomes one that remembers the expression it stands for; sums, products and quotients of such remember
theirs, tensors are given those of their axes, and comparisons are written down with the names of all fields that were read. What
passes through other functions or a list of indices is forgotten: for that there is `fit`.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from transformers import PreTrainedConfig

from architectures.atoms import Expression

Axes = tuple[Expression | None, ...]
PLACE = "_memscan_place"
AXES = "_memscan_axes"
NEUTRAL = {"+": 0, "-": 0, "*": 1, "//": 1, "**": 1}
MULTIPLES = 4
FILLED = frozenset({torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.full})


@dataclass(slots=True)
class Record:
    """What was asked while one model was built."""

    reads: set[str] = field(default_factory=set)
    """Dotted paths of fields."""
    missing: set[str] = field(default_factory=set)
    """Of those that were asked for in vain."""
    asked: dict[str, Expression] = field(default_factory=dict)
    """Comparisons, by their text."""
    texts: dict[str, set[str]] = field(default_factory=dict)
    """The words that a field which is a text, or a list of texts, was compared with."""


_open: list[Record] = []


class Traced(int):
    """An integer that knows what it was computed from."""

    rule: Expression

    def __new__(cls, value: int, rule: Expression) -> "Traced":
        """The integer `value` that is `rule`."""
        made = super().__new__(cls, value)
        made.rule = rule
        return made

    def __deepcopy__(self, memo: object) -> "Traced":
        return self

    __copy__ = __deepcopy__
    __hash__ = int.__hash__

    def __bool__(self) -> bool:
        _ask("!=", self.rule, 0)
        return int(self) != 0


class Part(float):
    """A quotient of two integers, or a product of one with a ratio that is a field: what it is once it is an integer again."""

    down: Expression
    up: Expression | None

    def __new__(cls, value: float, down: Expression, up: Expression | None = None) -> "Part":
        """The float `value`, which is `down` when it is rounded down, and `up` when it is rounded up."""
        made = super().__new__(cls, value)
        made.down, made.up = down, up
        return made

    def __floor__(self) -> int:
        return Traced(super().__floor__(), self.down)

    def __ceil__(self) -> int:
        whole = super().__ceil__()
        return whole if self.up is None else Traced(whole, self.up)


class Ratio(float):
    """A field that is no integer."""

    path: str

    def __new__(cls, value: float, path: str) -> "Ratio":
        """The float `value` of the field at `path`."""
        made = super().__new__(cls, value)
        made.path = path
        return made

    def __deepcopy__(self, memo: object) -> "Ratio":
        return self

    __copy__ = __deepcopy__

    def __mul__(self, other: Any) -> Any:
        result = float(self) * other
        return Part(result, ["int*", other.rule, self.path]) if isinstance(other, Traced) else result

    __rmul__ = __mul__


class Text(str):
    """A field that is a word, or one word of a list: it writes down what it is compared with."""

    __slots__ = ("path",)
    path: str

    def __new__(cls, value: str, path: str) -> "Text":
        """The word `value` of the field at `path`."""
        made = super().__new__(cls, value)
        made.path = path
        return made

    def __deepcopy__(self, memo: object) -> "Text":
        return self

    __copy__ = __deepcopy__
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        if _open and type(other) is str:
            _open[-1].texts.setdefault(self.path, set()).add(other)
        return str.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other


class _Kind(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, int)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, int)

    def __call__(cls, value: Any = 0, *arguments: Any) -> int:
        if isinstance(value, Part):
            return Traced(int(float(value)), value.down)
        return value if isinstance(value, Traced) and not arguments else int(value, *arguments)


class Integer(int, metaclass=_Kind):
    """What stands for `int` in the code that is followed: it does not forget where a `Part` comes from."""


def _quotient(self: Traced, other: Any) -> Any:
    result = int(self) / other
    rule = _rule(other)
    return result if rule is None else Part(result, ["//", self.rule, rule], ["ceil", self.rule, rule])


def _quotient_of(self: Traced, other: Any) -> Any:
    result = other / int(self)
    rule = _rule(other)
    return result if rule is None else Part(result, ["//", rule, self.rule], ["ceil", rule, self.rule])


Traced.__truediv__ = _quotient  # type: ignore[method-assign]
Traced.__rtruediv__ = _quotient_of  # type: ignore[method-assign]


def _scaled(self: Traced, factor: float) -> Any:
    """A product with a float that no field gives."""
    result = int(self) * float(factor)
    if isinstance(factor, Part):
        return result
    whole, by = (factor, 1) if factor.is_integer() else (1, 1 / factor if factor else 0.5)
    if not float(by).is_integer() or by < 1:
        return result
    down: Expression = self.rule if whole == 1 else ["*", self.rule, int(whole)]
    return Part(result, down if by == 1 else ["//", down, int(by)], down if by == 1 else ["ceil", down, int(by)])


def _arithmetic(name: str, operator: str) -> None:
    plain = getattr(int, name)
    is_reflected = name.startswith("__r")

    def method(self: Traced, other: Any) -> Any:
        if operator == "*" and isinstance(other, float):
            return other * self if isinstance(other, Ratio) else _scaled(self, other)
        result = plain(self, other)
        rule = _rule(other)
        if rule is None or not isinstance(result, int):
            return result
        operands = (rule, self.rule) if is_reflected else (self.rule, rule)
        same = NEUTRAL.get(operator)
        if operands[1] == same or (operands[0] == same and operator in ("+", "*")):
            return Traced(result, operands[0] if operands[1] == same else operands[1])
        return Traced(result, [operator, *operands])

    setattr(Traced, name, method)


def _comparison(name: str, operator: str, *, turned: bool) -> None:
    plain = getattr(int, name)

    def method(self: Traced, other: Any) -> Any:
        rule = _rule(other)
        if rule is not None:
            _ask(operator, *((rule, self.rule) if turned else (self.rule, rule)))
        return plain(self, other)

    setattr(Traced, name, method)


for _name, _operator in (("add", "+"), ("sub", "-"), ("mul", "*"), ("floordiv", "//"), ("mod", "%"), ("pow", "**")):
    _arithmetic(f"__{_name}__", _operator)
    _arithmetic(f"__r{_name}__", _operator)
_comparison("__eq__", "==", turned=False)
_comparison("__ne__", "!=", turned=False)
_comparison("__lt__", "<", turned=False)
_comparison("__gt__", "<", turned=True)
_comparison("__le__", "<=", turned=False)
_comparison("__ge__", "<=", turned=True)


def _rule(value: Any) -> Expression | None:
    if isinstance(value, Traced):
        return value.rule
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _ask(operator: str, left: Expression, right: Expression) -> None:
    if _open and not (isinstance(left, int) and isinstance(right, int)):
        asked: Expression = [operator, left, right]
        _open[-1].asked.setdefault(str(asked), asked)


@contextmanager
def traced(config: PreTrainedConfig, *, sizes: bool = True) -> Iterator[Record]:
    """Everything that is built from `config`, which is changed for it, is followed until the end; `sizes`: tensors too."""
    _mark(config, "")
    record = Record()
    _open.append(record)
    try:
        with _Axes() if sizes else nullcontext():
            yield record
    finally:
        _open.pop()


def copied_from(config: PreTrainedConfig) -> str | None:
    """The dotted path of a config that was followed, or of the one that it is a copy of."""
    found: str | None = vars(config).get(PLACE)
    return None if found is None else found.rstrip(".")


def axes(tensor: torch.Tensor) -> Axes:
    """What each axis of a tensor was computed from; None where it is not known."""
    found: Axes = getattr(tensor, AXES, (None,) * tensor.dim())
    return found if len(found) == tensor.dim() else (None,) * tensor.dim()


def _mark(config: PreTrainedConfig, prefix: str) -> None:
    values = vars(config)
    if PLACE in values:
        return
    values[PLACE] = prefix
    for name, value in list(values.items()):
        if isinstance(value, PreTrainedConfig):
            _mark(value, f"{prefix}{name}.")
        elif name != PLACE and not name.startswith("_"):
            values[name] = _marked(value, prefix + name)


def _marked(value: Any, path: str) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return Traced(value, path)
    if isinstance(value, float):
        return Ratio(value, path)
    if type(value) is str:
        return Text(value, path)
    if type(value) in (list, tuple):
        return type(value)(_item(one, path, index) for index, one in enumerate(value))
    if type(value) is dict:
        return {key: _marked(one, f"{path}.{key}") if isinstance(key, str) else one for key, one in value.items()}
    return value


def _item(value: Any, path: str, index: int) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return Traced(value, ["at", path, index])
    return Text(value, path) if type(value) is str else value


def watch() -> None:
    """From here on, a config that is traced says which of its fields are read, and a parameter keeps the axes of its data."""
    read = PreTrainedConfig.__getattribute__

    def reading(self: PreTrainedConfig, name: str) -> Any:
        place = object.__getattribute__(self, "__dict__").get(PLACE) if _open and not name.startswith("_") else None
        if place is None:
            return read(self, name)
        record = _open[-1]
        path = place + type(self).attribute_map.get(name, name)
        try:
            value = read(self, name)
        except AttributeError:
            record.missing.add(path)
            raise
        if isinstance(value, PreTrainedConfig):
            return value
        record.reads.add(path)
        return Traced(value, path) if name == "num_labels" else value

    PreTrainedConfig.__getattribute__ = reading
    for name, module in list(sys.modules.items()):
        if name.startswith(("transformers.models.", "transformers.modeling_rope_utils")):
            vars(module).setdefault("int", Integer)
    make: Callable[..., torch.nn.Parameter] = torch.nn.Parameter.__new__

    def made(cls: type, data: Any = None, requires_grad: bool = True) -> torch.nn.Parameter:
        parameter = make(cls, data, requires_grad)
        found = getattr(data, AXES, None)
        if found is not None:
            setattr(parameter, AXES, found)
        return parameter

    torch.nn.Parameter.__new__ = made  # type: ignore[method-assign, assignment]


class _Axes(TorchFunctionMode):
    """Gives each tensor that is made the expressions of its axes, as far as its arguments tell."""

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        result = func(*args, **(kwargs or {}))
        for one in result if isinstance(result, list | tuple) else (result,):
            if isinstance(one, torch.Tensor) and not hasattr(one, AXES):
                found = _found(func, one, args, kwargs or {})
                if found is not None:
                    setattr(one, AXES, found)
        return result


def _found(func: Any, result: torch.Tensor, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Axes | None:
    shape = tuple(result.shape)
    if func in FILLED:
        sizes = kwargs.get("size", args[0] if args and isinstance(args[0], Sequence) else args)
        return tuple(_rule(one) for one in sizes) if len(sizes) == len(shape) else None
    if func is torch.arange:
        return _counted(args, kwargs)
    tensors = list(_tensors((*args, *kwargs.values())))
    for tensor in tensors:
        if tuple(tensor.shape) == shape and hasattr(tensor, AXES):
            return axes(tensor)
    known: dict[int, Expression] = {}
    for tensor in tensors:
        for size, rule in zip(tensor.shape, axes(tensor), strict=True):
            if rule is not None and not isinstance(rule, int):
                known.setdefault(size, rule)
    for one in _integers((*args, *kwargs.values())):
        known[int(one)] = one.rule
    return tuple(1 if size == 1 else _made_of(size, known) for size in shape) if known else None


def _made_of(size: int, known: Mapping[int, Expression]) -> Expression | None:
    """A size of a result among those of what it was made of: the same, a product of two (flattened), a multiple (repeated)."""
    if size in known:
        return known[size]
    for other, rule in known.items():
        if other and size % other == 0:
            times = size // other
            if times in known or times <= MULTIPLES:
                return ["*", rule, known.get(times, times)]
    return None


def _counted(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Axes | None:
    """The length of `arange`."""
    start, end, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3] if len(args) > 1 else (0, kwargs.get("end"), 1)
    step = kwargs.get("step", step)
    if (start, end) == (0, 1) and isinstance(step, Part) and isinstance(step.up, list) and step.up[0] == "ceil":
        return (["ceil", *reversed(step.up[1:])],)  # as many steps as the inverse of one
    first, last, by = _rule(start), _rule(end), _rule(step)
    if first is None or last is None or by is None:
        return None
    whole = last if first == 0 else ["-", last, first]
    if whole == 0:
        return (0,)
    return (whole if by == 1 else ["ceil", whole, by],)


def _tensors(values: Sequence[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _integers(values: Sequence[Any]) -> Iterator[Traced]:
    for value in values:
        if isinstance(value, Traced):
            yield value
        elif isinstance(value, list | tuple):
            yield from _integers(value)
