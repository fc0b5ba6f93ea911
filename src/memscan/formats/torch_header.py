"""The header of a torch checkpoint: its tensors, each storage counted once.

A torch file keeps storages, and tensors are views of them. A tensor that overlaps none before it is stored; one that does
shares what is stored already, and is tied. What a storage holds beside its tensors is loaded with it, so its first tensor
is charged for it: the bytes of all stored tensors sum up to those of all storages.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from memscan.document import shown
from memscan.errors import FormatError
from memscan.formats.base import Header
from memscan.formats.torch_state import sort
from memscan.formats.torch_storage import Storage
from memscan.formats.torch_view import View
from memscan.tensor import TensorInfo


def header(
    value: object, path: str, metadata: Mapping[str, object], constants: object = ()
) -> tuple[Header, Mapping[str, Storage]]:
    """The header of the file `path` whose pickle holds `value`, and the storages that its tensors are in, by key.

    Its metadata is `serialization` ("zip", "legacy", "torchscript") and, if not empty, the `container` that held the weights.
    `constants` are those of a TorchScript archive: weights too, under `constants.N`.
    """
    state = sort(value, path, constants)
    ledger = Ledger(path)
    tied: list[TensorInfo] = []
    tensors, optimizer = ledger.enter(state.weights, tied), ledger.enter(state.training, tied)
    container = {"container": state.container} if state.container else {}
    return (
        Header(
            tensors=ledger.charged(tensors), tied=tuple(tied), optimizer=ledger.charged(optimizer),
            metadata={**metadata, **container},
        ),
        ledger.storages(),
    )  # fmt: skip


# Views of one storage: models whose parameters share one buffer have thousands. Inserting stays quick.
MAX_VIEWS = 20_000


@dataclass(slots=True)
class Account:
    """One storage, and which of its bytes are taken: sorted, disjoint stretches."""

    storage: Storage
    starts: list[int] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)
    taken: int = 0

    def take(self, start: int, stop: int) -> bool:
        """Take a stretch; False where a byte of it is taken already."""
        if start == stop:
            return True
        at = bisect_right(self.starts, start)
        if (at > 0 and self.stops[at - 1] > start) or (at < len(self.starts) and self.starts[at] < stop):
            return False
        self.starts.insert(at, start)
        self.stops.insert(at, stop)
        self.taken += stop - start
        return True


class Ledger:
    """Counts the bytes of one file's storages."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._accounts: dict[str, Account] = {}
        self._names: dict[str, int] = {}
        self._charged: set[str] = set()

    def enter(self, named: Iterable[tuple[str, View]], tied: list[TensorInfo]) -> list[TensorInfo]:
        """The tensors among `named` that are stored; the others go to `tied`."""
        entries = [(self._tensor(self._unique(name), view), view) for name, view in named]
        # The widest view of a storage is the one that is stored: a slice before it in the file must not stand for it.
        widest = sorted(range(len(entries)), key=lambda at: -entries[at][1].nbytes)
        kept = {at for at in widest if self._takes(entries[at][1])}
        tied.extend(tensor for at, (tensor, _) in enumerate(entries) if at not in kept)
        return [tensor for at, (tensor, _) in enumerate(entries) if at in kept]

    def _takes(self, view: View) -> bool:
        return view.storage is None or self._account(view.storage).take(view.start, view.start + view.nbytes)

    def charged(self, tensors: Iterable[TensorInfo]) -> tuple[TensorInfo, ...]:
        """`tensors`, the first of each storage charged for what no tensor is a view of."""
        return tuple(self._charge(tensor) for tensor in tensors)

    def storages(self) -> Mapping[str, Storage]:
        """Every storage that a tensor is in, by key."""
        return {key: account.storage for key, account in self._accounts.items()}

    def _charge(self, tensor: TensorInfo) -> TensorInfo:
        account = self._accounts.get(tensor.storage) if tensor.storage else None
        if account is None or tensor.storage in self._charged:
            return tensor
        self._charged.add(tensor.storage)
        rest = account.storage.nbytes - account.taken
        return tensor._replace(nbytes=tensor.nbytes + rest) if rest else tensor

    def _account(self, storage: Storage) -> Account:
        account = self._accounts.setdefault(storage.key, Account(storage))
        if account.storage.nbytes != storage.nbytes:
            raise FormatError(
                f"{self._path}: the storage {shown(storage.key)} has {account.storage.nbytes:,} bytes in one place of the pickle"
                f" and {storage.nbytes:,} in another"
            )
        if len(account.starts) > MAX_VIEWS:
            raise FormatError(f"{self._path}: more than {MAX_VIEWS:,} tensors are views of the storage {shown(storage.key)}")
        return account

    def _unique(self, name: str) -> str:
        """`name`, numbered from its second use on: objects can keep a tensor under one name twice."""
        count = self._names[name] = self._names.get(name, 0) + 1
        return name if count == 1 else f"{name}#{count}"

    def _tensor(self, name: str, view: View) -> TensorInfo:
        key = view.storage.key if view.storage is not None else ""
        return TensorInfo(name=name, dtype=view.dtype, shape=view.shape, offset=view.start, nbytes=view.nbytes, storage=key)
