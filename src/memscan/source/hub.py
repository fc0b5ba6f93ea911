"""A model repository on the Hugging Face Hub, or on a mirror that `HF_ENDPOINT` names, pinned to one commit.

API: https://huggingface.co/docs/hub/api. One request lists the files with their sizes; what is read after that is read
at the commit that it gave.
"""

import re
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

from memscan.document import Document, shown
from memscan.errors import (
    FormatError,
    GatedError,
    MemscanError,
    NetworkError,
    NotFoundError,
    ServerError,
    TargetError,
    TokenError,
)
from memscan.printable import shown_url
from memscan.read import ByteRange
from memscan.source.base import Listing
from memscan.source.guesses import Guesses
from memscan.source.target import REPO_ID, Target
from memscan.source.transport import Reply, StatusError, Transport

MAX_LISTING = 200_000_000  # bytes; some 400,000 files at 500 bytes each
MAX_DISCUSSIONS = 10_000_000  # bytes of one page of them
CONVERTER = "SFconvertbot"
MAX_BUNDLE = 400_000_000  # bytes; Kimi-K3's 497,000 tensors at 170 bytes each make 85 MB
COMMIT = re.compile(r"[0-9a-f]{40}")
MAIN = "main"
UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404


class HubSource:
    """Reads one repository at one revision."""

    def __init__(self, transport: Transport, target: Target, guesses: Guesses | None = None) -> None:
        """`guesses` are asked for beside the listing, and taken where it proves them right."""
        self._transport = transport
        self._guesses = guesses
        self._repo_id = target.repo_id or ""
        self._revision = target.revision
        self._commit: str | None = None
        self._sizes: dict[str, int] = {}
        self._locations: dict[str, str] = {}

    async def listing(self) -> Listing:
        """One API request: the commit, the files with their sizes, the library."""
        url = f"{self._transport.endpoint}/api/models/{self._repo_id}"
        if self._revision is not None:
            url += f"/revision/{quote(self._revision, safe='')}"
        if self._guesses is not None:
            self._guesses.ask(f"{self._transport.endpoint}/{self._repo_id}/resolve/{quote(self._revision or MAIN, safe='')}")
        reply = await self._get(f"{url}?blobs=true", limit=MAX_LISTING)
        info = self._document(reply, "the Hub's model information")
        try:
            self._repo_id, self._commit = _identity(info, self._repo_id)
            self._sizes = _sizes(info)
            library = info.text("library_name")
        except FormatError as error:
            raise ServerError(str(error)) from error
        return Listing(
            name=self._repo_id, files=self._sizes, repo_id=self._repo_id, revision=self._revision or MAIN,
            commit=self._commit, library=library, public=is_public(info),
        )  # fmt: skip

    def resume(self, listing: Listing) -> None:
        """Go on where `listing` was read, without asking for it again."""
        self._repo_id, self._commit = listing.repo_id or self._repo_id, listing.commit
        self._sizes = dict(listing.files)

    async def fetch(self, path: str, wanted: ByteRange) -> bytes:
        """One ranged request to the Hub and, by its redirect, to the CDN; a second range goes to the CDN at once."""
        location = self._locations.get(path)
        reply = None if location is not None else await self._guessed(path, wanted)
        if location is not None:
            try:
                reply = await self._transport.get(location, limit=wanted.length, wanted=wanted)
            except StatusError as refused:
                if refused.status not in (UNAUTHORIZED, FORBIDDEN):  # the signature has run out: ask the Hub for a new one
                    raise refused.unexpected() from refused
        if reply is None:
            reply = await self._get(self._resolve(path), limit=wanted.length, wanted=wanted)
        if reply.size is not None:
            self._check_size(path, reply.size)
        self._locations[path] = reply.url
        return reply.body

    async def read(self, path: str, limit: int) -> bytes:
        """One request, and the redirect that the Hub answers small files with."""
        refuse_large(path, self._sizes[path], limit)
        reply = await self._guessed(path, None) or await self._get(self._resolve(path), limit=limit)
        self._check_size(path, len(reply.body))
        return reply.body

    async def bundle(self, index: str) -> bytes | None:
        """`GET /api/models/{repo}/safetensors-metadata/{index}`: only for `main`, and not on every mirror."""
        if self._revision not in (None, MAIN):
            return None
        url = f"{self._transport.endpoint}/api/models/{self._repo_id}/safetensors-metadata/{quote(index)}"
        try:
            reply = await self._transport.get(url, limit=MAX_BUNDLE, retry=False)
        except (StatusError, NetworkError):
            return None  # a mirror without the service, or one that cannot serve it now: each shard is asked instead
        self._check_commit(reply)
        return reply.body

    async def conversion(self) -> str | None:
        """The open pull request of the Hub's own converter, found as `auto_conversion` of transformers finds it.

        Only a hint for the user: a Hub that does not answer has none.
        """
        if self._revision not in (None, MAIN):
            return None
        url = (
            f"{self._transport.endpoint}/api/models/{self._repo_id}/discussions?type=pull_request&status=open&author={CONVERTER}"
        )
        try:
            reply = await self._transport.get(url, limit=MAX_DISCUSSIONS, retry=False)
            discussions = Document.parse(reply.body, "the Hub's discussions", strict=False).children("discussions")
            requests = [one.integer("num") for one in discussions if "safetensors" in (one.text("title") or "").lower()]
        except (StatusError, NetworkError, FormatError):
            return None
        return f"refs/pr/{requests[0]}" if requests and requests[0] is not None else None

    async def _guessed(self, path: str, wanted: ByteRange | None) -> Reply | None:
        """What was asked for beside the listing, if it is of the commit that the listing gave."""
        reply = None if self._guesses is None else await self._guesses.take(path, wanted)
        return reply if reply is not None and reply.commit == self._commit else None

    def _resolve(self, path: str) -> str:
        return f"{self._transport.endpoint}/{self._repo_id}/resolve/{self._commit}/{quote(path)}"

    async def _get(self, url: str, *, limit: int, wanted: ByteRange | None = None) -> Reply:
        try:
            reply = await self._transport.get(url, limit=limit, wanted=wanted)
        except StatusError as refused:
            raise self._translated(refused) from refused
        self._check_commit(reply)
        return reply

    def _check_size(self, path: str, size: int) -> None:
        if size != self._sizes[path]:
            raise ServerError(f"{path} has {size:,} bytes here and {self._sizes[path]:,} in the repository's listing; try again")

    def _check_commit(self, reply: Reply) -> None:
        if self._commit is not None and reply.commit is not None and reply.commit != self._commit:
            raise ServerError(
                f"{self._repo_id}: a reply belongs to commit {shown(reply.commit)}, the listing to {self._commit};"
                " the repository changed meanwhile, or a cache is broken; try again"
            )

    def _translated(self, refused: StatusError) -> MemscanError:
        """What a refusal of the Hub means to the one who asked."""
        home = shown_url(self._transport.endpoint)
        repo, host = self._repo_id, urlsplit(home).netloc
        known = self._transport.authenticated
        page = f"{home}/{repo}"
        error: MemscanError = refused.unexpected()
        if refused.code == "RevisionNotFound":
            error = NotFoundError(f"{repo} has no revision {shown(self._revision)}; see {page}/branches for those that it has")
        elif refused.code == "EntryNotFound":
            error = NotFoundError(f"{refused.url} was not found, though the repository's listing names it")
        elif refused.code == "GatedRepo":
            have = "the token has no access to it" if known else "no token was given"
            error = GatedError(f"{repo} is gated and {have}; ask for access at {page}, then set HF_TOKEN or give --token")
        elif "disabled" in refused.message.lower():
            error = TargetError(f"{repo} is disabled on {host}")
        elif refused.status == UNAUTHORIZED and "credential" in refused.message.lower():
            error = TokenError(f"{host} refused the token as invalid; check HF_TOKEN, --token or `hf auth login`")
        elif self._commit is not None and not refused.code:
            pass  # the listing was read, so a status without the Hub's own reason is about one file, from the CDN or a proxy
        elif refused.code == "RepoNotFound" or refused.status in (UNAUTHORIZED, NOT_FOUND):
            hint = "and that the token can read it" if known else "and set HF_TOKEN or give --token if it is private"
            error = NotFoundError(f"{repo} was not found on {host}; check the name, {hint}")
        elif refused.status == FORBIDDEN:
            error = TargetError(
                f"{host} forbids reading {repo} ({shown(refused.message or 'HTTP 403')}); check what the token may read"
            )
        return error

    def _document(self, reply: Reply, what: str) -> Document:
        try:
            return Document.parse(reply.body, what, strict=False)
        except FormatError as error:
            raise ServerError(
                f"{urlsplit(shown_url(reply.url)).netloc} is not a Hugging Face Hub: {error}; check HF_ENDPOINT"
            ) from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._guesses is not None:
            await self._guesses.drop()


