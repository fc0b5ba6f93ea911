"""The blobs of a snapshot while it is written: what is the same in several pieces is kept once."""

from collections.abc import Sequence

from memscan.source.record import Extent


class Blobs:
    """Takes pieces of files, and gives the extents that they are made of."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}

    @property
    def contents(self) -> Sequence[bytes]:
        """The blobs, by number."""
        return tuple(self._numbers)

    def add(self, data: bytes) -> tuple[Extent, ...]:
        """The extents of `data`."""
        return (self._whole(data),) if data else ()

    def _whole(self, data: bytes) -> Extent:
        return Extent(self._numbers.setdefault(data, len(self._numbers)), 0, len(data))
