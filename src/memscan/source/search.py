"""A search of the Hub for models: pages of repositories with their commit and the names of their files.

`GET /api/models` as `huggingface_hub.HfApi.list_models` asks it, one API request for up to 1,000 repositories; the `Link` header
leads to the next page (https://huggingface.co/docs/hub/api).
"""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from memscan.document import Document, shown
from memscan.errors import FormatError, ServerError, TargetError, TokenError
from memscan.printable import shown_url
from memscan.source.hub import COMMIT, UNAUTHORIZED, is_public
from memscan.source.target import REPO_ID
from memscan.source.transport import StatusError, Transport

PAGE = 1_000  # repositories in one reply, the most that the Hub gives
MAX_PAGE = 200_000_000  # bytes; some of the 1,000 have thousands of files
FIELDS = ("sha", "siblings", "library_name", "private", "gated")
SORTS = {
    "created_at": "createdAt", "downloads": "downloads", "last_modified": "lastModified", "likes": "likes",
    "trending_score": "trendingScore",
}  # fmt: skip
"""The orders of a search, as huggingface_hub calls them and as the Hub does; each descending."""
NEXT = re.compile(r'<([^<>]+)>\s*;[^<]*\brel="?next"?')


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is searched for; what is None does not matter."""

    author: str | None = None
    """A user or an organisation."""
    library: str | None = None
    """A library that the Hub names for the model: `transformers`, `gguf` ..."""
    search: str | None = None
    """Words in the name."""
    sort: str | None = None
    """One of SORTS."""
    limit: int | None = None
    """Repositories in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A repository as a search shows it: what its listing says, but for the sizes of the files."""

    repo_id: str
    commit: str | None
    """Of `main`; None where the Hub did not say."""
    files: tuple[str, ...]
    library: str | None
    public: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One reply of a search."""

    url: str
    """What was asked."""
    found: tuple[Found, ...]
    next: str | None
    """What to ask for the page behind it; None where it is the last."""


class HubSearch:
    """Searches the Hub over one HTTP client."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def first(self, query: Query) -> str:
        """The URL of the first page."""
        asked = {"author": query.author, "filter": query.library, "search": query.search}
        words = [(key, value) for key, value in asked.items() if value is not None]
        if query.sort is not None:
            words.append(("sort", SORTS[query.sort]))
        size = PAGE if query.limit is None else min(query.limit, PAGE)
        return f"{self._models}?{urlencode([*words, ('limit', str(size)), *(('expand', field) for field in FIELDS)])}"

    async def page(self, url: str) -> Page:
        """One page: one API request."""
        try:
            reply = await self._transport.get(url, limit=MAX_PAGE)
        except StatusError as refused:
            if refused.status == UNAUTHORIZED:
                raise TokenError(f"{shown_url(url)} refused the token; check HF_TOKEN, --token or `hf auth login`") from refused
            if 400 <= refused.status < 500:
                raise TargetError(
                    f"{shown_url(url)} refused the search (HTTP {refused.status}, {shown(refused.message)}); check its words"
                ) from refused
            raise refused.unexpected() from refused
        try:
            items = Document.of_list(reply.body, "the Hub's search")
            found = tuple(_found(item) for item in items)
        except FormatError as error:
            raise ServerError(str(error)) from error
        return Page(url=url, found=found, next=self._next(reply.link))

    @property
    def _models(self) -> str:
        return f"{self._transport.endpoint}/api/models"

    def _next(self, link: str | None) -> str | None:
        match = None if link is None else NEXT.search(link)
        if match is None:
            return None
        if not match[1].startswith(f"{self._models}?"):  # a stranger must not choose where to search goes on
            raise ServerError(f"the Hub's search goes on at {shown(shown_url(match[1]))}, expected {self._models}")
        return match[1]


def _found(item: Document) -> Found:
    """What is said of one repository; of one that is described oddly only the name, which whoever reads it finds wrong."""
    name, commit = item.text("id"), item.text("sha")
    if name is None:
        raise FormatError(f"{item.path} has no id")
    if not REPO_ID.fullmatch(name) or (commit is not None and not COMMIT.fullmatch(commit)):
        commit = None
    files = [file.text("rfilename") for file in item.children("siblings")]
    return Found(
        repo_id=name, commit=commit, files=tuple(file for file in files if file is not None),
        library=item.text("library_name"), public=is_public(item),
    )  # fmt: skip
