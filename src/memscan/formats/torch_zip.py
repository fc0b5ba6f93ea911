"""torch's zip archives: `data.pkl` with the pickle, `data/KEY` with each storage; torch 1.6 and later, and TorchScript.

Source: `_save` in https://github.com/pytorch/pytorch/blob/main/torch/serialization.py and `PyTorchStreamWriter` in
caffe2/serialize/inline_container.cc. torch.save writes the pickle first, so the head of the file is enough; TorchScript
writes it behind the storages, where the directory at the end of the archive finds it, and keeps the constants of its code,
which are the weights of a frozen model, under a pickle of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from memscan.document import shown
from memscan.errors import FormatError
from memscan.formats import zip_archive
from memscan.formats.base import Header
from memscan.formats.pickle import Bytes, Call, Names, read_pickle
from memscan.formats.torch_globals import allows
from memscan.formats.torch_header import header
from memscan.formats.torch_storage import Storage, persistent
from memscan.formats.zip_archive import Entry
from memscan.read import ByteRange, Read

PICKLE = "data.pkl"
SCRIPTED = "__torch__"  # the module of all classes that a TorchScript archive defines
CONSTANTS = "constants"  # the folder of TorchScript's constants, whose pickle stands beside it
# TorchScript keeps its pickle, code and constants between the storages and the directory: some 100 kB of most models.
TAIL = 131_072
BEFORE = 262_144  # bytes in front of a long directory, read together with it
MAX_DIRECTORY = 16 * 2**20  # bytes; 100,000 storages have 7 MB
LONGEST_LOCAL = zip_archive.LOCAL.size + 2 * 0xFFFF
PADDED_LOCAL = 512  # bytes of most local headers: a name, and what puts the entry's first byte at a multiple of 64
MOST = 2**20  # bytes of a pickle that are fetched together with its local header


@dataclass(frozen=True, slots=True)
class Listing:
    """The directory of an archive."""

    entries: Mapping[str, Entry]
    stop: int
    """Where the directory starts, and so every entry ends before."""
    tail: Bytes
    """What was fetched for it: the last bytes of the file."""


def read_zip(path: str, size: int, head: Bytes) -> Read[Header]:
    """The header of the archive `path` of `size` bytes, whose first bytes are `head`."""
    first = zip_archive.local_entry(head.data, path, 0)
    if first is None or not _is_pickle(first.name):
        return (yield from _from_directory(path, size))
    _check_readable(first, path)
    known = 0 < first.size < zip_archive.MASK  # torch itself writes sizes only behind the entry, and in the directory
    stop = min(size, first.start + first.size) if known else size
    value, behind = yield from _pickle(path, Bytes(first.start, head.data[first.start : stop]), stop)
    if isinstance(value, Call) and value.function.module.startswith(SCRIPTED):
        return (yield from _from_directory(path, size))  # its weights may be constants, which have a pickle of their own
    found, storages = header(value, path, {"serialization": "zip"})
    needed = behind.start + sum(storage.nbytes for storage in storages.values())
    if needed > size:
        raise FormatError(f"{path}: its storages need {needed:,} bytes, the file has {size:,}: it is cut off")
    return found


def _from_directory(path: str, size: int) -> Read[Header]:
    listing = yield from _listing(path, size)
    entry = next((entry for entry in listing.entries.values() if _is_pickle(entry.name)), None)
    if entry is None:
        raise FormatError(f"{path}: {_what_it_is(listing.entries)}")
    value = yield from _value(path, listing, entry, "")
    root = entry.name.removesuffix(PICKLE)
    scripted = any(name.startswith(f"{root}code/") for name in listing.entries)
    constants: object = ()
    if scripted and (second := listing.entries.get(f"{root}{CONSTANTS}.pkl")) is not None:
        constants = yield from _value(path, listing, second, f"{CONSTANTS}/")
    found, storages = header(value, path, {"serialization": "torchscript" if scripted else "zip"}, constants)
    _check_storages(path, root, storages, listing.entries)
    return found


def _value(path: str, listing: Listing, entry: Entry, prefix: str) -> Read[object]:
    """What the pickle that is `entry` holds; `prefix` sets the keys of its storages apart."""
    if entry.start >= listing.stop:
        raise FormatError(f"{path}: says that {shown(entry.name)} starts at byte {entry.start:,}, behind the last entry")
    _check_readable(entry, path)
    at_hand = listing.tail
    data = at_hand.data[entry.start - at_hand.start : listing.stop - at_hand.start] if at_hand.start <= entry.start else b""
    local = zip_archive.local_entry(data, path, entry.start)
    missing = min(listing.stop - entry.start, max(LONGEST_LOCAL, min(entry.size + PADDED_LOCAL, MOST))) - len(data)
    if local is None and missing > 0:
        data += yield ByteRange(entry.start + len(data), missing)
        local = zip_archive.local_entry(data, path, entry.start)
    if local is None:
        raise FormatError(f"{path}: the zip entry {shown(entry.name)} is cut off")
    stop = min(listing.stop, local.start + entry.size)
    rest = data[local.start - entry.start : max(0, stop - entry.start)]
    value, _ = yield from _pickle(path, Bytes(local.start, rest), stop, prefix)
    return value


def _pickle(path: str, at_hand: Bytes, stop: int, prefix: str = "") -> Read[tuple[object, Bytes]]:
    return (yield from read_pickle(path, at_hand, stop, Names(allows, persistent(path, prefix))))


def _listing(path: str, size: int) -> Read[Listing]:
    start = max(0, size - TAIL)
    tail = Bytes(start, (yield ByteRange(start, size - start)))
    where = zip_archive.directory(tail.data, path, start)
    if where.length > MAX_DIRECTORY:
        raise FormatError(f"{path}: its zip directory has {where.length:,} bytes, memscan reads at most {MAX_DIRECTORY:,}")
    if where.start < start:
        first = max(0, where.start - BEFORE)
        tail = Bytes(first, (yield ByteRange(first, start - first)) + tail.data)
    raw = tail.data[where.start - tail.start :][: where.length]
    return Listing({entry.name: entry for entry in zip_archive.entries(raw, path, where.entries)}, where.start, tail)


def _is_pickle(name: str) -> bool:
    """Whether `name` is `data.pkl` in the archive's one top folder, or beside it as repacked archives have it."""
    folder, _, last = name.rpartition("/")
    return last == PICKLE and "/" not in folder


