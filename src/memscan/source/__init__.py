"""Where bytes come from: the Hub, a URL, this machine. The only room with a window to the network and the disk.

What a plain scan does not use is imported from its own file: `blobs`, `cache_upkeep`, `memory`, `recording`, `snapshot`; so is
what a batch uses: `found`, `rate_limit`, `search`. A source is imported when its kind of target is opened.
"""

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from memscan.errors import NotFoundError, OfflineError
from memscan.source import settings
from memscan.source.base import Listing, Place, Source
from memscan.source.begun import Begun
from memscan.source.cache_place import cache_limit, cache_root
from memscan.source.guesses import Guesses
from memscan.source.hub import HubSource
from memscan.source.limits import Limits
from memscan.source.readahead import Head
from memscan.source.settings import endpoint
from memscan.source.target import Target, parse_target, recorded_target, target_within
from memscan.source.transport import Transport
from memscan.source.whole_file import write_whole

if TYPE_CHECKING:
    from memscan.source.cache import HeaderCache


class Sources:
    """Opens targets; all that one opens share one HTTP client, which opens with its first request, and one header cache."""

    def __init__(
        self,
        *,
        token: str | Literal[False] | None = None,
        cache: bool = True,
        offline: bool = False,
        public_only: bool = False,
        most_bytes: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        """`token`: None takes that of the environment, False none at all, as in `huggingface_hub`.

        `cache`: keep what is read of the Hub, and read what was kept. `offline`: ask no server at all. For who reads what
        strangers name: `public_only` asks hosts with public addresses alone, by https; `most_bytes` is what all replies may
        have together. `limits`: the Hub's rate limits, to wait for; without them a long wait is an error.
        """
        self._token = token
        self._public_only = public_only
        self._most_bytes = most_bytes
        self._limits = limits
        self._offline = offline
        self._transport: Transport | None = None
        self._cache = _open_cache() if cache else None
        self._begun: dict[Target, Begun] = {}

    def begin(self, target: Target, *, guess: bool) -> None:
        """Send the first requests for `target`, which the source that `open` gives for it goes on with."""
        if target not in self._begun:
            self._begun[target] = Begun(self.open(target, guess=guess), guess=guess and target.path is None)

    def open(self, target: Target, *, guess: bool = False) -> Source:
        """The source for `target`. Nothing is asked of it yet, unless it was begun.

        `guess`: it may ask beside the listing for the files that most repositories hold.
        """
        return self._begun.pop(target, None) or self._opened(target, guess=guess and target.path is None)

    def _opened(self, target: Target, *, guess: bool) -> Source:
        if target.snapshot is not None:
            from memscan.source.snapshot import open_record

            return open_record(target.snapshot, target.place, target.requested, target.revision)
        if target.place is Place.LOCAL:
            from memscan.source.local import LocalSource

            return LocalSource(target.folder or Path(), name=target.requested, only=target.path, notes=target.notes)
        home = endpoint()  # refuses one that huggingface_hub would fail on
        if self._offline or settings.is_offline():
            return self._here(target, home)
        if target.place is Place.URL:
            from memscan.source.url import UrlSource

            return UrlSource(self._http(), target)
        if self._cache is None:
            return self._hub(target, guess=guess)
        from memscan.source.cached import CachedSource, Shelf

        shelf = Shelf(cache=self._cache, endpoint=home, token=self._own_token)
        return CachedSource(shelf, target, self._hub, guess=guess)

    def _hub(self, target: Target, *, guess: bool) -> HubSource:
        transport = self._http()
        return HubSource(transport, target, Guesses(transport) if guess else None)

    def _here(self, target: Target, home: str) -> Source:
        """What of `target` is on this machine: headers that were kept, or huggingface_hub's snapshot of it.

        HF_HUB_OFFLINE means the snapshot to everybody who reads it, so there that goes first.
        """
        if target.place is Place.URL:
            said = "--offline is given" if self._offline else "HF_HUB_OFFLINE is set"
            raise OfflineError(f"{said}, so memscan asks no server; do without, or give a file that is here")
        from memscan.source.cached import CachedSource, Shelf
        from memscan.source.local import open_snapshot

        kept = None
        if self._cache is not None:
            shelf = Shelf(cache=self._cache, endpoint=home, token=self._own_token, is_offline=True)
            kept = CachedSource(shelf, target, None)
        if kept is not None and self._offline and kept.has_listing():
            return kept
        try:
            return open_snapshot(settings.cache_folder(), target.repo_id or "", target.revision)
        except NotFoundError as error:
            if kept is not None and (self._offline or kept.has_listing()):
                return kept
            raise OfflineError(str(error)) from error

    def _own_token(self) -> str | None:
        return settings.own_token() if self._token is None else self._token or None

    def _http(self) -> Transport:
        if self._transport is None:
            # Imported here: a folder needs no HTTP client, nor does what is kept, and it costs start-up.
            from memscan.source.http import HttpTransport

            self._transport = HttpTransport(
                token=self._token, public_only=self._public_only, most_bytes=self._most_bytes, limits=self._limits
            )
        return self._transport

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for begun in self._begun.values():
            await begun.__aexit__(kind, error, trace)
        if self._cache is not None:
            self._cache.close()
        if self._transport is not None:
            await self._transport.aclose()


def _open_cache() -> "HeaderCache | None":
    root, limit = cache_root(), cache_limit()
    if root is None or limit == 0:
        return None
    from memscan.source.cache import HeaderCache

    return HeaderCache(root, limit)


__all__ = [
    "Head",
    "Listing",
    "Place",
    "Source",
    "Sources",
    "Target",
    "Transport",
    "cache_limit",
    "cache_root",
    "endpoint",
    "parse_target",
    "recorded_target",
    "target_within",
    "write_whole",
]
