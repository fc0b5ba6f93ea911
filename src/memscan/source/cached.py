"""A repository on the Hub whose headers are kept: what was read of a commit before is not asked for again.

Which requests are left: none for a commit that is pinned and was read before; one for a branch, which gives its commit.
What is not public is given without asking only to the token that it was read with. Offline nobody can be asked, and what is
there is given to who can read the folder, as huggingface_hub does.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Protocol, Self

from memscan.document import Document, shown
from memscan.errors import FormatError, NotFoundError, OfflineError
from memscan.read import ByteRange
from memscan.source.base import Listing
from memscan.source.cache import HeaderCache
from memscan.source.cache_entry import Entry, Key, Reader
from memscan.source.hub import COMMIT, MAIN, HubSource, refuse_large
from memscan.source.target import REPO_ID, Target

DAY = 86_400  # seconds for which the answer that no conversion waits, or which, holds: it is of no commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The cache as one run may use it."""

    cache: HeaderCache
    endpoint: str
    """The Hub or the mirror in use."""
    token: Callable[[], str | None]
    """The token in use, asked for only where something is not public."""
    is_offline: bool = False
    """Whether nobody can be asked who may have what."""

    def take(self, key: Key) -> bytes | None:
        """The answer to `key`, if it was kept and this reader may have it."""
        entry = self.cache.read(key)
        if entry is None:
            return None
        allowed = self.is_offline or entry.reader is None or entry.reader.holds(self.token())
        return entry.body if allowed else None

    def put(self, key: Key, body: bytes, *, public: bool) -> None:
        """Keep the answer to `key`; what was read with a token and is not `public` is for that token."""
        token = None if public else self.token()
        self.cache.write(key, Entry(body=body, reader=None if token is None else Reader.of(token)))


class OpenHub(Protocol):
    """Opens a repository on the Hub."""

    def __call__(self, target: Target, *, guess: bool) -> HubSource:
        """`guess`: whether it may ask beside the listing for the files that most repositories hold."""


