"""A search of the loopback Hub, as huggingface_hub's own client makes it; and memscan's, which must find the same."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import huggingface_hub
import pytest
from huggingface_hub import HfApi

from memscan.source.http import HttpTransport
from memscan.source.search import SORTS, HubSearch, Query
from tests.hub import LoopbackHub, Repository
from tests.hub_contract.models import READER, disabled, gated, private, sharded

EXPAND = ["sha", "siblings", "library_name", "private", "gated"]


@pytest.fixture
def api(hub: LoopbackHub) -> Iterator[HfApi]:
    """The reference client, anonymous."""
    yield HfApi(endpoint=hub.endpoint, token=False)
    huggingface_hub.close_session()


@pytest.fixture
def many(hub: LoopbackHub) -> LoopbackHub:
    """The hub with 2,345 more repositories, so that a search has three pages."""
    hub.add_repositories([sharded(), gated(), private(), disabled()])
    hub.add_repositories(
        Repository(
            repo_id=f"author-{number % 2}/model-{number:04}", files={"config.json": b"{}"}, info={"downloads": number},
            library=("transformers", "gguf", None)[number % 3],
        )
        for number in range(2345)
    )  # fmt: skip
    return hub


def names(query: Query) -> list[str]:
    """What memscan finds."""

    async def search() -> list[str]:
        async with aclosing(HttpTransport()) as transport:
            search, found = HubSearch(transport), list[str]()
            following: str | None = search.first(query)
            while following is not None:
                page = await search.page(following)
                found += [one.repo_id for one in page.found]
                following = page.next
            return found

    return asyncio.run(search())


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ({}, Query()),
        ({"author": "author-1"}, Query(author="author-1")),
        ({"filter": "gguf"}, Query(library="gguf")),
        ({"search": "model-01"}, Query(search="model-01")),
        (
            {"author": "author-0", "filter": "transformers", "sort": "downloads"},
            Query(author="author-0", library="transformers", sort="downloads"),
        ),
        *(({"sort": sort}, Query(sort=sort)) for sort in SORTS),
        ({"limit": 1001, "sort": "downloads"}, Query(limit=1001, sort="downloads")),
    ],
)
def test_both_find_the_same_in_the_same_order(many: LoopbackHub, api: HfApi, asked: dict[str, object], query: Query) -> None:
    found = [one.id for one in api.list_models(**asked, expand=EXPAND)]  # type: ignore[arg-type]
    mine = names(query)
    assert mine[: query.limit] == found
    assert found


def test_the_fields_are_those_of_model_info(many: LoopbackHub, api: HfApi) -> None:
    found = {one.id: one for one in api.list_models(expand=EXPAND)}  # type: ignore[arg-type]
    assert "org/private" not in found
    assert "org/disabled" not in found
    for name in ("author-0/model-0000", "org/sharded", "meta-llama/gated"):
        one, info = found[name], api.model_info(name)
        assert (one.sha, one.library_name, one.private, one.gated) == (info.sha, info.library_name, info.private, info.gated)
        assert [file.rfilename for file in one.siblings or []] == [file.rfilename for file in info.siblings or []]
        assert all(file.size is None for file in one.siblings or [])


def test_a_private_repository_is_found_by_its_readers(hub: LoopbackHub) -> None:
    hub.add_repository(private())
    reader = HfApi(endpoint=hub.endpoint, token=READER)
    assert "org/private" in [one.id for one in reader.list_models()]


def test_the_order_and_the_limit_of_pages(many: LoopbackHub, api: HfApi) -> None:
    many.forget()
    found = [one.downloads for one in api.list_models(sort="downloads", author="author-1")]
    assert found == sorted(found, key=lambda count: -(count or 0))
    assert len(many.requests) == 2
