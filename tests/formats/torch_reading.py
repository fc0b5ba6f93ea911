"""The torch reader driven as a scan drives it: the head of the file first, and every request counted."""

from dataclasses import dataclass, field

from memscan.errors import FormatError
from memscan.formats.base import Header
from memscan.formats.torch_file import Torch
from memscan.read import ByteRange, run
from memscan.source.base import HEAD
from memscan.tensor import TensorInfo
from tests.writers.torch import Sparse

PATH = "pytorch_model.bin"


@dataclass
class Requests:
    """Serves ranges as `memscan.source.Head` does, and keeps what was fetched."""

    file: Sparse
    head: bytes = b""
    fetched: list[ByteRange] = field(default_factory=list)

    def serve(self, wanted: ByteRange) -> bytes:
        assert wanted.length > 0
        assert 0 <= wanted.start <= wanted.stop <= self.file.size
        if wanted.start > max(HEAD, len(self.head)):
            return self._fetch(wanted)
        if wanted.stop > len(self.head):
            stop = wanted.stop if self.head else max(wanted.stop, min(HEAD, self.file.size))
            self.head += self._fetch(ByteRange(len(self.head), stop - len(self.head)))
        return self.head[wanted.start : wanted.stop]

    def _fetch(self, wanted: ByteRange) -> bytes:
        self.fetched.append(wanted)
        return self.file.read(wanted.start, wanted.stop)

    @property
    def nbytes(self) -> int:
        return sum(each.length for each in self.fetched)


def asked(file: bytes | Sparse) -> tuple[Header, Requests]:
    """The header of a file, and what was fetched for it."""
    requests = Requests(Sparse(((0, file),), len(file)) if isinstance(file, bytes) else file)
    return run(Torch().read_header(PATH, requests.file.size), requests.serve), requests


def read(file: bytes | Sparse) -> Header:
    """The header of a file."""
    return asked(file)[0]


def refusal(file: bytes | Sparse) -> str:
    """The sentence with which a file is refused; empty where it is read."""
    try:
        read(file)
    except FormatError as error:
        return str(error)
    return ""


def named(tensors: tuple[TensorInfo, ...]) -> dict[str, tuple[str, tuple[int, ...], int]]:
    """Dtype, shape and bytes by name."""
    return {each.name: (each.dtype.name, each.shape, each.nbytes) for each in tensors}
