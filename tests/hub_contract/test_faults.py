"""Each way to misbehave, seen by a plain client."""

import gzip
import http.client
import time

import pytest

from tests.hub import Fault, LoopbackHub

from .client import ask

CONTENT = bytes(range(256)) * 1000
HEAD = {"Range": "bytes=0-999"}
INFO = "/api/models/google-bert/bert-base-cased"


def test_a_status_with_its_headers(hub: LoopbackHub) -> None:
    limits = {"Retry-After": "1", "RateLimit": '"api";r=0;t=1'}
    hub.add_fault(Fault(match="hub /api", kind="status", status=429, headers=limits, times=2))
    answers = [ask(hub.endpoint + INFO) for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert answers[0].headers.get_all("ratelimit") == ['"api";r=0;t=1']
    assert answers[0].headers["Retry-After"] == "1"


def test_html_instead_of_json(hub: LoopbackHub) -> None:
    hub.add_fault(Fault(match="hub /api", kind="status", status=200, body=b"<html>", headers={"Content-Type": "text/html"}))
    answer = ask(hub.endpoint + INFO)
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "text/html", b"<html>")


def test_hanging_from_the_start(hub: LoopbackHub) -> None:
    hub.add_fault(Fault(match="hub /api", kind="hang"))
    with pytest.raises(TimeoutError):
        ask(hub.endpoint + INFO, timeout=0.1)
    assert hub.requests[-1].status == 0


def test_hanging_in_the_middle(hub: LoopbackHub) -> None:
    hub.add_fault(Fault(match="cdn", kind="hang", after=10))
    with pytest.raises(TimeoutError):
        ask(hub.add_file("x", CONTENT), timeout=0.1)
    assert (hub.requests[-1].status, hub.requests[-1].body_bytes) == (200, 10)


def test_dripping(hub: LoopbackHub) -> None:
    hub.add_fault(Fault(match="cdn", kind="slow", piece=100, pause=0.01))
    begin = time.monotonic()
    assert ask(hub.add_file("x", CONTENT), headers=HEAD).body == CONTENT[:1000]
    assert time.monotonic() - begin > 0.08


def test_cut_in_the_middle(hub: LoopbackHub) -> None:
    hub.add_fault(Fault(match="cdn", kind="cut", after=100))
    with pytest.raises(http.client.IncompleteRead) as cut:
        ask(hub.add_file("x", CONTENT), headers=HEAD)
    assert (cut.value.partial, cut.value.expected) == (CONTENT[:100], 900)


@pytest.mark.parametrize("after", [None, 100])
def test_reset(hub: LoopbackHub, after: int | None) -> None:
    hub.add_fault(Fault(match="cdn", kind="reset", after=after))
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        ask(hub.add_file("x", CONTENT), headers=HEAD)


def test_range_ignored(hub: LoopbackHub) -> None:
    hub.add_fault(Fault(match="cdn", kind="ignore_range"))
    answer = ask(hub.add_file("x", CONTENT), headers=HEAD)
    assert (answer.status, answer.body) == (200, CONTENT)


def test_another_range(hub: LoopbackHub) -> None:
    url = hub.add_file("x", CONTENT)
    hub.add_fault(Fault(match="cdn", kind="wrong_range", times=1))
    hub.add_fault(Fault(match="cdn", kind="wrong_range", content_range="bytes 7-9/10"))
    other, false = ask(url, headers=HEAD), ask(url, headers=HEAD)
    assert (other.status, other.headers["Content-Range"]) == (206, "bytes 1-1000/256000")
    assert other.body == CONTENT[1:1001]
    assert (false.headers["Content-Range"], false.body) == ("bytes 7-9/10", CONTENT[:1000])


def test_short_body(hub: LoopbackHub) -> None:
    hub.add_fault(Fault(match="cdn", kind="short_body", after=10))
    answer = ask(hub.add_file("x", CONTENT), headers=HEAD)
    assert (answer.status, answer.headers["Content-Range"]) == (206, "bytes 0-999/256000")
    assert answer.body == CONTENT[:10]


def test_compressed(hub: LoopbackHub) -> None:
    hub.add_fault(Fault(match="cdn", kind="gzip"))
    answer = ask(hub.add_file("x", CONTENT), headers=HEAD)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body) == CONTENT[:1000]


def test_another_commit(hub: LoopbackHub) -> None:
    hub.add_fault(Fault(match="resolve/main", kind="wrong_commit", commit="e" * 40))
    answer = ask(f"{hub.endpoint}/google-bert/bert-base-cased/resolve/main/config.json")
    assert answer.headers.get_all("X-Repo-Commit") == ["e" * 40]


def test_redirect_elsewhere_or_in_a_circle(hub: LoopbackHub) -> None:
    hub.add_fault(Fault(match="hub /api", kind="redirect", location="https://example.com/", status=308, times=1))
    hub.add_fault(Fault(match="hub /api", kind="redirect"))
    elsewhere, circle = ask(hub.endpoint + INFO), ask(hub.endpoint + INFO)
    assert (elsewhere.status, elsewhere.headers["Location"]) == (308, "https://example.com/")
    assert (circle.status, circle.headers["Location"]) == (302, INFO)


def test_faults_can_be_withdrawn(hub: LoopbackHub) -> None:
    hub.add_fault(Fault(match=".", kind="status"))
    assert ask(hub.endpoint + INFO).status == 500
    hub.clear_faults()
    assert ask(hub.endpoint + INFO).status == 200
