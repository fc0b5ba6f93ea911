"""torch's files before zip: five pickles in a row, then each storage as a count of 8 bytes and its items.

Source: `_legacy_save` in https://github.com/pytorch/pytorch/blob/main/torch/serialization.py. torch before 1.6 wrote these,
and `torch.save(..., _use_new_zipfile_serialization=False)` still does.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final, NoReturn

from memscan.document import shown
from memscan.errors import FormatError
from memscan.formats.base import Header
from memscan.formats.pickle import Bytes, Names, described, read_pickle
from memscan.formats.torch_globals import allows
from memscan.formats.torch_header import header
from memscan.formats.torch_storage import Storage, persistent
from memscan.read import Read

MAGIC: Final = 0x1950A86A20F9469CFC6C  # MAGIC_NUMBER of torch/serialization.py
PROTOCOL: Final = 1001  # PROTOCOL_VERSION of the same file
COUNT_LENGTH = 8  # bytes in front of each storage


def read_legacy(path: str, size: int, head: Bytes) -> Read[Header]:
    """The header of the file `path` of `size` bytes, whose first bytes are `head`."""
    magic, rest = yield from read_pickle(path, head, size, _plain(path))
    if magic != MAGIC:
        raise FormatError(
            f"{path}: a pickle that torch.save did not write: it starts with {described(magic)}, not torch's magic number"
        )
    version, rest = yield from read_pickle(path, rest, size, _plain(path))
    if version != PROTOCOL:
        raise FormatError(f"{path}: a torch file of protocol {described(version)}, expected {PROTOCOL}")
    _, rest = yield from read_pickle(path, rest, size, _plain(path))
    value, rest = yield from read_pickle(path, rest, size, Names(allows, persistent(path)))
    keys, rest = yield from read_pickle(path, rest, size, _plain(path))
    found, storages = header(value, path, {"serialization": "legacy"})
    _check_storages(path, size, rest.start, keys, storages)
    return found


def _plain(path: str) -> Names:
    """The pickles around the object, which hold numbers and strings alone."""
    return Names(lambda _name: False, partial(_refuse_id, path))


def _refuse_id(path: str, _key: object) -> NoReturn:
    raise FormatError(f"{path}: a persistent id outside of the pickled object; the file is damaged")


def _check_storages(path: str, size: int, start: int, keys: object, storages: Mapping[str, Storage]) -> None:
    """Every storage that the pickle names has to be in the list behind it, and the file has to hold them all."""
    if not isinstance(keys, list):
        raise FormatError(f"{path}: has {described(keys)} where the list of its storages should stand")
    listed = {key for key in keys if isinstance(key, str)}
    for key in storages:
        if key not in listed:
            raise FormatError(f"{path}: its pickle names the storage {shown(key)}, which is not in the file's list of storages")
    stop = start + sum(COUNT_LENGTH + storage.nbytes for storage in storages.values())
    if stop > size:
        raise FormatError(f"{path}: its storages end at byte {stop:,}, the file has {size:,}: it is cut off")
