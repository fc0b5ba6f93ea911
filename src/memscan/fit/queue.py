"""Modules that wait for a device, in their order, and the largest part among them."""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from memscan.fit.module_tree import Module


class Queue:
    """Taken from the front; the largest is found without going through all, for a stranger's model has 100,000 modules."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self._waiting = list(modules)[::-1]
        """From the last to the first."""
        self._there = set(map(id, self._waiting))
        self._made = len(self._waiting)
        self._heap = [(-module.layer, number, module) for number, module in enumerate(self._waiting)]
        heapify(self._heap)

    def __bool__(self) -> bool:
        return bool(self._there)

    def pop(self) -> Module:
        """Take the first."""
        while True:
            module = self._waiting.pop()
            if id(module) in self._there:
                self._there.discard(id(module))
                return module

    def put(self, *modules: Module) -> None:
        """Put `modules` before the others."""
        self._waiting += modules[::-1]
        self._add(modules)

    def remove(self, module: Module) -> None:
        """Take one out, if it is still there."""
        self._there.discard(id(module))

    def split(self, module: Module) -> None:
        """Put the parts of one in its place."""
        place = next(place for place, other in enumerate(self._waiting) if other is module)
        self._waiting[place : place + 1] = module.parts[::-1]
        self._there.discard(id(module))
        self._add(module.parts)

    def holding(self, name: str) -> Module | None:
        """The first that is, or holds, the tensor called `name`."""
        for module in reversed(self._waiting):
            if f"{name}.".startswith(f"{module.name}.") and id(module) in self._there:
                return module
        return None

    def largest(self, *, tensors: bool) -> tuple[int, set[int]]:
        """The bytes of the largest part that stays together, and the identities of those that have one of that size.

        Without `tensors`, what is placed as a single tensor does not count.
        """
        equal: list[tuple[int, int, Module]] = []
        apart: list[tuple[int, int, Module]] = []
        while self._heap and (not equal or self._heap[0][0] == equal[0][0]):
            entry = heappop(self._heap)
            if id(entry[2]) in self._there:
                (equal if tensors or entry[2].is_module else apart).append(entry)
        for entry in (*equal, *apart):
            heappush(self._heap, entry)
        return (-equal[0][0], {id(module) for _, _, module in equal}) if equal else (0, set())

    def _add(self, modules: Iterable[Module]) -> None:
        for module in modules:
            self._made += 1
            self._there.add(id(module))
            heappush(self._heap, (-module.layer, self._made, module))
