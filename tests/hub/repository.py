"""A model repository: revisions that hold files, and who may read them."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from .content import Content
from .entry import Entry

LFS_SUFFIXES = (".safetensors", ".bin", ".gguf", ".pt", ".pth", ".ckpt", ".onnx", ".h5", ".msgpack")
LARGEST_GIT_FILE = 10 * 1024 * 1024  # the real Hub refuses larger files outside LFS, whatever their name
SHORT_COMMIT = re.compile(r"[0-9a-f]{7,40}")  # git's own shortest abbreviation is 7 digits

Files = Mapping[str, bytes | Path]


@dataclass(frozen=True, kw_only=True, eq=False)
class Revision:
    """The files of a repository at one commit."""

    commit: str
    """40 hexadecimal digits."""
    files: Files
    """Path in the repository -> bytes, or the file on disk that holds them."""
    lfs_suffixes: tuple[str, ...] = LFS_SUFFIXES
    """Files that end like this are LFS files."""

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """Path -> entry, in the order of the paths."""
        return {path: self._entry(path, Content(self.files[path])) for path in sorted(self.files)}

    def _entry(self, path: str, content: Content) -> Entry:
        lfs = path.endswith(self.lfs_suffixes) or content.size > LARGEST_GIT_FILE
        return Entry(path=path, content=content, lfs=lfs)


@dataclass(frozen=True, kw_only=True)
class Discussion:
    """A discussion or a pull request of a repository."""

    num: int
    title: str
    author: str
    is_pull_request: bool = False
    status: str = "open"
    text: str = ""
    """The first comment."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Repository:
    """A model repository as the loopback Hub serves it."""

    repo_id: str
    """`organisation/name`; a name alone is allowed, as for the Hub's oldest repositories."""
    files: Files
    """The files on `main`."""
    commit: str = ""
    """Commit of `main`; by default made from the repository's id, the same on every run."""
    branches: Mapping[str, Revision] = field(default_factory=dict)
    """Other branches, and references such as `refs/pr/4`, by the name that a user gives as revision."""
    tags: Mapping[str, Revision] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    """Legacy or former ids; every route answers 307 to the present one."""
    library: str | None = None
    """`library_name` in the API, for instance `transformers`."""
    gated: Literal["auto", "manual"] | None = None
    """Listed for everybody, but its files are for `readers` only."""
    private: bool = False
    """Looks missing to everybody but `readers`."""
    disabled: bool = False
    readers: frozenset[str] = frozenset()
    """Tokens that may read it where it is gated or private."""
    lfs_suffixes: tuple[str, ...] = LFS_SUFFIXES
    discussions: tuple[Discussion, ...] = ()
    discussions_disabled: bool = False
    info: Mapping[str, object] = field(default_factory=dict)
    """Put over the model info of the API, for instance a `safetensors` summary that is wrong."""

    def __post_init__(self) -> None:
        if not self.commit:
            digest = hashlib.sha1(self.repo_id.encode(), usedforsecurity=False).hexdigest()
            object.__setattr__(self, "commit", digest)

    @cached_property
    def main(self) -> Revision:
        """The default branch."""
        return Revision(commit=self.commit, files=self.files, lfs_suffixes=self.lfs_suffixes)

    def find_revision(self, name: str) -> Revision | None:
        """Return what a branch, a tag, a reference or a full or short commit names."""
        named = {"main": self.main, **self.tags, **self.branches}
        if name in named:
            return named[name]
        if not SHORT_COMMIT.fullmatch(name):
            return None
        return next((revision for revision in self.revisions() if revision.commit.startswith(name)), None)

    def revisions(self) -> Iterator[Revision]:
        """Every revision, `main` first."""
        yield self.main
        yield from self.branches.values()
        yield from self.tags.values()

    def is_open_to(self, token: str | None) -> bool:
        """Whether the files may be read with this (valid or absent) token."""
        return not (self.gated or self.private) or token in self.readers
