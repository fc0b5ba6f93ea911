"""GGUF: typed metadata, a table of tensors, then their bytes, each tensor at a multiple of the file's alignment.

Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; the checks are those of `gguf_init_from_reader` in
https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/gguf.cpp, with stated differences: version 1 and the other byte
order are read; a type that ggml has not is accepted and sized by the offsets; tensors may stand in any order and leave
holes, as the gguf package reads them; the last tensor may lack its padding; every count has a limit.
"""

from collections.abc import Mapping
from math import prod
from struct import Struct

from memscan.document import shown
from memscan.dtype import GGML_RETIRED, ggml
from memscan.errors import FormatError
from memscan.formats.base import Header
from memscan.formats.gguf_cursor import FIRST_STEP, Cursor
from memscan.formats.gguf_values import Value, Values
from memscan.read import Read
from memscan.tensor import TensorInfo

MAGIC = b"GGUF"
VERSIONS = (1, 2, 3)
MAX_KEYS = 65_536  # metadata; the longest known have a few hundred
MAX_TENSORS = 100_000  # the largest known has about 2,000, because experts are stacked
MAX_DIMENSIONS = 4  # GGML_MAX_DIMS
MAX_ELEMENTS = 2**63 - 1  # a dimension and their product are int64_t in ggml
ALIGNMENT = "general.alignment"
DEFAULT_ALIGNMENT = 32  # GGUF_DEFAULT_ALIGNMENT
MAX_ALIGNMENT = 2**20  # writers use 32 and 64; a page of any machine is smaller than this
LEAST_KEY = 9  # bytes of the shortest key and value: a length, a type, a byte, in version 1
LEAST_TENSOR = 20  # bytes of the shortest table entry: a length, a number of dimensions, a type, an offset, in version 1
LIKELY_TENSOR = 80  # bytes of a usual table entry: a name of 25, two dimensions, the rest and a margin


