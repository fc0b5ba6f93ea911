"""Sources for many repositories: what a search told is used, and the kind of request is spent of which more is left.

What each way costs, in requests that the Hub counts: a listing is one API request; a file with LFS is one resolver, a small
one two (the Hub redirects to itself); the headers of all shards in one reply are one API request.
"""

import posixpath
from types import TracebackType
from typing import Self

from memscan.batch.shared import SharedSource
from memscan.checkpoint import select
from memscan.checkpoint.choice import role
from memscan.checkpoint.weight_sets import find_weight_sets
from memscan.errors import MemscanError
from memscan.formats.gguf_names import Role
from memscan.read import ByteRange
from memscan.scanning import MODULES, PIPELINE, ScanOptions
from memscan.source import Listing, Source, Sources, Target, Transport
from memscan.source.found import FoundSource
from memscan.source.limits import Limits
from memscan.source.rate_limit import API, RESOLVERS
from memscan.source.search import Found

BASES = 32  # base models of adapters that are at hand
INDEX_COST = 2  # resolvers that a shard index costs beside the shards: it is a small file


class PlannedSources(Sources):
    """Opens the targets of a batch."""

    def __init__(self, options: ScanOptions, limits: Limits | None) -> None:
        super().__init__(token=options.token, cache=options.cache, offline=options.offline, limits=limits)
        self._shared = limits
        self._expected: dict[Target, Found | None] = {}
        self._bases: dict[Target, SharedSource] = {}

    def expect(self, target: Target, found: Found | None) -> None:
        """`target` is opened next for a row of its own; what a search told of it. Any other target is the base of adapters."""
        self._expected[target] = found

    def transport(self) -> Transport:
        """The HTTP client that all share."""
        return self._http()

    def open(self, target: Target, *, guess: bool = False) -> Source:  # noqa: ARG002
        """The source for `target`. Nothing is guessed: a batch has other requests to wait for, and the Hub counts them."""
        if target not in self._expected:
            return self._base(target)
        found = self._expected.pop(target)
        weights = None if found is None else files_to_read(found)
        if found is not None and weights is not None:
            return PlannedSource(FoundSource(self._http(), target, found, weights), self._shared)
        return PlannedSource(super().open(target), self._shared)

    def _base(self, target: Target) -> Source:
        """A base model: thousands of adapters have the same, and it is asked for once while it is among the latest."""
        source = self._bases.pop(target, None) or SharedSource(PlannedSource(super().open(target), self._shared))
        self._bases[target] = source
        while len(self._bases) > BASES:
            del self._bases[next(iter(self._bases))]
        return source


def files_to_read(found: Found) -> tuple[str, ...] | None:
    """The files of weights that are read of `found`, where names alone tell that; None where it has to be listed.

    Sizes matter where an index or a pipeline names the files, where a note says how large a projector is, and where nothing
    can be read; everything else is chosen by name.
    """
    files = dict.fromkeys(found.files, 0)
    if found.commit is None or PIPELINE in files:
        return None
    sets = find_weight_sets(files)
    if not sets:
        return ()
    if any(role(one) is Role.PROJECTOR or (MODULES in files and one.folder) for one in sets):
        return None
    try:
        selection = select(files)
    except MemscanError:
        return None
    if selection.index is not None:
        return None
    return tuple(path for one in (selection, *selection.alternatives) for path in one.files)


class PlannedSource:
    """Reads a source for a batch: leaves out a hint that costs an API request, and weighs the two ways to many shards."""

    def __init__(self, inner: Source, limits: Limits | None) -> None:
        self._inner = inner
        self._limits = limits
        self._files: tuple[str, ...] = ()

    async def listing(self) -> Listing:
        """See `Source.listing`."""
        listing = await self._inner.listing()
        self._files = tuple(listing.files)
        return listing

    async def fetch(self, path: str, wanted: ByteRange) -> bytes:
        """See `Source.fetch`."""
        return await self._inner.fetch(path, wanted)

    async def read(self, path: str, limit: int) -> bytes:
        """See `Source.read`."""
        return await self._inner.read(path, limit)

    async def bundle(self, index: str) -> bytes | None:
        """The headers of all shards in one reply, unless the shards themselves cost a smaller part of what is left."""
        return None if self._shards_are_cheaper(index) else await self._inner.bundle(index)

    async def conversion(self) -> str | None:
        """Nothing: it is a hint for one user, and costs a request of the scarce kind."""
        return None

    def _shards_are_cheaper(self, index: str) -> bool:
        if self._limits is None:
            return False
        api, resolvers = self._limits.left(API), self._limits.left(RESOLVERS)
        if api is None or resolvers is None:
            return False
        folder, stem = posixpath.split(index.partition(".")[0])
        shards = sum(1 for path in self._files if path.startswith(posixpath.join(folder, f"{stem}-")))
        return shards > 0 and resolvers > api * (shards + INDEX_COST)

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._inner.__aexit__(kind, error, trace)
