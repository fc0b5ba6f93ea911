"""What was read of one target, as a snapshot keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass

from memscan.errors import MemscanError
from memscan.source.base import Listing, Place


@dataclass(frozen=True, slots=True)
class Extent:
    """`length` bytes of a piece: those of the blob from `start`, or zeros where there is no blob."""

    blob: int | None
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a file, without gaps: from `start` to before `stop`."""

    start: int
    stop: int
    extents: tuple[Extent, ...]

    @classmethod
    def of(cls, start: int, extents: tuple[Extent, ...]) -> "Piece":
        """The piece that starts at `start` and is made of `extents`."""
        return cls(start, start + sum(extent.length for extent in extents), extents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What was read of one target."""

    place: Place
    requested: str
    """As in the target: the user's word, without what may be secret."""
    repo_id: str | None
    revision: str | None
    path: str | None
    """A file or folder inside the target, or the one file of a folder."""
    listing: Listing | None
    """None where the target could not be read."""
    failure: MemscanError | None
    """The error that said so."""
    conversion: str | None
    pieces: Mapping[str, tuple[Piece, ...]]
    """By the path of the file; in the order of their bytes, apart from each other."""

    @property
    def key(self) -> tuple[Place, str, str | None]:
        """What a target is found by: where it is, the word for it, the revision that was asked for."""
        return self.place, self.requested, self.revision
