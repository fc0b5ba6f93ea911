"""A report as a discussion: once, by who may, and the Hub's refusals in one line each."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from huggingface_hub import get_session

from memscan import scan
from memscan.errors import MemscanError, NetworkError, NotFoundError, TokenError, UsageError
from memscan.web.answer import Answer
from memscan.web.posting import MARK, SILENCE, Draft, draft_of, open_post, post
from memscan.web.query import Query
from tests.hub import STRANGER, Discussion, Fault, LoopbackHub, Repository
from tests.source.models import weights

SMALL = {"model.safetensors": weights("a", "b")}
DRAFT = Draft(repo_id="org/model", title=f"A title {MARK}", body="**Text**")


def test_a_draft_is_the_markdown_of_the_report(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="org/model", files=SMALL))
    draft = draft_of(Answer(query=Query(model="org/model"), report=scan("org/model")))
    assert draft is not None
    assert draft.title.endswith(MARK)
    assert draft.body.startswith("### Memory usage for loading `org/model`")
    assert "| float32 | 24 bytes | 48 bytes | 192 bytes |" in draft.body


def test_what_is_not_on_the_hub_has_no_draft(hub: LoopbackHub) -> None:
    report = scan(hub.add_file("model.safetensors", weights("a")))
    assert draft_of(Answer(query=Query(model="x"), report=report)) is None


def test_it_is_posted_once(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="org/model", files=SMALL))
    assert open_post(DRAFT, None) is None
    made = post(DRAFT, STRANGER)
    assert (made.num, made.url) == (1, f"{hub.endpoint}/org/model/discussions/1")
    assert open_post(DRAFT, None) == made
    with pytest.raises(UsageError, match="open already"):
        post(DRAFT, STRANGER)


def test_two_at_the_same_moment_make_one(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="org/model", files=SMALL))
    hub.latency = 0.2
    with ThreadPoolExecutor(2) as threads:
        done = [threads.submit(post, DRAFT, STRANGER) for _ in range(2)]
    assert sorted(type(one.exception()) is UsageError for one in done) == [False, True]
    assert len([record for record in hub.requests if record.method == "POST"]) == 1


def test_the_client_that_asks_gives_up(hub: LoopbackHub) -> None:
    """What `huggingface_hub` makes waits for ever, and would keep a thread for each that asks."""
    hub.add_repository(Repository(repo_id="org/model", files=SMALL))
    open_post(DRAFT, None)
    assert get_session().timeout.read == SILENCE


def test_only_open_discussions_stand_in_the_way(hub: LoopbackHub) -> None:
    others = (
        Discussion(num=1, title=f"Old {MARK}", author="a", status="closed"),
        Discussion(num=2, title=f"A pull request {MARK}", author="a", is_pull_request=True),
        Discussion(num=3, title=f"{MARK} is not at the end", author="a"),
    )
    hub.add_repository(Repository(repo_id="org/model", files=SMALL, discussions=others))
    assert open_post(DRAFT, None) is None
    assert post(DRAFT, STRANGER).num == 4


@pytest.mark.parametrize("token", [None, "", "two words", "h\u00e4", "line\nbreak"])
def test_without_a_token_nobody_is_asked(hub: LoopbackHub, token: str | None) -> None:
    with pytest.raises(UsageError, match="takes a token"):
        post(DRAFT, token)
    assert hub.requests == ()


@pytest.mark.parametrize(
    ("about", "token", "kind"),
    [
        ({}, "hf_nobody", TokenError),
        ({"discussions_disabled": True}, STRANGER, TokenError),
        ({"private": True}, STRANGER, NotFoundError),
    ],
)
def test_a_refusal_is_one_line_without_the_token(
    hub: LoopbackHub, about: dict[str, bool], token: str, kind: type[MemscanError]
) -> None:
    hub.add_repository(Repository(repo_id="org/model", files=SMALL, **about))
    with pytest.raises(kind) as refused:
        post(DRAFT, token)
    assert token not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(match="discussions", kind="status", status=500),
        Fault(match="discussions", kind="reset"),
        Fault(match="discussions", kind="status", status=200, body=b"[]"),
        Fault(match="discussions", kind="status", status=200, body=b"<html>"),
    ],
)
def test_a_hub_that_fails_is_one_line(hub: LoopbackHub, fault: Fault) -> None:
    hub.add_repository(Repository(repo_id="org/model", files=SMALL))
    hub.add_fault(fault)
    with pytest.raises(NetworkError):
        open_post(DRAFT, None)
