"""Headers laid side by side: one checkpoint, and what its index and its files say differently."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import chain
from operator import attrgetter

from memscan.checkpoint.base import Checkpoint, Shard
from memscan.document import shown
from memscan.formats import Header, ShardIndex
from memscan.note import Note
from memscan.tensor import TensorInfo
from memscan.units import plural

NAME = attrgetter("name")
SHOWN_NAME = 200  # characters of one of them: longer than any real one
SHOWN_NAMES = 3  # tensor or file names in one note


def assemble(format_name: str, headers: Mapping[str, Header], sizes: Mapping[str, int], *, slices: bool = False) -> Checkpoint:
    """One checkpoint of `headers` (file to header); `sizes` are the files' sizes in bytes.

    With `slices`, every file holds a slice of every tensor (tensor parallelism), and equal names are different tensors.
    """
    tensors, repeated = _side_by_side(headers.values(), slices=slices)
    tied = tuple(tensor for header in headers.values() for tensor in header.tied)
    optimizer = tuple(tensor for header in headers.values() for tensor in header.optimizer)
    return Checkpoint(
        format=format_name,
        shards=tuple(Shard(path=path, size=sizes[path], tensors=len(header.tensors)) for path, header in headers.items()),
        tensors=tensors,
        tied=tied,
        optimizer=optimizer,
        metadata=next(iter(headers.values())).metadata if headers else {},
        notes=(*_repeated(repeated), *_unknown_dtypes(tensors), *_shared(tied, optimizer)),
    )


def _side_by_side(headers: Iterable[Header], *, slices: bool) -> tuple[tuple[TensorInfo, ...], list[str]]:
    """The tensors of all headers, the first of each name, and the names that there are more of."""
    every = tuple(chain.from_iterable(header.tensors for header in headers))
    if len(set(map(NAME, every))) == len(every):
        return every, []
    tensors: dict[str, TensorInfo] = {}
    repeated: dict[str, None] = {}
    for number, header in enumerate(headers):
        for tensor in header.tensors:
            name = f"{tensor.name}@{number}" if slices and tensor.name in tensors else tensor.name
            if name in tensors:
                repeated[name] = None
            else:
                tensors[name] = tensor if name == tensor.name else tensor._replace(name=name)
    return tuple(tensors.values()), list(repeated)


def renamed(checkpoint: Checkpoint, prefix: str) -> Checkpoint:
    """`checkpoint` as a part of a model, its tensors' names behind `prefix`."""
    if not prefix:
        return checkpoint

    def moved(tensors: Iterable[TensorInfo]) -> tuple[TensorInfo, ...]:
        return tuple(tensor._replace(name=prefix + tensor.name) for tensor in tensors)

    return replace(
        checkpoint, tensors=moved(checkpoint.tensors), tied=moved(checkpoint.tied), optimizer=moved(checkpoint.optimizer)
    )


def combined(parts: Sequence[Checkpoint]) -> Checkpoint:
    """One checkpoint of all `parts`, whose names do not collide."""
    return Checkpoint(
        format="+".join(dict.fromkeys(part.format for part in parts)),
        shards=tuple(shard for part in parts for shard in part.shards),
        tensors=tuple(tensor for part in parts for tensor in part.tensors),
        tied=tuple(tensor for part in parts for tensor in part.tied),
        optimizer=tuple(tensor for part in parts for tensor in part.optimizer),
        metadata=parts[0].metadata,
        notes=tuple(note for part in parts for note in part.notes),
    )


def _shared(tied: tuple[TensorInfo, ...], optimizer: tuple[TensorInfo, ...]) -> Iterator[Note]:
    if tied:
        message = (
            f"{plural(len(tied), 'tensor')} sharing the storage of another, counted once: {_some([one.name for one in tied])}"
        )
        yield Note(code="tied", message=message)
    if optimizer:
        nbytes = sum(tensor.nbytes for tensor in optimizer)
        message = f"{plural(len(optimizer), 'tensor')} of training state beside the weights, {nbytes:,} bytes, not counted"
        yield Note(code="training-state", message=message)


def compare_with_index(index: ShardIndex, headers: Mapping[str, Header], files: Iterable[str]) -> tuple[Note, ...]:
    """What the index says that its shards do not, and the other way round."""
    listed = index.weight_map
    places = ((path, list(map(listed.get, map(NAME, header.tensors)))) for path, header in headers.items())
    stored_as_listed = all(found.count(path) == len(found) for path, found in places)
    if stored_as_listed and sum(len(header.tensors) for header in headers.values()) == len(listed):
        return unlisted_shards(index.path, set(index.shards), files)
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