class CachedSource:
    """Reads one repository at one revision, from the cache where that has it, else from the Hub."""

    def __init__(self, shelf: Shelf, target: Target, hub: OpenHub | None, *, guess: bool = False) -> None:
        """`hub` opens a repository on the Hub; None where nothing may be asked. `guess`: it may where nothing was kept."""
        self._guess = guess
        self._shelf = shelf
        self._target = target
        self._hub = hub
        self._asked: HubSource | None = None
        self._listing: Listing | None = None

    def has_listing(self) -> bool:
        """Whether the files of the target are known without asking."""
        return self._known() is not None

    async def listing(self) -> Listing:
        """From the cache where the commit is known; else one API request, which gives it."""
        listing = self._known()
        if listing is None:
            listing = await self._ask_for_listing()
            self._keep_listing(listing)
        self._listing = listing
        return listing

    async def fetch(self, path: str, wanted: ByteRange) -> bytes:
        """The range as it was read before, or from the Hub."""
        key = self._key("range", path, start=wanted.start, length=wanted.length)
        body = self._shelf.take(key)
        if body is None or len(body) != wanted.length:
            body = await self._source(path).fetch(path, wanted)
            self._keep(key, body)
        return body

    async def read(self, path: str, limit: int) -> bytes:
        """The file as it was read before, or from the Hub."""
        refuse_large(path, self._at.files[path], limit)
        key = self._key("file", path)
        body = self._shelf.take(key)
        if body is None or len(body) != self._at.files[path]:
            body = await self._source(path).read(path, limit)
            self._keep(key, body)
        return body

    async def bundle(self, index: str) -> bytes | None:
        """The reply as it came before; also that there is no such service, which is an empty entry."""
        key = self._key("bundle", index)
        body = self._shelf.take(key)
        if body is not None or self._hub is None:
            return body or None
        if self._at.revision != MAIN:
            return None
        body = await self._source(index).bundle(index)
        # A refusal says nothing about who may read more: it is kept only where it is the same for everybody, or for a token.
        if body is not None or self._at.public or self._shelf.token() is not None:
            self._keep(key, body or b"")
        return body

    async def conversion(self) -> str | None:
        """The answer of the last day, or the Hub's."""
        if self._at.revision != MAIN:
            return None
        key = self._key("conversion", "")
        known = self._shelf.take(key)
        if known is not None:
            asked, revision = _parse_answer(known)
            if self._hub is None or 0 <= time.time() - asked < DAY:
                return revision
        if self._hub is None:
            return None
        revision = await self._source("").conversion()
        self._keep(key, json.dumps({"asked": int(time.time()), "revision": revision}).encode())
        return revision

    @property
    def _at(self) -> Listing:
        if self._listing is None:
            raise RuntimeError("the listing comes first")
        return self._listing

    def _known(self) -> Listing | None:
        asked = self._target.repo_id or ""
        repo_id = self._alias(asked) or asked
        revision = self._target.revision or MAIN
        if COMMIT.fullmatch(revision):
            commit: str | None = revision
        else:
            commit = self._commit(repo_id, revision) if self._hub is None else None
        body = None if commit is None else self._shelf.take(self._key_of(repo_id, "listing", commit=commit))
        return None if body is None or commit is None else _parse_listing(body, repo_id, revision, commit)

    def _alias(self, asked: str) -> str | None:
        """The name that the Hub answered `asked` with."""
        body = self._shelf.take(self._key_of(asked, "alias"))
        name = None if body is None else body.decode(errors="replace")
        return name if name is not None and REPO_ID.fullmatch(name) else None

    def _commit(self, repo_id: str, revision: str) -> str | None:
        """The commit that `revision` was seen at last."""
        body = self._shelf.take(self._key_of(repo_id, "ref", name=revision))
        commit = None if body is None else body.decode(errors="replace")
        return commit if commit is not None and COMMIT.fullmatch(commit) else None

    async def _ask_for_listing(self) -> Listing:
        target, asked = self._target, self._target.repo_id or ""
        if self._hub is None:
            raise OfflineError(_missing(asked, target.revision or MAIN))
        # A name without an organisation is the Hub's own and never given to another model: the redirect can be left out.
        # That of a model that was renamed may have been taken since, so that one is asked for by its old name.
        alias = None if "/" in asked else self._alias(asked)
        if alias is not None:
            self._asked = self._hub(replace(target, repo_id=alias), guess=False)
            try:
                return await self._asked.listing()
            except NotFoundError:
                pass  # renamed since
        # What was read of an older commit is mostly there at the newest, so that a guess would ask twice.
        guess = self._guess and self._commit(self._alias(asked) or asked, target.revision or MAIN) is None
        self._asked = self._hub(target, guess=guess)
        return await self._asked.listing()

    def _keep_listing(self, listing: Listing) -> None:
        asked, repo_id, commit = self._target.repo_id or "", listing.repo_id or "", listing.commit or ""
        if repo_id != asked:
            self._renew(self._key_of(asked, "alias"), repo_id)
        if not COMMIT.fullmatch(listing.revision or ""):
            self._renew(self._key_of(repo_id, "ref", name=listing.revision or MAIN), commit)
        key, body = self._key_of(repo_id, "listing", commit=commit), _listing_bytes(listing)
        if self._shelf.take(key) != body:
            self._shelf.put(key, body, public=listing.public)

    def _renew(self, key: Key, word: str) -> None:
        if self._shelf.take(key) != word.encode():
            self._shelf.put(key, word.encode(), public=True)

    def _source(self, path: str) -> HubSource:
        """The Hub, for what is not in the cache."""
        if self._hub is None:
            raise OfflineError(_missing(self._at.name, self._at.commit or "", path))
        if self._asked is None:
            self._asked = self._hub(self._target, guess=False)
            self._asked.resume(self._at)
        return self._asked

    def _keep(self, key: Key, body: bytes) -> None:
        self._shelf.put(key, body, public=self._at.public)

    def _key(self, kind: str, name: str, *, start: int = 0, length: int = 0) -> Key:
        at = self._at
        return self._key_of(at.repo_id or "", kind, commit=at.commit or "", name=name, start=start, length=length)

    def _key_of(self, repo_id: str, kind: str, *, commit: str = "", name: str = "", start: int = 0, length: int = 0) -> Key:
        return Key(
            endpoint=self._shelf.endpoint, repo_id=repo_id, kind=kind, commit=commit, name=name, start=start, length=length
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._asked is not None:
            await self._asked.__aexit__(kind, error, trace)


def _listing_bytes(listing: Listing) -> bytes:
    return json.dumps({"library": listing.library, "public": listing.public, "files": dict(listing.files)}).encode()


def _parse_listing(body: bytes, repo_id: str, revision: str, commit: str) -> Listing | None:
    try:
        kept = Document.parse(body, "the entry", strict=False)
        files = kept.child("files")
        sizes = {} if files is None else {path: files.integer(path) or 0 for path in files.values}
        library = kept.text("library")
    except FormatError:
        return None
    return Listing(
        name=repo_id, files=sizes, repo_id=repo_id, revision=revision, commit=commit, library=library,
        public=kept.values.get("public") is True,
    )  # fmt: skip


def _parse_answer(body: bytes) -> tuple[int, str | None]:
    """When the Hub was asked for a conversion, in seconds since the epoch, and what it answered."""
    try:
        kept = Document.parse(body, "the entry")
        return kept.integer("asked") or 0, kept.text("revision")
    except FormatError:
        return 0, None


def _missing(repo_id: str, revision: str, path: str = "") -> str:
    what = f"{repo_id} at {shown(revision)}" if not path else f"{path} of {repo_id} at {revision[:7]}"
    return f"{what} is not in the cache of memscan, and offline nothing is asked; scan it once with a network, or give a folder"
