"""The modules of a scope as a tree with their bytes, in the order in which the class defines them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from memscan.architecture import Config
from memscan.checkpoint import is_buffer
from memscan.dtype import DType
from memscan.errors import FormatError
from memscan.estimate import cast_dtypes
from memscan.fit.module_order import ModuleOrder, module_order
from memscan.model import Scope

DEEPEST = 64  # modules inside modules; no class has half of it
HEAD = re.compile(r"(^|_)(head|heads|classifier|output|score|logits|embed_out|proj_out)$")  # behind the rest, where no class says
NUMBERLESS = "*"


@dataclass(slots=True, eq=False)
class Module:
    """A module, or a tensor that is placed by itself."""

    name: str
    is_module: bool = True
    """False for a tensor."""
    whole: bool = False
    """Whether it is not to be split."""
    size: int = 0
    """Bytes of all tensors in it; of tensors with several names only where the first of them is."""
    layer: int = 0
    """Bytes of the largest part of it that stays together."""
    tensors: list["Module"] = field(default_factory=list)
    """Parameters directly in it."""
    children: list["Module"] = field(default_factory=list)
    buffers: list["Module"] = field(default_factory=list)
    """Buffers directly in it that are saved; of the root, all."""

    @property
    def parts(self) -> list["Module"]:
        """What it is split into, in the order in which that is placed."""
        return [*self.tensors, *self.children, *self.buffers]


@dataclass(frozen=True, slots=True)
class ModuleTree:
    """The modules of a scope."""

    root: Module
    sizes: Mapping[str, int]
    """Bytes of each tensor by name; 0 for second names."""
    ties: Sequence[Sequence[str]]
    """Names of one and the same tensor, sorted."""


def module_tree(scope: Scope, dtype: DType | None, config: Config | None) -> ModuleTree:
    """The tree of `scope` with bytes as stored, or as a cast to `dtype` leaves them."""
    order = None if scope.layout is None else module_order(scope.layout, config)
    nbytes = dict(_nbytes(scope, dtype))
    draft = _Draft(scope, order)
    for tensor in scope.tensors:
        draft.add(tensor.name, nbytes[tensor.name], buffer=is_buffer(tensor))
    ties = _ties(scope, draft.names)
    second = {name for group in ties for name in group} | {tensor.name for tensor in scope.tied}
    for name in sorted(second - draft.names.keys()):
        draft.add(name, 0, buffer=False)
    draft.add_bare()
    draft.sort()
    draft.lend(ties)
    draft.sum()
    return ModuleTree(draft.root, draft.names, ties)


def _nbytes(scope: Scope, dtype: DType | None) -> Iterator[tuple[str, int]]:
    if dtype is None:
        yield from ((tensor.name, tensor.nbytes) for tensor in scope.tensors)
        return
    for tensor, held in cast_dtypes(scope, dtype):
        same = held == tensor.dtype
        yield tensor.name, tensor.nbytes if same else held.packed_nbytes(tensor.elements)


class _Draft:
    """A tree while it is put together."""

    def __init__(self, scope: Scope, order: ModuleOrder | None) -> None:
        self.root = Module("")
        self.names: dict[str, int] = {}
        self._scope, self._order = scope, order
        self._ranks: Mapping[str, int] = {} if order is None else order.ranks
        self._modules: dict[str, Module] = {"": self.root}
        self._unsaved: set[str] = set()
        self._seen: dict[str, int] = {}
        if scope.layout is not None:
            self._unsaved = {name for name, one in scope.layout.expected.items() if one.kind == "n"}
            for name in scope.layout.expected:
                self._see(name)

    def add(self, name: str, nbytes: int, *, buffer: bool) -> None:
        """Put a tensor where it stands."""
        parts = name.split(".", DEEPEST + 1)
        if len(parts) > DEEPEST:
            raise FormatError(f"the tensor {name[:DEEPEST]}... is in more than {DEEPEST} modules inside each other")
        # Tensors that the class makes in places which are not known have one name together: they are counted above them.
        known = next((index for index, part in enumerate(parts) if part == NUMBERLESS), len(parts) - 1)
        module = self._module(".".join(parts[:known]))
        self._see(name)
        tensor = Module(name, is_module=False, size=nbytes)
        self.names[name] = nbytes
        is_placed = known == len(parts) - 1 and not (buffer and _starred(name) in self._unsaved and module is not self.root)
        if is_placed:
            (module.buffers if buffer else module.tensors).append(tensor)
        else:
            module.size += nbytes

    def add_bare(self) -> None:
        """Add the modules without tensors that stand in a module with tensors."""
        if self._order is None:
            return
        by_pattern: dict[str, list[Module]] = {}
        for name, module in self._modules.items():
            by_pattern.setdefault(_starred(name), []).append(module)
        for bare in self._order.bare:
            above, _, last = bare.rpartition(".")
            for module in by_pattern.get(above, ()):
                if not module.whole:
                    self._module(f"{module.name}.{last}" if module.name else last)

    def sort(self) -> None:
        """Put all into the order of the class."""
        for module in self._modules.values():
            module.children.sort(key=self._place)
            for tensors in (module.tensors, module.buffers):
                tensors.sort(key=lambda one: self._seen[_starred(one.name)])

    def lend(self, ties: Iterable[Sequence[str]]) -> None:
        """Count a tensor with several names where the first of them stands."""
        firsts = {tensor.name: place for place, tensor in enumerate(_tensors(self.root))}
        held = {tensor.name: tensor for tensor in _tensors(self.root)}
        for names in ties:
            there = sorted((name for name in names if name in firsts), key=lambda name: firsts[name])
            nbytes = sum(self.names[name] for name in there)
            for index, name in enumerate(there):
                held[name].size = self.names[name] = 0 if index else nbytes

    def sum(self) -> None:
        """Count the bytes of the modules, from the innermost outwards."""
        for module in sorted(self._modules.values(), key=lambda one: -one.name.count(".") - bool(one.name)):
            module.size += sum(one.size for one in module.parts)
            alone = module.whole or not module.children
            module.layer = module.size if alone else max(child.layer for child in module.children)
            for tensor in (*module.tensors, *module.buffers):
                tensor.layer = tensor.size

    def _module(self, name: str) -> Module:
        """The module of that name, made with all above it."""
        found = self._modules.get(name)
        if found is not None:
            return found
        module = Module(name, whole=self._is_whole(name))
        self._modules[name] = module
        self._module(name.rpartition(".")[0]).children.append(module)
        return module

    def _is_whole(self, name: str) -> bool:
        if self._order is not None and _starred(name) in self._order.whole:
            return True
        known = self._order is not None and not self._order.unknown
        return not known and self._scope.block_of(name) == name

    def _place(self, module: Module) -> tuple[int, int, int]:
        """Where it stands among its siblings."""
        last = module.name.rpartition(".")[2]
        number = int(last) if last.isascii() and last.isdigit() and len(last) < DEEPEST else -1
        pattern = _starred(module.name)
        seen = self._seen.get(pattern, 0)
        if self._scope.layout is None:
            return int(HEAD.search(last) is not None), 0 if number >= 0 else seen, number
        rank = self._ranks.get(pattern)
        return (1, seen, number) if rank is None else (0, rank, number)

    def _see(self, name: str) -> None:
        """Remember where a name, and each module that it stands in, was met first."""
        pattern = _starred(name)
        while pattern and pattern not in self._seen:
            self._seen[pattern] = len(self._seen)
            pattern = pattern.rpartition(".")[0]


def _tensors(module: Module) -> Iterator[Module]:
    """All tensors below `module`, as `named_parameters` of torch goes through them."""
    yield from module.tensors
    for child in module.children:
        yield from _tensors(child)


def _ties(scope: Scope, held: Iterable[str]) -> Sequence[Sequence[str]]:
    """Groups of names of one tensor (`find_tied_parameters` of accelerate); second names may be of tensors in layers."""
    layout = scope.layout
    if layout is None:
        return ()
    by_pattern: dict[str, list[str]] = {}
    for name in (*held, *(tensor.name for tensor in scope.tied)):
        by_pattern.setdefault(_starred(name), []).append(name)
    groups: dict[str, set[str]] = {}
    for pair in (*layout.tied, *layout.shared):
        for known, other in (pair, pair[::-1]):
            expected = layout.expected.get(other)
            if expected is not None and expected.count != 0:
                for name in by_pattern.get(known, ()):
                    _join(groups, [name, _filled(other, name)])
    for pattern, names in by_pattern.items():
        expected = layout.expected.get(pattern)
        if expected is not None and expected.unique == 1:
            _join(groups, names)
    return sorted({tuple(sorted(group)) for group in groups.values() if len(group) > 1})


def _join(groups: dict[str, set[str]], names: Sequence[str]) -> None:
    if not any(NUMBERLESS in name for name in names):
        joined = set(names).union(*(groups.get(name, ()) for name in names))
        groups.update(dict.fromkeys(joined, joined))


def _filled(pattern: str, name: str) -> str:
    """`pattern` with the numbers of `name`."""
    numbers = iter([part for part in name.split(".") if part.isdigit()])
    return ".".join(next(numbers, part) if part == NUMBERLESS else part for part in pattern.split("."))


def _starred(name: str) -> str:
    return ".".join(NUMBERLESS if part.isdigit() else part for part in name.split("."))
