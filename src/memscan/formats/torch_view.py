"""A tensor of a torch checkpoint: a view of a storage, checked against it.

Source: https://github.com/pytorch/pytorch/blob/main/torch/_utils.py (`_rebuild_tensor`); sizes and bounds as
`checkInBoundsForStorage` in aten/src/ATen/native/Resize.h has them.
"""

from dataclasses import dataclass
from typing import NoReturn

from memscan.document import shown
from memscan.dtype import TORCH, DType, unknown
from memscan.errors import FormatError
from memscan.formats.pickle import Global
from memscan.formats.torch_storage import MAX_COUNT, Storage

MAX_DIMENSIONS = 64  # torch itself works with at most this many (MAX_DIMS of its iterators)

# torch's older words for dtypes (https://pytorch.org/docs/stable/tensor_attributes.html).
ALIASES = {
    "half": "float16", "float": "float32", "double": "float64", "short": "int16", "int": "int32", "long": "int64",
    "chalf": "complex32", "cfloat": "complex64", "cdouble": "complex128",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """A tensor: a view of a storage."""

    dtype: DType
    shape: tuple[int, ...]
    storage: Storage | None
    """None where the file keeps no storage for it: on the meta device, or with its numbers in the pickle."""
    start: int
    """The byte of the storage where its first element stands."""
    nbytes: int
    """Bytes from its first element to behind its last, gaps between them included."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, for messages."""

    path: str
    name: str

    def refuse(self, problem: str) -> NoReturn:
        """Raise the FormatError that says what is wrong with the tensor here."""
        raise FormatError(f"{self.path}: {shown(self.name)} {problem}")


def view_of_storage(storage: Storage) -> View:
    """The tensor of one dimension that a storage saved by itself is."""
    return View(storage.dtype, (storage.nbytes // storage.dtype.block_bytes,), storage, 0, storage.nbytes)


def read_view(parts: tuple[object, ...], dtype: DType | None, place: Place) -> View:
    """The view of `parts`: storage, offset, size and stride, in elements; `dtype` is the storage's where None."""
    storage, offset, size, stride = parts
    if not isinstance(storage, Storage):
        place.refuse("has no storage")
    if type(offset) is not int or not 0 <= offset < MAX_COUNT:
        place.refuse("has a storage offset that is no integer >= 0")
    dtype = dtype or storage.dtype
    shape, strides = counts(size, "shape", place), counts(stride, "stride", place)
    if len(shape) != len(strides):
        place.refuse(f"has {len(shape):,} dimensions and {len(strides):,} strides")
    elements = count_elements(shape, place)
    if dtype.block_bytes == 0:  # not known: all of its storage is its own
        return View(dtype, shape, storage, storage.start, storage.nbytes)
    reach = 1 + sum((length - 1) * step for length, step in zip(shape, strides, strict=True)) if elements else 0
    start, nbytes = storage.start + offset * dtype.block_bytes // dtype.block, dtype.packed_nbytes(reach)
    if elements and start + nbytes > storage.nbytes:
        place.refuse(f"reaches to byte {start + nbytes:,} of its storage, which has {storage.nbytes:,}")
    return View(dtype, shape, storage, start, nbytes)


def count_elements(shape: tuple[int, ...], place: Place) -> int:
    """The product of the shape."""
    elements = 1
    for length in shape:
        elements *= length
        if elements >= MAX_COUNT:
            place.refuse("has more elements than 64 bits count")
    return elements


def counts(values: object, what: str, place: Place) -> tuple[int, ...]:
    """A shape or a stride."""
    if not isinstance(values, tuple | list) or len(values) > MAX_DIMENSIONS:
        place.refuse(f"has a {what} that is no tuple of at most {MAX_DIMENSIONS} integers")
    if any(type(value) is not int or not 0 <= value < MAX_COUNT for value in values):
        place.refuse(f"has a {what} that holds something else than integers >= 0")
    return tuple(values)


def read_dtype(value: object, place: Place) -> DType:
    """The dtype that a name stands for; one younger than the table is named and not sized."""
    if not isinstance(value, Global) or value.module != "torch":
        place.refuse("has a dtype that is none of torch's")
    name = ALIASES.get(value.name, value.name)
    return TORCH.get(name) or unknown(name)
