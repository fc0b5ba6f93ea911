"""The word that a user gives for a model, understood: a repository, a URL, or a place on this machine."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from memscan.document import shown
from memscan.errors import NotFoundError, TargetError, UsageError
from memscan.note import Note
from memscan.printable import shown_url
from memscan.source.base import Place
from memscan.source.settings import endpoint

if TYPE_CHECKING:
    from memscan.source.record import Record
    from memscan.source.snapshot import Snapshot

HUB_HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
REPO_ID = re.compile(r"(?:[A-Za-z0-9_][\w.-]*/)?[A-Za-z0-9_][\w.-]*", re.ASCII)
DRIVE = re.compile(r"[A-Za-z]:[\\/]")
MAX_REPO_ID = 96  # characters; as validate_repo_id in huggingface_hub
URL_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".pth.tar", ".pt.tar", ".jit", ".gguf")
"""What a plain URL ends in: the formats whose headers are read."""
WEIGHT_SUFFIXES = (*URL_SUFFIXES, ".onnx", ".json")
SNAPSHOT_SUFFIX = ".memscan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target. Which fields hold something depends on `place`."""

    requested: str
    """The user's own words, without the secret parts of a URL."""
    place: Place
    repo_id: str | None = None
    """Hub only: `name` or `organisation/name`."""
    revision: str | None = None
    """Hub only: branch, tag, commit or `refs/pr/N`; None is the main branch."""
    path: str | None = None
    """A file or folder inside the repository; a file inside the local folder."""
    url: str | None = None
    """URL only: as given; it may hold a signature and is never shown."""
    folder: Path | None = None
    """Local only: the folder, or the folder of the file that `path` names."""
    notes: tuple[Note, ...] = ()
    snapshot: "Snapshot | None" = field(default=None, compare=False, repr=False)
    """What all of it is read from, where the word was the name of a snapshot; the other fields are those of its target."""


def parse_target(word: str, *, revision: str | None = None) -> Target:
    """Understand `word`; `revision` is the one given beside it.

    A URL of huggingface.co, or of the mirror that HF_ENDPOINT names, is a repository. A name that is a file or folder
    here is that file or folder; a snapshot is opened, and gives the target that it was taken of. UsageError where the word
    is no target, NotFoundError for a path that is not there, FormatError for a file that is called a snapshot and is none.
    """
    if not word.strip():
        raise UsageError("the target is empty; give a model such as bert-base-cased, a URL, a folder or a file")
    if word.startswith("hf://"):
        return _hub(word, word.removeprefix("hf://"), revision)
    if re.match(r"https?://", word, re.IGNORECASE):
        return _url(word, revision)
    if "://" in word:
        raise UsageError(f"{shown_url(word)} is not a target: the URLs that memscan reads start with https://, http:// or hf://")
    if (here := _local(word, revision)) is not None:
        return here
    return _hub(word, word, revision)


def _local(word: str, revision: str | None) -> Target | None:
    place = _expanded(word)
    explicit = word.startswith((".", "/", "~", "\\")) or "\\" in word or DRIVE.match(word) is not None
    try:
        there = place.exists() or place.is_symlink()
    except PermissionError as error:
        raise TargetError(f"{shown(word)} may not be read: {error.strerror}") from error
    except (OSError, ValueError):  # a name that no file system allows is no path
        there = False
    if not there:
        if explicit or word.endswith((*WEIGHT_SUFFIXES, SNAPSHOT_SUFFIX)):
            raise NotFoundError(
                f"no file or folder {shown(word)} here; a model on the Hub is written org/name or hf://org/name/file"
            )
        return None
    if word.endswith(SNAPSHOT_SUFFIX) and place.is_file():
        from memscan.source.snapshot import read_snapshot

        return _recorded(read_snapshot(place, word), revision)
    if revision is not None:
        raise UsageError(
            f"{shown(word)} is a path on this machine, which has no revision {shown(revision)}; write hf://{word} for the Hub"
        )
    _check_kind(place, word)
    folder, path = (place, None) if place.is_dir() else (place.parent, place.name)
    notes = () if explicit else _also_a_name(word)
    return Target(requested=word, place=Place.LOCAL, folder=folder, path=path, notes=notes)


def _recorded(snapshot: "Snapshot", revision: str | None) -> Target:
    """The target that `snapshot` was taken of; UsageError where another `revision` of it is asked for."""
    record, listing = snapshot.record, snapshot.listing
    if revision is not None and revision not in (record.revision, listing.revision, listing.commit):
        raise UsageError(
            f"{snapshot.name} is a snapshot of {shown(record.requested)}, of one revision, which is not {shown(revision)};"
            " take another of that"
        )
    return recorded_target(snapshot)


def recorded_target(snapshot: "Snapshot") -> Target:
    """The target that `snapshot` was taken of."""
    return _target_of(snapshot.record, snapshot)


def _target_of(record: "Record", snapshot: "Snapshot") -> Target:
    return Target(
        requested=record.requested, place=record.place, repo_id=record.repo_id, revision=record.revision, path=record.path,
        snapshot=snapshot,
    )  # fmt: skip


def target_within(snapshot: "Snapshot", word: str, *, revision: str | None = None) -> Target:
    """The model that is called `word` in a model of `snapshot`: as it was when the snapshot was taken, whatever is here now."""
    folder = snapshot.find(Place.LOCAL, word, None)
    if folder is not None:
        return _target_of(folder, snapshot)
    return replace(parse_target(f"hf://{word}", revision=revision), snapshot=snapshot)


