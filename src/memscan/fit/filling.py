"""Modules put on devices one after the other: `infer_auto_device_map` of accelerate.

https://github.com/huggingface/accelerate/blob/v1.15.0/src/accelerate/utils/modeling.py, written anew on a tree of bytes. What is
done here is what is done there, step by step, so that the result is the same; `fallback_allocation` is not.
"""

from collections.abc import Iterable, Iterator, Mapping

from memscan.fit.module_tree import Module, ModuleTree
from memscan.fit.queue import Queue

Device = int | str
DISK, CPU, MPS = "disk", "cpu", "mps"


def filled(tree: ModuleTree, memory: Mapping[Device, int]) -> Mapping[str, Device]:
    """The device of each module that is placed by itself, by its name; `memory` is in the order in which devices are filled.

    The first GPU and the processor keep room for the largest part that is offloaded. What fits nowhere is on the disk.
    """
    return _Filling(tree, memory).run()


class _Filling:
    """Devices while they are being filled."""

    def __init__(self, tree: ModuleTree, memory: Mapping[Device, int]) -> None:
        self._tree, self._memory = tree, memory
        self._devices = [*(device for device in memory if device != DISK), DISK]
        gpus = [device for device in self._devices if device not in (CPU, DISK)]
        self._main = {MPS} if MPS in gpus else {*gpus[:1], CPU}
        self._current, self._used = 0, 0
        self._queue = Queue(tree.root.parts)
        self._largest, self._with_largest = self._queue.largest(tensors=True)
        self._map: dict[str, Device] = {}

    def run(self) -> Mapping[str, Device]:
        """Place everything."""
        while self._queue:
            module = self._queue.pop()
            self._with_largest.discard(id(module))
            if not self._with_largest:
                self._measure()
            self._treat(module)
        return self._map

    def _treat(self, module: Module) -> None:
        """Place `module`, or split it or what it is tied to, or go on to the next device."""
        device = self._devices[self._current]
        reserved = self._largest if device in self._main else 0
        room = None if device == DISK else self._memory[device] - reserved - self._used
        tied = list(self._tied_to(module))
        size = module.size + sum(other.size - self._tree.sizes[name] for name, other in tied)
        if room is None or size <= room:
            self._place(module, [other for _, other in tied], size)
        elif tied and module.size <= room and self._split_one(other for _, other in tied):
            self._queue.put(module)
            self._measure()
        elif module.size >= room and module.children and not module.whole:
            self._queue.put(*module.parts)
            self._measure()
        else:
            self._current, self._used = self._current + 1, 0
            self._queue.put(module)

    def _place(self, module: Module, tied: Iterable[Module], size: int) -> None:
        device = self._devices[self._current]
        self._used += size
        self._map[module.name] = device
        for other in tied:
            self._map[other.name] = device
            self._queue.remove(other)

    def _split_one(self, tied: Iterable[Module]) -> bool:
        """Split the first of `tied` that can be, so that less has to be placed with a module."""
        for other in tied:
            if other.children and not other.whole:
                self._queue.split(other)
                return True
        return False

    def _tied_to(self, module: Module) -> Iterator[tuple[str, Module]]:
        """The names of tensors in `module` that stand elsewhere, each with what it waits in."""
        dot = f"{module.name}."
        for group in self._tree.ties:
            # Not a prefix but anywhere in the name: accelerate's own test, kept for the same result.
            outside = [name for name in group if dot not in f"{name}."]
            if 0 < len(outside) < len(group):
                for name in outside:
                    waiting = self._queue.holding(name)
                    if waiting is not None:
                        yield name, waiting

    def _measure(self) -> None:
        self._largest, self._with_largest = self._queue.largest(tensors=False)
