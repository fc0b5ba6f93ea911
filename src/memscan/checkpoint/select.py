"""Which files of a listing make one checkpoint: the one place that decides what a loader would load."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

from memscan.document import shown
from memscan.errors import NotFoundError, NoWeightsError
from memscan.note import Note
from memscan.units import plural

SUFFIX = ".safetensors"
INDEX_SUFFIX = ".safetensors.index.json"
# What loaders look for first; then any other name, if it is the only one.
PREFERRED = ("model", "diffusion_pytorch_model", "open_clip_model", "consolidated", "adapter_model")
SHARD_NAME = re.compile(r"(?P<stem>.+)[-_](?P<number>\d{1,9})-of-(?P<count>\d{1,9})\.safetensors")
OTHER_WEIGHTS = (".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".h5", ".msgpack")
SHOWN_FILES = 5  # names in one message


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The files of one checkpoint."""

    files: tuple[str, ...]
    """The weight files; with an index, those that look like its shards, before it is read."""
    index: str | None = None
    """The shard index, where there is one."""
    notes: tuple[Note, ...] = ()


def select(files: Mapping[str, int], path: str | None = None) -> Selection:
    """The checkpoint among `files` (path to size), or the one at `path`, a file or a folder of the listing.

    NotFoundError where `path` is not in the listing; NoWeightsError where nothing can be read, or the choice is the user's.
    """
    if path is not None and path in files:
        return _one_file(path, files)
    folder = "" if path is None else f"{path}/"
    names = [name for name in sorted(files) if name.startswith(folder) and "/" not in name[len(folder) :]]
    if path is not None and not any(name.startswith(folder) for name in files):
        raise NotFoundError(f"no file or folder {shown(path)} among the {plural(len(files), 'file')}")
    indexes = [name for name in names if name.endswith(INDEX_SUFFIX)]
    index = _preferred(indexes, INDEX_SUFFIX)
    single = _preferred([name for name in names if name.endswith(SUFFIX) and not SHARD_NAME.fullmatch(name)], SUFFIX)
    if index is not None:
        return Selection(files=_shards_of(index, names), index=index, notes=_beside(index, single, files))
    if single is not None:
        return Selection(files=(single,))
    if shards := _complete_shards(names):
        message = f"{plural(len(shards), 'shard')} without an index; read as one checkpoint"
        return Selection(files=shards, notes=(Note(code="no-index", message=message),))
    raise NoWeightsError(_why_none(files, names, folder))


def _one_file(path: str, files: Mapping[str, int]) -> Selection:
    if path.endswith(INDEX_SUFFIX):
        folder = posixpath.dirname(path)
        names = [name for name in files if posixpath.dirname(name) == folder]
        return Selection(files=_shards_of(path, names), index=path)
    if not path.endswith(SUFFIX):
        raise NoWeightsError(f"{path} is not a .safetensors file or the index of some; memscan reads no other format yet")
    shard = SHARD_NAME.fullmatch(path)
    if shard is None:
        return Selection(files=(path,))
    message = f"{path} is one of {int(shard['count']):,} shards; the numbers are of this file alone"
    return Selection(files=(path,), notes=(Note(code="one-shard", message=message),))


def _preferred(names: list[str], suffix: str) -> str | None:
    stems = {posixpath.basename(name).removesuffix(suffix): name for name in names}
    for stem in PREFERRED:
        if stem in stems:
            return stems[stem]
    return names[0] if len(names) == 1 else None


def _shards_of(index: str, names: list[str]) -> tuple[str, ...]:
    """The files that are named as shards of `index` are: a guess that lets them be read together with it."""
    stem = index.removesuffix(INDEX_SUFFIX)
    matches = ((name, SHARD_NAME.fullmatch(name)) for name in names)
    return tuple(sorted(name for name, match in matches if match is not None and match["stem"] == stem))


def _complete_shards(names: list[str]) -> tuple[str, ...]:
    groups: dict[tuple[str, int], dict[str, int]] = {}
    for name in names:
        if (match := SHARD_NAME.fullmatch(name)) is not None:
            groups.setdefault((match["stem"], int(match["count"])), {})[name] = int(match["number"])
    complete = [tuple(sorted(group)) for (_, count), group in groups.items() if _is_whole(sorted(group.values()), count)]
    return complete[0] if len(complete) == 1 else ()


def _is_whole(numbers: list[int], count: int) -> bool:
    return len(numbers) == count and numbers in (
        list(range(1, count + 1)),
        list(range(count)),
    )  # most writers count from 1, some from 0


def _beside(index: str, single: str | None, files: Mapping[str, int]) -> tuple[Note, ...]:
    if single is None:
        return ()
    message = f"{single} ({files[single]:,} bytes) stands beside {posixpath.basename(index)} and is not counted"
    if posixpath.basename(single) == "model.safetensors":
        message += "; transformers would load the single file, vLLM and diffusers the sharded one"
    return (Note(code="two-checkpoints", message=message),)


def _why_none(files: Mapping[str, int], names: list[str], folder: str) -> str:
    where = f"the folder {folder.rstrip('/')}" if folder else "the top folder"
    several = [name for name in names if name.endswith(SUFFIX)]
    if several:
        return f"{plural(len(several), 'safetensors file')} in {where} and none that loaders prefer: name one of {_some(several)}"
    others = [name for name in sorted(files) if name.startswith(folder) and name.endswith((*OTHER_WEIGHTS, SUFFIX))]
    if others:
        return f"no safetensors file in {where}, which is what memscan reads; there are {_some(others)}"
    count = sum(name.startswith(folder) for name in files)
    return f"nothing that holds weights in {where}: {plural(count, 'file')}, none of them safetensors"


def _some(names: list[str]) -> str:
    text = ", ".join(names[:SHOWN_FILES])
    return text if len(names) <= SHOWN_FILES else f"{text} and {len(names) - SHOWN_FILES:,} more"
