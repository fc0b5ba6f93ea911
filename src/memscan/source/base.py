"""What every place gives: a listing of files, and their bytes by range."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from memscan.note import Note
from memscan.read import ByteRange

# 97 % of the headers of the Hub's 1,000 most used checkpoints are shorter (huggingface_hub, get_safetensors_metadata).
HEAD = 100_000


class Place(StrEnum):
    """Where a target is."""

    HUB = "hub"
    URL = "url"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is at a place, before any of it is opened."""

    name: str
    """What people call it: the canonical `org/name`, a path, a URL."""
    files: Mapping[str, int]
    """Path (with `/` on every platform) to size in bytes."""
    repo_id: str | None = None
    revision: str | None = None
    commit: str | None = None
    """The 40 hexadecimal digits that everything below was read at."""
    library: str | None = None
    """The library that the Hub names for it."""
    public: bool = False
    """Whether the Hub says that everybody may read the files: neither private nor gated."""
    notes: tuple[Note, ...] = ()
    readahead: int = HEAD
    """Bytes at the start of a file that are worth reading at once, before a parser has asked for all of them."""


class Source(Protocol):
    """A place that files are read from. Asynchronous, and used as an asynchronous context manager."""

    async def listing(self) -> Listing:
        """The files that are there."""

    async def fetch(self, path: str, wanted: ByteRange) -> bytes:
        """Exactly the bytes of `wanted` of the listed file `path`."""

    async def read(self, path: str, limit: int) -> bytes:
        """The whole of the listed small file `path`; FormatError where it is larger than `limit` bytes."""

    async def bundle(self, index: str) -> bytes | None:
        """The headers of all the shards of `index` in one reply, where the place has such a service, else None."""

    async def conversion(self) -> str | None:
        """The revision in which a conversion of the weights to safetensors waits to be merged, where the place has such."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
