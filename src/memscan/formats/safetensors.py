"""safetensors: eight bytes of length, a JSON table of tensors, then their bytes without holes.

Specification: https://github.com/huggingface/safetensors#format; the checks are those of `SafeTensors::read_metadata` and
`Metadata::validate` in its Rust source, with two stated differences: an unknown dtype is accepted and sized by its offsets,
and duplicate keys are refused.
"""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from struct import Struct
from typing import NoReturn

from memscan.document import Document, decode, decode_at, shown, text_of, walk
from memscan.dtype import SAFETENSORS, DType, unknown
from memscan.errors import FormatError
from memscan.formats.base import Header
from memscan.formats.safetensors_compact import compact_tensors
from memscan.read import ByteRange, Read
from memscan.tensor import TensorInfo

LENGTH = Struct("<Q")
MAX_HEADER = 100_000_000  # bytes; MAX_HEADER_SIZE of the reference parser
MAX_WORD = 2**64  # shapes and offsets are usize in the reference parser
METADATA = "__metadata__"
METADATA_FIRST = f'{{"{METADATA}":'
TENSOR_KEYS = ("dtype", "shape", "data_offsets")
MAX_DEPTH = 127  # arrays and objects in each other, as serde_json reads them
MAX_NUMBER = 1.7976931348623157e308  # the largest double: serde_json refuses a number beyond it


class Safetensors:
    """The safetensors format."""

    name = "safetensors"
    suffixes = (".safetensors",)

    def read_header(self, path: str, size: int) -> Read[Header]:
        """Ask for the length, then for the table; see `Format.read_header`."""
        if size < LENGTH.size:
            raise FormatError(f"{path}: {size:,} bytes, too short for a safetensors file, which starts with 8 bytes of length")
        (length,) = LENGTH.unpack((yield ByteRange(0, LENGTH.size)))
        if length > MAX_HEADER:
            raise FormatError(f"{path}: {_what_else(length)}")
        if LENGTH.size + length > size:
            raise FormatError(
                f"{path}: says its header has {length:,} bytes, but the file has only {size:,}; it is cut off or damaged"
            )
        what = f"{path}: the header"
        text = text_of((yield ByteRange(LENGTH.size, length)), what)
        data_size = size - LENGTH.size - length
        quick = _compact(text, 0, path, data_size)
        if quick is not None and not text[quick[1] :].strip(" "):  # it is filled up to a multiple of eight bytes
            return quick[0]
        return parse_table(decode(text, what), path, data_size=data_size)


def _what_else(length: int) -> str:
    """What a file is whose first eight bytes are no length of a header: often something that is easy to tell."""
    start = LENGTH.pack(length)
    if start == b"version ":
        return "a Git LFS pointer, not the weights; fetch them with `git lfs pull`"
    if start.lstrip().startswith(b"<"):
        return "starts like a web page, not like a safetensors file; the download went wrong"
    return (
        f"says its header has {length:,} bytes, more than the {MAX_HEADER:,} that safetensors allows;"
        " this is not a safetensors file, or it is damaged"
    )