def _check_kind(place: Path, word: str) -> None:
    if place.is_symlink() and not place.exists():
        raise NotFoundError(f"{shown(word)} is a link to a file that is gone; download it again")
    if not place.is_dir() and not place.is_file():
        raise TargetError(f"{shown(word)} is no regular file and no folder; give the file or the folder of a model")


def _expanded(word: str) -> Path:
    try:
        return Path(word).expanduser()
    except RuntimeError:  # ~somebody who has no home here: then it is a name like any other
        return Path(word)


def _also_a_name(word: str) -> tuple[Note, ...]:
    if not _is_repo_id(word) or word.endswith(WEIGHT_SUFFIXES):
        return ()
    message = f"read from the path {word} on this machine; write hf://{word} for the model of that name on the Hub"
    return (Note(code="local-path", message=message),)


def _hub(word: str, rest: str, revision: str | None) -> Target:
    """`org/name`, `org/name@revision`, and behind hf:// also `org/name[@revision]/path`."""
    if not word.startswith("hf://"):
        name, at, tail = rest.partition("@")
        return _repository(word, name.rstrip("/"), _one_revision(word, tail if at else None, revision), None)
    if rest.startswith(("datasets/", "spaces/", "buckets/")):
        raise UsageError(f"{shown(word)} is not a model; expected hf://org/name or hf://org/name/file")
    organisation, slash, below = rest.partition("/")
    if not slash or "@" in organisation:
        name, at, tail = rest.partition("@")
        own, path = _split_revision(tail) if at else (None, None)
    else:
        name, slash, path = below.partition("/")
        name, at, tail = name.partition("@")
        own, path = _split_revision(tail + slash + path) if at else (None, path.strip("/") or None)
        name = f"{organisation}/{name}".rstrip("/")
    return _repository(word, name, _one_revision(word, own, revision), path)


def _url(word: str, revision: str | None) -> Target:
    try:
        parts = urlsplit(word)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"{shown_url(word)} is not a URL: {error}") from error
    if not host or port == 0:
        raise UsageError(f"{shown_url(word)} is not a URL: it names no host, or no port that there is")
    home = urlsplit(endpoint())
    base = home.path.rstrip("/")
    at_home = (parts.scheme.lower(), host, port) == (home.scheme, home.hostname, home.port) and parts.path.startswith(base + "/")
    if host in HUB_HOSTS or at_home:
        base = base if at_home else ""
        return _hub_url(shown_url(word), parts.path.removeprefix(base), revision)
    if revision is not None:
        raise UsageError(f"{shown_url(word)} is one file, which has no revision {shown(revision)}")
    if not parts.path.endswith(URL_SUFFIXES):
        raise UsageError(
            f"{shown_url(word)} is not the URL of one file of weights; outside the Hub it has to end in {', '.join(URL_SUFFIXES)}"
        )
    return Target(requested=shown_url(word), place=Place.URL, url=word)


def _hub_url(word: str, path: str, revision: str | None) -> Target:
    pieces = [piece for piece in path.split("/") if piece]
    if not pieces or pieces[0] in ("datasets", "spaces", "api", "models"):
        raise UsageError(f"{word} is not the URL of a model; expected https://huggingface.co/org/name")
    verbs = [index for index, piece in enumerate(pieces[1:3], start=1) if piece in ("tree", "blob", "resolve", "raw")]
    cut = verbs[0] if verbs else min(len(pieces), 2)
    own, inside = None, None
    if verbs and len(pieces) > cut + 1:
        # The Hub's own links quote a slash in a branch as %2F; refs/pr/N is also written plainly.
        own, inside = _split_revision("/".join(pieces[cut + 1 :]))
    return _repository(
        word, "/".join(pieces[:cut]), _one_revision(word, own, revision), None if inside is None else unquote(inside)
    )


def _split_revision(tail: str) -> tuple[str, str | None]:
    pieces = tail.split("/")
    words = 3 if pieces[0] == "refs" and len(pieces) >= 3 else 1
    return unquote("/".join(pieces[:words])), "/".join(pieces[words:]) or None


def _one_revision(word: str, own: str | None, option: str | None) -> str | None:
    if own is not None and option is not None and own != option:
        raise UsageError(f"{word} names the revision {shown(own)}, --revision names {shown(option)}; give one")
    revision = own if own is not None else option
    if revision is not None and (not revision.strip() or not revision.isprintable()):
        raise UsageError(f"{shown(revision)} is not a revision; expected a branch, a tag, a commit or refs/pr/N")
    return revision


def _is_repo_id(name: str) -> bool:
    return bool(REPO_ID.fullmatch(name)) and len(name) <= MAX_REPO_ID and "--" not in name and ".." not in name


def _repository(word: str, name: str, revision: str | None, path: str | None) -> Target:
    if not _is_repo_id(name):
        raise UsageError(
            f"{shown(name)} is not the name of a model; expected name, org/name, a URL, or a folder or file that is here"
        )
    if path is not None and any(part in ("", ".", "..") for part in path.split("/")):
        raise UsageError(f"{shown(path)} is not a path inside a repository")
    return Target(requested=word, place=Place.HUB, repo_id=name, revision=revision, path=path)
