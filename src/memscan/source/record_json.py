"""A record of a snapshot as JSON, and back; the way back trusts nothing.

    {"place": "hub", "requested": "bert-base-cased", "repo_id": "bert-base-cased", "revision": null, "path": null,
     "failure": null, or [class of the error, its message], and then nothing follows,
     "listing": {"name": ..., "repo_id": ..., "revision": ..., "commit": ..., "library": ...,
                 "notes": [[code, message], ...], "files": {path: bytes, ...}},
     "conversion": null,
     "pieces": {path: [[start in the file, extent, ...], ...], ...}}

An extent is `[blob, start in the blob, length]`, or `[length]` for a hole: bytes of tensors that were read together with a
header and say nothing; they read as zeros.
"""

from collections.abc import Mapping, Sequence

from memscan import errors
from memscan.document import Document, shown
from memscan.errors import FormatError, MemscanError
from memscan.note import Note
from memscan.source.base import Listing, Place
from memscan.source.record import Extent, Piece, Record

FAILURES: Mapping[str, type[MemscanError]] = {
    kind.__name__: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.TargetError | errors.FormatError)
}
"""The errors that are kept, by name: those of a base model that could not be read, which its adapter's report mentions."""
MAX_SIZE = 2**63 - 1  # bytes of a file


def to_json(record: Record) -> dict[str, object]:
    """The JSON of `record`."""
    listing = record.listing
    return {
        "place": record.place.value,
        "requested": record.requested,
        "repo_id": record.repo_id,
        "revision": record.revision,
        "path": record.path,
        "failure": None if record.failure is None else [type(record.failure).__name__, str(record.failure)],
        "listing": None if listing is None else _listing_json(listing),
        "conversion": record.conversion,
        "pieces": {path: [_piece_json(piece) for piece in pieces] for path, pieces in sorted(record.pieces.items())},
    }


def _listing_json(listing: Listing) -> dict[str, object]:
    return {
        "name": listing.name,
        "repo_id": listing.repo_id,
        "revision": listing.revision,
        "commit": listing.commit,
        "library": listing.library,
        "notes": [[note.code, note.message] for note in listing.notes],
        "files": dict(listing.files),
    }


def _piece_json(piece: Piece) -> list[object]:
    parts = [[extent.length] if extent.blob is None else [extent.blob, extent.start, extent.length] for extent in piece.extents]
    return [piece.start, *parts]


def from_json(document: Document, blobs: Sequence[int]) -> Record:
    """The record in `document`, whose extents lie inside `blobs` of these sizes; FormatError for all else."""
    word = document.text("place")
    place = next((place for place in Place if place.value == word), None)
    if place is None:
        raise FormatError(f"{document.path}: 'place' is {shown(word)}, expected one of {', '.join(Place)}")
    listing = document.child("listing")
    failure = _failure(document)
    if (listing is None) == (failure is None):
        raise FormatError(f"{document.path} has to have either a listing or a failure")
    found = None if listing is None else _listing(listing)
    return Record(
        place=place,
        requested=_text(document, "requested"),
        repo_id=document.text("repo_id"),
        revision=document.text("revision"),
        path=_inside(document.text("path"), document.path),
        listing=found,
        failure=failure,
        conversion=document.text("conversion"),
        pieces={} if found is None else _pieces(document, found.files, blobs),
    )


def _failure(document: Document) -> MemscanError | None:
    match document.values.get("failure"):
        case None:
            return None
        case [str() as name, str() as message] if name in FAILURES:
            return FAILURES[name](message)
        case value:
            raise FormatError(f"{document.path}: 'failure' is {shown(value)}, expected the name of an error and its message")


def _listing(document: Document) -> Listing:
    notes = document.values.get("notes")
    if not isinstance(notes, list):
        raise FormatError(f"{document.path}: 'notes' is {shown(notes)}, expected a list")
    return Listing(
        name=_text(document, "name"),
        files=_files(document),
        repo_id=document.text("repo_id"),
        revision=document.text("revision"),
        commit=document.text("commit"),
        library=document.text("library"),
        notes=tuple(_note(note, document.path) for note in notes),
        readahead=0,  # what nobody asked for was not kept
    )


def _note(value: object, path: str) -> Note:
    match value:
        case [str() as code, str() as message]:
            return Note(code=code, message=message)
    raise FormatError(f"{path}: a note is {shown(value)}, expected a code and a message")


def _files(document: Document) -> Mapping[str, int]:
    files = document.child("files")
    if files is None:
        raise FormatError(f"{document.path} lists no files")
    for path, size in files.values.items():
        _inside(path, files.path)
        if type(size) is not int or not 0 <= size <= MAX_SIZE:
            raise FormatError(f"{files.path}: {shown(path)} has the size {shown(size)}")
    return {path: size for path, size in files.values.items() if isinstance(size, int)}


def _inside(path: str | None, where: str) -> str | None:
    """`path`, if it is one inside a folder: none that leads out of it, or that no system has."""
    if path is not None and ("\0" in path or any(part in ("", ".", "..") for part in path.split("/"))):
        raise FormatError(f"{where} names {shown(path)}, which is no path inside a folder")
    return path


def _text(document: Document, key: str) -> str:
    found = document.text(key)
    if not found:
        raise FormatError(f"{document.path}: {key!r} is missing")
    return found


def _pieces(document: Document, files: Mapping[str, int], blobs: Sequence[int]) -> Mapping[str, tuple[Piece, ...]]:
    pieces = document.child("pieces")
    if pieces is None:
        raise FormatError(f"{document.path} has no pieces")
    found: dict[str, tuple[Piece, ...]] = {}
    for path, entries in pieces.values.items():
        if path not in files or not isinstance(entries, list):
            raise FormatError(f"{pieces.path}: {shown(path)} is not in the listing, or has no list of pieces")
        found[path] = tuple(_piece(entry, f"{pieces.path}: {shown(path)}", blobs) for entry in entries)
        _check_order(found[path], files[path], f"{pieces.path}: {shown(path)}")
    return found


def _check_order(pieces: tuple[Piece, ...], size: int, where: str) -> None:
    stop = 0
    for piece in pieces:
        if piece.start < stop:
            raise FormatError(f"{where}: a piece starts at byte {piece.start:,}, before the one in front of it ends")
        stop = piece.stop
    if stop > size:
        raise FormatError(f"{where}: a piece ends at byte {stop:,} of a file of {size:,}")


def _piece(entry: object, where: str, blobs: Sequence[int]) -> Piece:
    match entry:
        case [int() as start, *extents] if start >= 0:
            return Piece.of(start, tuple(_extent(extent, where, blobs) for extent in extents))
    raise FormatError(f"{where}: a piece is {shown(entry)}, expected where it starts and its extents")


def _extent(value: object, where: str, blobs: Sequence[int]) -> Extent:
    match value:
        case [int() as length] if 0 < length <= MAX_SIZE:
            return Extent(None, 0, length)
        case [int() as blob, int() as start, int() as length] if (
            0 <= blob < len(blobs) and start >= 0 and length > 0 and start + length <= blobs[blob]
        ):
            return Extent(blob, start, length)
    raise FormatError(f"{where}: an extent is {shown(value)}, which is in no blob")