def parse_bundle(text: str, sizes: Mapping[str, int]) -> tuple[Mapping[str, Header], Document]:
    """The headers of all shards in one reply of the Hub, by file name, and the index's metadata.

    `sizes` are the shards' file sizes in bytes. The reply's layout is that of `get_sharded_safetensors_metadata` in
    huggingface_hub 2.4: `{"index": {"metadata": {...}}, "headers": {shard: header}}`. The length of the header itself is
    not in it, so each shard is checked as far as its JSON allows: what the tensors do not cover must be a possible header.
    """
    what = "the Hub's safetensors metadata"
    headers: dict[str, Header] = {}
    parts: dict[str, object] = {}
    is_compact = True

    def shard(path: str, at: int) -> int:
        if path not in sizes:
            raise FormatError(f"{what} names {shown(path)}, which is not in the repository")
        nonlocal is_compact
        quick = _compact(text, at, path, None) if is_compact else None
        is_compact = quick is not None  # one look ahead for the end of a table is cheap, one from each shard is not
        header, end = quick or _decoded(text, at, what, path)
        headers[path] = header
        length = sizes[path] - LENGTH.size - _end(header.tensors)
        if not 2 <= length <= MAX_HEADER:
            raise FormatError(f"{path}: {sizes[path]:,} bytes cannot hold the tensors that {what} lists")
        return end

    def part(key: str, at: int) -> int:
        if key == "headers" and text.startswith("{", at):
            parts[key] = {}
            return walk(text, at, what, shard)  # one shard's JSON at a time: that of all takes five times its length
        parts[key], end = decode_at(text, at, what)
        return end

    if text[walk(text, 0, what, part) :].strip():
        raise FormatError(f"{what} is not JSON: it goes on behind its end")
    reply = Document(what, parts)
    index, tables = reply.child("index"), reply.child("headers")
    if index is None or tables is None:
        raise FormatError(f"{what} has no index or no headers")
    return headers, index.child("metadata") or Document(f"{index.path}: metadata", {})


def _decoded(text: str, at: int, what: str, path: str) -> tuple[Header, int]:
    table, end = decode_at(text, at, what)
    return parse_table(table, path, data_size=None), end


def parse_table(table: object, path: str, *, data_size: int | None) -> Header:
    """Check a decoded header table against itself and against the `data_size` bytes behind it (None: not known)."""
    if not isinstance(table, dict):
        raise FormatError(f"{path}: the header is {shown(table)}, expected a JSON object")
    metadata = _metadata(table.get(METADATA), path)
    return _header(_in_order(table, path), metadata, path, data_size)


def _compact(text: str, at: int, path: str, data_size: int | None) -> tuple[Header, int] | None:
    """The header whose table starts at `at` in `text`, and where it ends; None where it is not spelled as usual."""
    start, metadata = at + 1, None
    if not text.startswith("{", at):
        return None
    if text.startswith(METADATA_FIRST, at):
        try:
            metadata, start = decode_at(text, at + len(METADATA_FIRST), path)
        except FormatError:
            return None
        if not text.startswith(",", start):
            return None
        start += 1
    found = compact_tensors(text, start, lambda name, entry: _tensor(name, entry, path))
    if found is None:
        return None
    tensors, end = found
    if _end(tensors) >= MAX_WORD or any(tensor.name == METADATA for tensor in tensors):
        return None
    return _header(tensors, metadata, path, data_size), end


def _header(tensors: Sequence[TensorInfo], metadata: object, path: str, data_size: int | None) -> Header:
    """The header of `tensors`, which follow each other from byte 0 on and have to end where the file does."""
    end = _end(tensors)
    if data_size is not None and end != data_size:
        problem = "the file is cut off" if end > data_size else "the rest belongs to no tensor"
        raise FormatError(f"{path}: the tensors cover {end:,} bytes, the file holds {data_size:,}: {problem}")
    return Header(tensors=tuple(tensors), metadata=_metadata(metadata, path))


def _in_order(table: Mapping[str, object], path: str) -> list[TensorInfo]:
    """The tensors of any table in the order of their bytes, which may not overlap nor leave holes."""
    tensors = [_tensor(name, entry, path) for name, entry in table.items() if name != METADATA]
    tensors.sort(key=attrgetter("offset", "nbytes"))
    end = 0
    for tensor in tensors:
        if tensor.offset != end:
            problem = "overlaps the tensor before it" if tensor.offset < end else "leaves a hole before it"
            raise FormatError(f"{path}: {shown(tensor.name)} starts at byte {tensor.offset:,}, expected {end:,}: it {problem}")
        end += tensor.nbytes
    return tensors


def _end(tensors: Sequence[TensorInfo]) -> int:
    """Where the bytes of tensors end that follow each other from 0 on."""
    return tensors[-1].offset + tensors[-1].nbytes if tensors else 0