def refuse_large(path: str, size: int, limit: int) -> None:
    """FormatError where the small file `path` has more than `limit` bytes."""
    if size > limit:
        raise FormatError(f"{path} has {size:,} bytes, more than the {limit:,} that memscan reads of such a file")


def is_public(info: Document) -> bool:
    """Whether it is said that everybody may read the files; a mirror that does not say so may mean anything."""
    return info.values.get("private") is False and info.values.get("gated") is False


def _identity(info: Document, asked: str) -> tuple[str, str]:
    """The canonical name and the commit. Both become parts of URLs, so both must look like what they are."""
    name, commit = info.text("id") or asked, info.text("sha")
    if not REPO_ID.fullmatch(name):
        raise FormatError(f"{info.path} names the repository {shown(name)}")
    if commit is None or not COMMIT.fullmatch(commit):
        raise FormatError(
            f"{info.path} names {shown(commit) if commit else 'nothing'} as the commit, expected 40 hexadecimal digits"
        )
    return name, commit


def _sizes(info: Document) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for file in info.children("siblings"):
        path, size = file.text("rfilename"), file.integer("size")
        if path is None or size is None or size < 0:
            raise FormatError(f"{file.path} lists {shown(path)} with the size {shown(size)}")
        sizes[path] = size
    return sizes
