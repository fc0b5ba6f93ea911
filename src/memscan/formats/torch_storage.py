"""Storages of a torch checkpoint: the stretches of bytes that tensors are views of, as persistent ids name them.

Source: `persistent_id` of `_legacy_save` and `_save` in https://github.com/pytorch/pytorch/blob/main/torch/serialization.py.
"""

from collections.abc import Callable
from dataclasses import dataclass

from memscan.document import shown
from memscan.dtype import STORAGES, DType
from memscan.errors import FormatError
from memscan.formats.pickle import Global, described

MAX_COUNT = 2**63  # torch counts elements and bytes in signed 64 bits
MAX_KEY = 256  # characters of a storage's key; torch numbers them, or takes their address


@dataclass(frozen=True, slots=True)
class Storage:
    """A storage, or a view of one (as releases before 0.4 saved them)."""

    key: str
    dtype: DType
    """What its items are; uint8 for untyped bytes."""
    nbytes: int
    """Bytes of the whole storage."""
    start: int = 0
    """The byte of the storage where this view of it begins."""


def persistent(path: str, prefix: str = "") -> Callable[[object], Storage | Global]:
    """The reader of the persistent ids in the pickle of `path`; `prefix` goes in front of every key."""
    return lambda key: _read(key, path, prefix)


def _read(key: object, path: str, prefix: str) -> Storage | Global:
    if not isinstance(key, tuple) or not key:
        raise FormatError(
            f"{path}: its pickle has a persistent id that is {described(key)}, expected a tuple that names a storage"
        )
    if key[0] == "module" and len(key) == 4 and isinstance(key[1], Global):
        return key[1]  # the class of a model that was saved whole, with its source
    if key[0] != "storage" or len(key) not in (5, 6):
        raise FormatError(
            f"{path}: its pickle has a persistent id of {described(key[0])} and {len(key):,} items, expected a storage"
        )
    _, kind, name, _, count, *view = key
    if not isinstance(kind, Global) or kind.name not in STORAGES:
        raise FormatError(f"{path}: its pickle has a storage of class {described(kind)}, expected one of torch's")
    if not isinstance(name, str) or len(name) > MAX_KEY:
        raise FormatError(f"{path}: its pickle has a storage whose key is {described(name)}, expected a short string")
    dtype = STORAGES[kind.name]
    nbytes = _count(count, path, name) * dtype.block_bytes
    start = _start(view[0], path, name) * dtype.block_bytes if view and view[0] is not None else 0
    return Storage(key=prefix + name, dtype=dtype, nbytes=nbytes, start=start)


def _start(view: object, path: str, name: str) -> int:
    if not isinstance(view, tuple) or len(view) != 3:
        raise FormatError(
            f"{path}: the storage {shown(name)} is a view by {described(view)}, expected its key, offset and length"
        )
    return _count(view[1], path, name)


def _count(value: object, path: str, name: str) -> int:
    if type(value) is int and 0 <= value < MAX_COUNT:
        return value
    raise FormatError(f"{path}: the storage {shown(name)} has a size of {described(value)}, expected an integer >= 0")