def _metadata(value: object, path: str) -> Mapping[str, str]:
    if value is None:
        return {}
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return value
    raise FormatError(f"{path}: {METADATA} is {shown(value)}, expected an object of strings")


def _tensor(name: str, entry: object, path: str) -> TensorInfo:
    if isinstance(entry, list) and len(entry) == len(TENSOR_KEYS):
        # serde also reads a struct from the list of its fields; no writer does so, but the reference accepts it.
        entry = dict(zip(TENSOR_KEYS, entry, strict=True))
    if not isinstance(entry, dict):
        raise FormatError(f"{path}: {shown(name)} is {shown(entry)}, expected dtype, shape and data_offsets")
    try:
        word, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    except KeyError as error:
        raise FormatError(f"{path}: {shown(name)} has no {error.args[0]}") from error
    if len(entry) > len(TENSOR_KEYS):
        _check_ignored(path, name, [value for key, value in entry.items() if key not in TENSOR_KEYS])
    if isinstance(word, dict) and list(word.values()) == [None]:
        # serde also reads a variant without content from {"F32": null}.
        (word,) = word
    if type(word) is not str:
        _refuse(path, name, "dtype", word, "a string")
    if type(shape) is not list or not _are_words(shape):
        _refuse(path, name, "shape", shape, "a list of integers >= 0")
    if type(offsets) is not list or len(offsets) != 2 or not _are_words(offsets):
        _refuse(path, name, "data_offsets", offsets, "two integers >= 0")
    start, stop = offsets
    if stop < start:
        raise FormatError(f"{path}: {shown(name)} ends at byte {stop:,}, before it starts at {start:,}")
    dtype = SAFETENSORS.get(word) or unknown(word)
    _check_size(path, name, dtype, shape, stop - start)
    return TensorInfo(name=name, dtype=dtype, shape=tuple(shape), offset=start, nbytes=stop - start)


def _are_words(values: list[object]) -> bool:
    # type() and not isinstance(): True is an int to Python and refused by the reference.
    # A loop and not all(): a generator costs 0.1 s in a header of 100,000 tensors.
    for value in values:
        if type(value) is not int or not 0 <= value < MAX_WORD:
            return False
    return True


def _check_ignored(path: str, name: str, values: list[object]) -> None:
    """What stands in keys that nobody reads must still be JSON to the reference parser: its depth, its range of numbers."""
    depth = 2  # the table and the entry
    while values:
        if any(isinstance(value, int | float) and not abs(value) <= MAX_NUMBER for value in values):
            raise FormatError(f"{path}: {shown(name)} holds a number that no double can hold")
        inner = [value for value in values if isinstance(value, (dict, list))]
        depth += bool(inner)
        if depth > MAX_DEPTH:
            raise FormatError(f"{path}: {shown(name)} is nested too deeply: more than {MAX_DEPTH} levels")
        values = [item for value in inner for item in (value.values() if isinstance(value, dict) else value)]


def _check_size(path: str, name: str, dtype: DType, shape: list[int], nbytes: int) -> None:
    elements = 1
    for dimension in shape:
        elements *= dimension
        if elements >= MAX_WORD:
            raise FormatError(f"{path}: {shown(name)} of shape {shown(shape)} has more elements than 64 bits count")
    if dtype.block_bytes == 0:
        return
    expected = dtype.exact_nbytes(elements)
    if expected is None:
        raise FormatError(f"{path}: {shown(name)} of {dtype.name} {shown(shape)} does not end at a whole byte")
    if expected != nbytes:
        raise FormatError(
            f"{path}: {shown(name)} of {dtype.name} {shown(shape)} needs {expected:,} bytes, its data_offsets give {nbytes:,}"
        )


def _refuse(path: str, name: str, key: str, value: object, expected: str) -> NoReturn:
    raise FormatError(f"{path}: {shown(name)} has {key} {shown(value)}, expected {expected}")
