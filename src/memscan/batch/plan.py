"""What a batch reads, in which order: each target once, the first time that it is named."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator

from memscan.batch.job import Asked, Job, key_of
from memscan.batch.journal import Journal, Mark
from memscan.batch.reading import PAUSES
from memscan.errors import MemscanError, NetworkError
from memscan.source.search import Found, HubSearch, Page


class Order:
    """The targets of a batch in the order of the input: some 100 bytes each."""

    def __init__(self) -> None:
        self._keys: dict[bytes, None] = {}
        self.repeated = 0
        """Targets that were named again."""

    def add(self, key: bytes) -> bool:
        """Whether the target `key` is new."""
        if key in self._keys:
            self.repeated += 1
            return False
        self._keys[key] = None
        return True

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._keys)


async def asked_of_words(words: Iterable[str], order: Order) -> AsyncGenerator[Asked, None]:
    """The targets `words`."""
    for word in words:
        if order.add(key_of(word)):
            yield Asked(word=word)


async def asked_of_search(job: Job, search: HubSearch, journal: Journal, order: Order) -> AsyncGenerator[Asked, None]:
    """The repositories of a search: first those of the pages that an earlier run has seen, whatever the Hub would say now."""
    if job.query is None:
        raise RuntimeError("the job has no search")
    limit = job.query.limit
    following: str | None = search.first(job.query)
    for mark in tuple(journal.pages):
        async for one in _seen(mark, search, journal):
            if (limit is None or len(order) < limit) and order.add(one.key):
                yield one
        following = mark.next
    while following is not None:
        page = await _page(search, following)
        journal.add_page(page)
        following = page.next
        for found in page.found:
            if limit is not None and len(order) == limit:
                return
            if order.add(key_of(found.repo_id)):
                yield Asked(word=found.repo_id, found=found)


async def _page(search: HubSearch, url: str) -> Page:
    """A page; a network that fails is tried again as often as for a repository."""
    for pause in PAUSES:
        try:
            return await search.page(url)
        except NetworkError:
            await asyncio.sleep(pause)
    return await search.page(url)


async def _seen(mark: Mark, search: HubSearch, journal: Journal) -> AsyncGenerator[Asked, None]:
    """The repositories of a page that was seen; it is asked for again only where some of them are not finished."""
    known: dict[str, Found] = {}
    if any(key_of(name) not in journal for name in mark.commits):
        try:
            known = {found.repo_id: found for found in (await _page(search, mark.url)).found}
        except MemscanError:  # a cursor that has run out: each repository is listed instead
            known = {}
    for name, commit in mark.commits.items():
        found = known.get(name)
        yield Asked(word=name, found=found if found is not None and found.commit == commit else None)
