"""Two counts of the bytes that torch has alive, to compare with.

`MemTracker` is torch's own. It hooks into every module and every parameter: it cannot count a model with frozen parameters, and
its hooks hold on to some gradients for longer than the graph does. `Storages` counts storages alone, as they come and go.
"""

import contextlib
import weakref
from collections.abc import Iterator, Mapping

import torch
from torch.distributed._tools.mem_tracker import MemTracker, _MemRefType
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

FORWARD, BACKWARD = "forward", "backward"


def _step(model, inputs: Mapping[str, object], *, training: bool, autocast: bool) -> Iterator[str]:
    casting = torch.autocast("cpu", dtype=torch.bfloat16) if autocast else contextlib.nullcontext()
    if not training:
        with torch.no_grad(), casting:
            output = model(**inputs)
        yield FORWARD
        del output
        return
    with casting:
        loss = model(**inputs).loss
    yield FORWARD
    loss.backward()
    yield BACKWARD


def tracked(model, inputs: Mapping[str, object], *, training: bool, autocast: bool = False) -> dict[str, int]:
    """Bytes at the peak up to the end of each part of the step, beside parameters, buffers and inputs: `MemTracker`."""
    model.zero_grad(set_to_none=True)
    tensors = [one for one in inputs.values() if torch.is_tensor(one)]
    tracker = MemTracker()
    tracker.track_external(model, *tensors)
    found = {}
    with tracker:
        for part in _step(model, inputs, training=training, autocast=autocast):
            found[part] = sum(device["Total"] for device in tracker.get_tracker_snapshot("peak").values())
    now = tracker.get_tracker_snapshot("current").values()
    own = sum(device[_MemRefType.PARAM] + device[_MemRefType.BUFFER] for device in now)
    own += sum(one.untyped_storage().nbytes() for one in tensors)
    model.zero_grad(set_to_none=True)
    return {part: nbytes - own for part, nbytes in found.items()}


class Storages(TorchDispatchMode):
    """Counts every storage that an operation makes, until it is freed."""

    def __init__(self, given, alive=()) -> None:
        """`given`: tensors that are not counted; `alive`: those that are, until they are freed."""
        super().__init__()
        self.given = {one.untyped_storage()._cdata for one in given}
        self.alive: dict[int, int] = {}
        self.total = self.peak = 0
        for one in alive:
            self._seen(one)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        tree_map_only(torch.Tensor, self._seen, made)
        return made

    def _seen(self, one: torch.Tensor) -> None:
        storage = one.untyped_storage()
        key = storage._cdata
        if key in self.given or key in self.alive:
            return
        self.alive[key] = storage.nbytes()
        self.total += storage.nbytes()
        self.peak = max(self.peak, self.total)
        weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.total -= self.alive.pop(key, 0)


def stored(model, inputs: Mapping[str, object], *, training: bool, autocast: bool = False) -> dict[str, int]:
    """The same by `Storages`."""
    model.zero_grad(set_to_none=True)
    given = [*model.parameters(), *model.buffers(), *(one for one in inputs.values() if torch.is_tensor(one))]
    found = {}
    with Storages(given) as count:
        for part in _step(model, inputs, training=training, autocast=autocast):
            found[part] = count.peak
    model.zero_grad(set_to_none=True)
    return found