class Gguf:
    """The GGUF format."""

    name = "gguf"
    suffixes = (".gguf",)

    def read_header(self, path: str, size: int) -> Read[Header]:
        """Ask for the head in growing steps, until the last entry of the table; see `Format.read_header`."""
        cursor = Cursor(path, size)
        values = yield from _preamble(cursor)
        tensor_count = yield from values.count()
        key_count = yield from values.count()
        _check_counts(cursor, tensor_count, key_count)
        metadata = yield from _metadata(values, key_count)
        alignment = _alignment(metadata, path)
        tensors: list[TensorInfo] = []
        for left in range(tensor_count, 0, -1):
            tensors.append((yield from _tensor(values, left)))  # noqa: PERF401 -- a comprehension cannot yield
        data_start = -(-cursor.position // alignment) * alignment
        return Header(tensors=_laid_out(tensors, path, alignment, size - data_start), metadata=metadata)


def _preamble(cursor: Cursor) -> Read[Values]:
    if cursor.size < 8:
        raise FormatError(
            f"{cursor.path}: {cursor.size:,} bytes, too short for a GGUF file, which starts with 8 of magic and version"
        )
    head = yield from cursor.take(8, FIRST_STEP)
    if head[:4] != MAGIC:
        raise FormatError(f"{cursor.path}: starts with {shown(head[:4])}, expected {MAGIC!r}: this is not a GGUF file")
    # Nothing says the byte order. A version that is a multiple of 65,536 is read in the wrong one, as the reference decides.
    order = "<" if int.from_bytes(head[4:], "little") % 65_536 else ">"
    (version,) = Struct(f"{order}I").unpack_from(head, len(MAGIC))
    if version not in VERSIONS:
        raise FormatError(f"{cursor.path}: is GGUF version {version:,}, memscan reads 1 to {max(VERSIONS)}")
    return Values(cursor, order=order, version=version)


def _check_counts(cursor: Cursor, tensors: int, keys: int) -> None:
    for what, count, limit in (("tensors", tensors, MAX_TENSORS), ("metadata keys", keys, MAX_KEYS)):
        if count > limit:
            raise FormatError(f"{cursor.path}: says it has {count:,} {what}, more than the {limit:,} that memscan reads")
    cursor.expect(keys * LEAST_KEY + tensors * LEAST_TENSOR)


def _metadata(values: Values, count: int) -> Read[Mapping[str, Value]]:
    metadata: dict[str, Value] = {}
    for number in range(count):
        key = yield from values.name(f"metadata key {number:,}")
        if not key:
            raise FormatError(f"{values.cursor.path}: metadata key {number:,} is empty")
        if key in metadata:
            raise FormatError(f"{values.cursor.path}: the metadata key {shown(key)} stands twice")
        metadata[key] = yield from values.value(key)
    return metadata


def _alignment(metadata: Mapping[str, Value], path: str) -> int:
    value = metadata.get(ALIGNMENT, DEFAULT_ALIGNMENT)
    if type(value) is not int or not 0 < value <= MAX_ALIGNMENT or value & (value - 1):
        raise FormatError(f"{path}: {ALIGNMENT} is {shown(value)}, expected a power of two up to {MAX_ALIGNMENT:,}")
    return value


def _tensor(values: Values, left: int) -> Read[TensorInfo]:
    """The table entry of the next of `left` tensors; its size is 0 where the type is not known."""
    path = values.cursor.path
    name = yield from values.name("a tensor", left * LIKELY_TENSOR)
    dimensions = yield from values.word()
    if dimensions > MAX_DIMENSIONS:
        raise FormatError(f"{path}: {shown(name)} has {dimensions:,} dimensions, more than the {MAX_DIMENSIONS} of ggml")
    entry = Struct(f"{values.order}{dimensions}{values.count_format}IQ")
    *extents, number, offset = entry.unpack((yield from values.cursor.take(entry.size)))
    if number in GGML_RETIRED:
        raise FormatError(
            f"{path}: {shown(name)} is of type {number} ({GGML_RETIRED[number]}), which ggml has removed: nothing loads this"
            " file any more; it has to be converted again"
        )
    shape = tuple(reversed(extents))  # ggml counts the innermost dimension first, torch last
    dtype = ggml(number)
    elements = prod(shape)
    if max(elements, *shape, 0) > MAX_ELEMENTS:
        raise FormatError(f"{path}: {shown(name)} of shape {shown(list(shape))} has more elements than 63 bits count")
    row = shape[-1] if shape else 1
    if row % dtype.block:
        raise FormatError(f"{path}: {shown(name)} of {dtype.name} has rows of {row:,}, expected a multiple of {dtype.block}")
    return TensorInfo(name=name, dtype=dtype, shape=shape, offset=offset, nbytes=dtype.exact_nbytes(elements) or 0)


def _laid_out(tensors: list[TensorInfo], path: str, alignment: int, data_size: int) -> tuple[TensorInfo, ...]:
    """`tensors` in the order of their bytes, which were found apart, aligned and inside the `data_size` bytes of the file."""
    names: set[str] = set()
    for tensor in tensors:
        if tensor.name in names:
            raise FormatError(f"{path}: the tensor {shown(tensor.name)} stands twice")
        names.add(tensor.name)
        if tensor.offset % alignment:
            raise FormatError(
                f"{path}: {shown(tensor.name)} starts at byte {tensor.offset:,}, expected a multiple of {alignment:,}"
            )
    placed: list[TensorInfo] = []
    stop = max(data_size, 0)
    for tensor in sorted(tensors, key=_by_bytes, reverse=True):
        sized = _sized(tensor, stop)
        _check_end(sized, path, placed, stop)
        placed.append(sized)
        if sized.nbytes:
            stop = sized.offset
    placed.reverse()
    return tuple(placed)


def _by_bytes(tensor: TensorInfo) -> tuple[int, int]:
    return tensor.offset, tensor.nbytes


def _sized(tensor: TensorInfo, stop: int) -> TensorInfo:
    """`tensor`; one of an unknown type reaches up to the next tensor's first byte, at `stop`."""
    if tensor.dtype.block_bytes or not tensor.elements:
        return tensor
    return tensor._replace(nbytes=max(stop - tensor.offset, 0))


def _check_end(tensor: TensorInfo, path: str, behind: list[TensorInfo], stop: int) -> None:
    end = tensor.offset + tensor.nbytes
    if end <= stop and (tensor.nbytes or not tensor.elements):
        return
    what = f"{path}: {shown(tensor.name)} of {tensor.dtype.name} {shown(list(tensor.shape))} at byte {tensor.offset:,}"
    follower = next((other for other in reversed(behind) if other.nbytes), None)
    if follower is None:
        raise FormatError(f"{what} ends at byte {end:,}, but the file holds {stop:,} of data: it is cut off")
    raise FormatError(f"{what} ends at byte {end:,} and overlaps {shown(follower.name)}, which starts at {stop:,}")