def _check_readable(entry: Entry, path: str) -> None:
    if entry.encrypted:
        raise FormatError(f"{path}: {shown(entry.name)} in the archive is encrypted; torch does not write that")
    if entry.method != zip_archive.STORED:
        raise FormatError(
            f"{path}: {shown(entry.name)} in the archive is compressed (method {entry.method}), torch stores it as it is;"
            " repack the archive without compression (zip -0)"
        )


def _check_storages(path: str, root: str, storages: Mapping[str, Storage], listed: Mapping[str, Entry]) -> None:
    """Every storage that the pickle names has to be an entry of its size."""
    for key, storage in storages.items():
        entry = listed.get(f"{root}{key}" if key.startswith(CONSTANTS) else f"{root}data/{key}")
        if entry is None:
            raise FormatError(f"{path}: its pickle names the storage {shown(key)}, which is not in the archive")
        if entry.method == zip_archive.STORED and entry.size < storage.nbytes:
            raise FormatError(
                f"{path}: the storage {shown(key)} has {storage.nbytes:,} bytes by the pickle, {entry.size:,} in the archive"
            )


def _what_it_is(listed: Mapping[str, Entry]) -> str:
    """Why an archive without `data.pkl` is not read."""
    names = [name.partition("/")[2] or name for name in listed]
    if "model.json" in names:
        return "a TorchScript archive of torch 1.0 to 1.3, which memscan does not read; load and save it with a later torch"
    if any(name.startswith(".data/") for name in names):
        return "a torch.package archive, which memscan does not read; it holds code and pickles of its own"
    return f"a zip archive without {PICKLE}, so no checkpoint that torch.save or torch.jit.save wrote"
