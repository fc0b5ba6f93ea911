"""Queries at the desk: read in turn, refused in one line, and nothing of one client's for another."""

import asyncio
from pathlib import Path

import pytest

from memscan.errors import GatedError, RateLimitError, TargetError, UsageError
from memscan.web import Limits, Query, Urls
from memscan.web.desk import Desk, Step
from tests.hub import Fault, LoopbackHub, Repository
from tests.source.models import weights

SMALL = {"model.safetensors": weights("a", "b")}
READER = "hf_reader_token"
QUERY = Query(model="org/model")


async def ask(desk: Desk, query: Query = QUERY, token: str | None = None, client: str = "a") -> list[Step]:
    return [step async for step in desk.ask(query, token, client)]


def last(desk: Desk, query: Query = QUERY, token: str | None = None) -> Step:
    return asyncio.run(ask(desk, query, token))[-1]


@pytest.fixture
def desk(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("MEMSCAN_CACHE", str(tmp_path))
    monkeypatch.setenv("MEMSCAN_CACHE_SIZE", "1GB")
    hub.add_repository(Repository(repo_id="org/model", files=SMALL))
    return Desk(Limits())


def test_an_answer_has_every_panel(desk: Desk) -> None:
    step = last(desk)
    assert step.said == "Read org/model."
    assert step.sheet is not None
    assert all(step.sheet.tabs)
    assert "48 bytes" in step.sheet.summary
    assert step.draft is not None
    assert step.draft.repo_id == "org/model"


def test_the_name_is_the_users_own(desk: Desk) -> None:
    sheet = last(desk).sheet
    assert sheet is not None
    assert "loading org/model" in sheet.summary
    assert "hf://" not in sheet.summary


def test_the_server_s_own_token_is_not_for_strangers(desk: Desk, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add_repository(Repository(repo_id="org/gated", files=SMALL, gated="manual", readers=frozenset({READER})))
    monkeypatch.setenv("HF_TOKEN", READER)
    gated = Query(model="org/gated")
    assert isinstance(last(desk, gated).error, GatedError)
    assert last(desk, gated, READER).sheet is not None
    assert isinstance(last(desk, gated).error, GatedError)  # nothing of it was kept


def test_what_was_read_with_a_token_is_kept_nowhere(desk: Desk, tmp_path: Path) -> None:
    hub_token = "hf_stranger_token"
    assert last(desk, QUERY, hub_token).sheet is not None
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_many_ask_is_read_once(desk: Desk, hub: LoopbackHub) -> None:
    assert last(desk).sheet is not None
    asked = len(hub.requests)
    assert last(desk).sheet is not None
    assert len(hub.requests) == asked


def test_a_query_has_its_time(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="org/model", files=SMALL))
    hub.add_fault(Fault(match="hub", kind="hang"))
    step = last(Desk(Limits(seconds=0.5)))
    assert isinstance(step.error, TargetError)
    assert "took more than 0.5 s" in step.said


def test_a_query_has_its_bytes(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="org/model", files={"model.safetensors": weights("a", header=90_000)}))
    assert "the most that is read here" in last(Desk(Limits(header_bytes=50_000))).said


def test_a_client_has_its_share(desk: Desk) -> None:
    few = Desk(Limits(burst=1, per_minute=1))

    async def both() -> tuple[list[Step], list[Step], list[Step]]:
        return await ask(few), await ask(few), await ask(few, client="b")

    first, second, other = asyncio.run(both())
    assert first[-1].sheet is not None
    assert isinstance(second[-1].error, RateLimitError)
    assert "more than 1 queries a minute" in second[-1].said
    assert other[-1].sheet is not None


def test_so_many_wait_and_the_rest_is_told(hub: LoopbackHub) -> None:
    for number in range(4):
        hub.add_repository(Repository(repo_id=f"org/model-{number}", files=SMALL))
    hub.latency = 0.3
    narrow = Desk(Limits(readings=1, waiting=1))

    async def all_at_once() -> list[list[Step]]:
        return await asyncio.gather(*(ask(narrow, Query(model=f"org/model-{number}")) for number in range(4)))

    ends = [steps[-1] for steps in asyncio.run(all_at_once())]
    assert [end.sheet is not None for end in ends] == [True, True, False, False]
    assert all(isinstance(end.error, RateLimitError) for end in ends[2:])


def test_progress_is_said(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="org/model", files=SMALL))
    hub.latency = 0.5
    said = [step.said for step in asyncio.run(ask(Desk(Limits())))]
    assert said[0] in {"Waiting for a turn ...", "Asking the Hub about org/model ..."}
    assert said[-1] == "Read org/model."


@pytest.mark.parametrize("model", ["", "/etc/passwd", "org/none", "../x", "file:///etc/passwd"])
def test_what_is_wrong_is_one_line(desk: Desk, model: str) -> None:
    step = last(desk, Query(model=model))
    assert step.error is not None
    assert "\n" not in step.said


def test_a_url_of_this_network_is_not_read(hub: LoopbackHub) -> None:
    url = hub.add_file("model.safetensors", weights("a"))
    for urls, refused in ((Urls.NONE, UsageError), (Urls.PUBLIC, UsageError), (Urls.ANY, None)):
        step = last(Desk(Limits(urls=urls)), Query(model=url))
        assert (type(step.error) is refused) if refused else (step.sheet is not None and step.draft is None)
    assert isinstance(last(Desk(Limits()), Query(model=url.replace("http", "https"))).error, TargetError)


def test_a_bill_that_cannot_be_leaves_the_table(desk: Desk) -> None:
    sheet = last(desk, Query(model="org/model", device="rtx-9999")).sheet
    assert sheet is not None
    assert "no device is called" in sheet.bill
    assert "48 bytes" in sheet.summary
