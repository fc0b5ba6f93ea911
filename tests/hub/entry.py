"""One file of a revision as the Hub knows it: its place, its size and its digests.

https://huggingface.co/docs/hub/storage-backends (git blobs and LFS objects)
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from .content import Content

HASHED_WHOLE = 16 * 1024 * 1024  # larger (sparse) files get a digest of their name: reading them takes too long


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file at a path. `lfs` files live on the CDN, the others in git."""

    path: str
    content: Content
    lfs: bool

    @property
    def size(self) -> int:
        """Length of the file in bytes, whichever way it is stored."""
        return self.content.size

    @cached_property
    def sha256(self) -> str:
        """Name of the LFS object: the digest of the content, or of name and size where that is too large."""
        if self.size <= HASHED_WHOLE:
            return hashlib.sha256(self.content.read(0, self.size)).hexdigest()
        return hashlib.sha256(f"{self.path} {self.size}".encode()).hexdigest()

    @cached_property
    def pointer(self) -> bytes:
        """The small text that git holds in place of an LFS file."""
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n".encode()

    @cached_property
    def oid(self) -> str:
        """Git's name of the blob (of the pointer, for LFS files)."""
        blob = self.pointer if self.lfs else self.content.read(0, self.size)
        return hashlib.sha1(b"blob %d\0" % len(blob) + blob, usedforsecurity=False).hexdigest()

    @property
    def etag(self) -> str:
        """The quoted entity tag that both the Hub and the CDN send."""
        return f'"{self.sha256 if self.lfs else self.oid}"'
