"""Where bytes come from: the Hub, a URL, this machine. The only room with a window to the network and the disk."""

from pathlib import Path
from types import TracebackType
from typing import Self

from memscan.errors import TargetError
from memscan.source import settings
from memscan.source.base import Listing, Source
from memscan.source.local import LocalSource, open_snapshot
from memscan.source.memory import MemorySource
from memscan.source.readahead import Head
from memscan.source.target import Place, Target, parse_target, shown_url
from memscan.source.transport import Transport


class Sources:
    """Opens targets; all that one opens share one HTTP client, which opens with its first request."""

    def __init__(self, *, token: str | None = None) -> None:
        self._token = token
        self._transport: Transport | None = None

    def open(self, target: Target) -> Source:
        """The source for `target`. Nothing is asked of it yet."""
        if target.place is Place.LOCAL:
            return LocalSource(target.folder or Path(), name=target.requested, only=target.path, notes=target.notes)
        return self._remote(target)

    def _remote(self, target: Target) -> Source:
        settings.endpoint()  # refuses one that huggingface_hub would fail on
        if settings.is_offline():
            if target.place is Place.URL:
                raise TargetError("HF_HUB_OFFLINE is set, so memscan asks no server; unset it, or give a file that is here")
            return open_snapshot(settings.cache_folder(), target.repo_id or "", target.revision)

        # Imported here: a folder needs no HTTP client, and it costs start-up.
        from memscan.source.http import HttpTransport
        from memscan.source.hub import HubSource
        from memscan.source.url import UrlSource

        if self._transport is None:
            self._transport = HttpTransport(token=self._token)
        if target.place is Place.URL:
            return UrlSource(self._transport, target)
        return HubSource(self._transport, target)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._transport is not None:
            await self._transport.aclose()


__all__ = ["Head", "Listing", "MemorySource", "Place", "Source", "Sources", "Target", "parse_target", "shown_url"]
