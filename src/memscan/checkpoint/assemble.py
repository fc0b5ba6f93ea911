"""Headers laid side by side: one checkpoint, and what its index and its files say differently."""

from collections.abc import Iterable, Iterator, Mapping, Set

from memscan.checkpoint.base import Checkpoint, Shard
from memscan.document import shown
from memscan.formats import Header, ShardIndex
from memscan.note import Note
from memscan.tensor import TensorInfo
from memscan.units import plural

SHOWN_NAME = 200  # characters of one of them: longer than any real one
SHOWN_NAMES = 3  # tensor or file names in one note


def assemble(format_name: str, headers: Mapping[str, Header], sizes: Mapping[str, int]) -> Checkpoint:
    """One checkpoint of `headers` (file to header); `sizes` are the files' sizes in bytes."""
    tensors: dict[str, TensorInfo] = {}
    repeated: list[str] = []
    for header in headers.values():
        for tensor in header.tensors:
            if tensor.name in tensors:
                repeated.append(tensor.name)
            else:
                tensors[tensor.name] = tensor
    shards = tuple(Shard(path=path, size=sizes[path], tensors=len(header.tensors)) for path, header in headers.items())
    notes = (*_repeated(list(dict.fromkeys(repeated))), *_unknown_dtypes(tensors.values()))
    return Checkpoint(format=format_name, shards=shards, tensors=tuple(tensors.values()), notes=notes)


def compare_with_index(index: ShardIndex, headers: Mapping[str, Header], files: Iterable[str]) -> tuple[Note, ...]:
    """What the index says that its shards do not, and the other way round."""
    stored = {path: {tensor.name for tensor in header.tensors} for path, header in headers.items()}
    missing = [name for name, path in index.weight_map.items() if name not in stored.get(path, ())]
    notes = []
    if missing:
        message = f"{plural(len(missing), 'tensor')} of {index.path} not in the shard that it names: {_some(missing)}"
        notes.append(Note(code="index-missing-tensors", message=message))
    unlisted = [name for names in stored.values() for name in names if name not in index.weight_map]
    if unlisted:
        message = f"{plural(len(unlisted), 'tensor')} stored and not in {index.path}; counted: {_some(sorted(unlisted))}"
        notes.append(Note(code="index-unlisted-tensors", message=message))
    return (*notes, *unlisted_shards(index.path, set(index.shards), files))


def unlisted_shards(index: str, listed: Set[str], files: Iterable[str]) -> tuple[Note, ...]:
    """Files that are named as shards of `index` and that it does not name."""
    others = sorted(set(files) - listed)
    if not others:
        return ()
    message = f"{plural(len(others), 'file')} named as a shard and not in {index}; not counted: {_some(others)}"
    return (Note(code="index-unlisted-shards", message=message),)


def compare_total_size(path: str, total_size: object, checkpoint: Checkpoint) -> tuple[Note, ...]:
    """What the index at `path` says its tensors sum up to, against what the headers say."""
    nbytes = checkpoint.nbytes
    if total_size is None:
        message = f"{path} states no total_size; the headers sum up to {nbytes:,} bytes"
    elif isinstance(total_size, (int, float)) and not isinstance(total_size, bool) and total_size == nbytes:
        return ()
    else:
        stated = f"{total_size:,}" if type(total_size) is int and abs(total_size) < 10**30 else shown(total_size)
        message = f"{path} states a total_size of {stated}; the headers sum up to {nbytes:,} bytes"
    return (Note(code="index-total-size", message=message),)


def _repeated(names: list[str]) -> Iterator[Note]:
    if names:
        message = f"{plural(len(names), 'tensor')} stored in more than one file, counted once: {_some(names)}"
        yield Note(code="repeated-tensors", message=message)


def _unknown_dtypes(tensors: Iterable[TensorInfo]) -> Iterator[Note]:
    unknown: dict[str, int] = {}
    for tensor in tensors:
        if tensor.dtype.block_bytes == 0:
            unknown[tensor.dtype.name] = unknown.get(tensor.dtype.name, 0) + 1
    for name, count in sorted(unknown.items()):
        message = (
            f"{plural(count, 'tensor')} of dtype {shown(name)}, which memscan does not know; sized by their offsets in the file"
        )
        yield Note(code="unknown-dtype", message=message)


def _some(names: list[str]) -> str:
    text = ", ".join(name if len(name) <= SHOWN_NAME else f"{name[:SHOWN_NAME]}..." for name in names[:SHOWN_NAMES])
    return text if len(names) <= SHOWN_NAMES else f"{text} and {len(names) - SHOWN_NAMES:,} more"
