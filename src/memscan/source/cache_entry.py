"""One entry of the header cache: a file with a checksum, what it is an answer to, and the bytes of that answer.

    memscan-cache 1 <SHA-256 of all that follows>
    {"endpoint": ..., "repo_id": ..., "commit": ..., "kind": ..., "name": ..., "start": ..., "length": ..., "reader": ...}
    <the bytes>

Documented in docs/cache.md. Whatever is not exactly so is no entry: it is ignored, and written anew.
"""

import json
import os
from dataclasses import asdict, dataclass
from hashlib import blake2b, sha256
from typing import Self

from memscan.document import Document
from memscan.errors import FormatError

VERSION = "headers-1"
"""The folder below the cache's own that has the entries of this format; another format gets another."""
STARTED = ".started-"  # the name of an entry that is not whole yet begins so
MAGIC = b"memscan-cache 1 "
DIGEST = 64  # hexadecimal digits of SHA-256
MAX_META = 65_536  # bytes of the line that says what an entry is
SALT = 16  # bytes; as many as blake2b takes
FINGERPRINT = 16  # bytes; nobody finds another token with the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What an entry is the answer to."""

    endpoint: str
    """The Hub or the mirror: another one may have another repository of the same name."""
    repo_id: str
    kind: str
    """`listing`, `file`, `range`, `bundle` and `conversion`, of a commit; `ref` and `alias`, which say which commit of what."""
    commit: str = ""
    """40 hexadecimal digits; empty for a `ref` and an `alias`."""
    name: str = ""
    """A path in the repository, or the revision of a `ref`."""
    start: int = 0
    """Of a `range`: its first byte."""
    length: int = 0
    """Of a `range`: its bytes."""

    @property
    def digest(self) -> str:
        """The name of the file: 40 hexadecimal digits."""
        return _sha256(json.dumps(asdict(self), sort_keys=True).encode())[:40]

    @property
    def folder(self) -> str:
        """The folder of the repository: readable, and its own also where file names have no case."""
        own = _sha256(f"{self.endpoint}\0{self.repo_id}".encode(errors="surrogatepass"))[:16]
        return f"{repository_prefix(self.repo_id)}{own}"


def repository_prefix(repo_id: str) -> str:
    """What the name of a folder of `repo_id` starts with, whatever the Hub; 16 hexadecimal digits follow."""
    return f"{repo_id.replace('/', '--')}--"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whose token an entry was read with: enough to know that token again, nothing to learn it from.

    A hash with a salt that each entry has for itself; a token of the Hub has more than 190 bits, so it cannot be guessed.
    """

    salt: str
    fingerprint: str

    @classmethod
    def of(cls, token: str) -> Self:
        """The reader who holds `token`."""
        salt = os.urandom(SALT)
        return cls(salt=salt.hex(), fingerprint=_fingerprint(token, salt))

    def holds(self, token: str | None) -> bool:
        """Whether `token` is the one that the entry was read with."""
        try:
            return token is not None and self.fingerprint == _fingerprint(token, bytes.fromhex(self.salt))
        except ValueError:  # a salt that is none
            return False


def _fingerprint(token: str, salt: bytes) -> str:
    return blake2b(token.encode(errors="surrogatepass"), digest_size=FINGERPRINT, salt=salt).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was kept."""

    body: bytes
    reader: Reader | None = None
    """Who may be given it without asking the Hub; None: everybody."""


def pack(key: Key, entry: Entry) -> bytes:
    """The file of `entry`."""
    reader = None if entry.reader is None else asdict(entry.reader)
    rest = json.dumps({**asdict(key), "reader": reader}).encode() + b"\n" + entry.body
    return MAGIC + _sha256(rest).encode() + b"\n" + rest


def unpack(raw: bytes, key: Key) -> Entry | None:
    """The entry in the file `raw`, if it is whole and the answer to `key`."""
    found = opened(raw)
    if found is None:
        return None
    meta, body = found
    if {**meta.values, "reader": None} != {**asdict(key), "reader": None}:
        return None
    try:
        return Entry(body=body, reader=_reader(meta.child("reader")))
    except FormatError:
        return None


def opened(raw: bytes) -> tuple[Document, bytes] | None:
    """What the file `raw` says that it is, and its bytes; None where it is not whole."""
    start = len(MAGIC) + DIGEST + 1
    if not raw.startswith(MAGIC) or raw[start - 1 : start] != b"\n":
        return None
    rest = memoryview(raw)[start:]
    if _sha256(rest).encode() != raw[len(MAGIC) : start - 1]:
        return None
    end = raw.find(b"\n", start, start + MAX_META)
    try:
        return (Document.parse(raw[start:end], "the entry", strict=False), raw[end + 1 :]) if end >= 0 else None
    except FormatError:
        return None


def _reader(meta: Document | None) -> Reader | None:
    return None if meta is None else Reader(salt=meta.text("salt") or "", fingerprint=meta.text("fingerprint") or "")


def _sha256(data: bytes | memoryview) -> str:
    return sha256(data).hexdigest()
