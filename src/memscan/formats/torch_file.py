"""torch checkpoints, read without torch: whichever way the file was saved.

Source: `_is_zipfile` and `load` in https://github.com/pytorch/pytorch/blob/main/torch/serialization.py.
"""

from memscan.document import shown
from memscan.errors import FormatError
from memscan.formats.base import Header
from memscan.formats.pickle import Bytes
from memscan.formats.torch_legacy import read_legacy
from memscan.formats.torch_zip import read_zip
from memscan.formats.zip_archive import LOCAL_MAGIC
from memscan.read import ByteRange, Read

# What the first request of a file brings anyway; the whole pickle of a checkpoint of some 500 tensors.
HEAD = 100_000
TAR_MAGIC, TAR_AT = b"ustar", 257
PICKLES = (b"\x80", b"L1195")  # any pickle of protocol 2 and later; the magic number in protocols 0 and 1
SHOWN = 8  # bytes of a file that is something else


class Torch:
    """The files of torch.save and torch.jit.save."""

    name = "torch"
    suffixes = (".bin", ".pt", ".pth", ".ckpt", ".pth.tar", ".pt.tar", ".jit")

    def read_header(self, path: str, size: int) -> Read[Header]:
        """Ask for the head, and for more where the pickle does not end in it; see `Format.read_header`."""
        if size == 0:
            raise FormatError(f"{path}: an empty file, not one that torch.save wrote")
        head = Bytes(0, (yield ByteRange(0, min(size, HEAD))))
        if head.data.startswith(LOCAL_MAGIC):
            return (yield from read_zip(path, size, head))
        if head.data[TAR_AT:].startswith(TAR_MAGIC):
            raise FormatError(f"{path}: a tar archive, as torch before 0.1.10 saved them, which memscan does not read")
        if head.data.startswith(PICKLES):
            return (yield from read_legacy(path, size, head))
        raise FormatError(
            f"{path}: starts with {shown(head.data[:SHOWN])}, neither a zip archive nor a torch pickle:"
            " not a file that torch.save wrote"
        )
