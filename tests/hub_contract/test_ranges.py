"""Byte ranges, as the CDN, the cached route of small files and plain addresses answer them."""

import pytest

from tests.hub import LoopbackHub

from .client import ask

CONTENT = bytes(range(100))


@pytest.mark.parametrize(
    ("header", "stated", "body"),
    [
        ("bytes=0-9", "bytes 0-9/100", CONTENT[:10]),
        ("bytes=90-", "bytes 90-99/100", CONTENT[90:]),
        ("bytes=-7", "bytes 93-99/100", CONTENT[-7:]),
        ("bytes=-700", "bytes 0-99/100", CONTENT),
        ("bytes=0-100000", "bytes 0-99/100", CONTENT),
        ("bytes=99-99", "bytes 99-99/100", CONTENT[99:]),
    ],
)
def test_a_part(hub: LoopbackHub, header: str, stated: str, body: bytes) -> None:
    answer = ask(hub.add_file("x", CONTENT), headers={"Range": header})
    assert (answer.status, answer.headers["Content-Range"], answer.body) == (206, stated, body)


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=200-300", "bytes=-0"])
def test_a_part_beyond_the_end(hub: LoopbackHub, header: str) -> None:
    answer = ask(hub.add_file("x", CONTENT), headers={"Range": header})
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */100")


def test_nothing_can_be_asked_of_an_empty_file(hub: LoopbackHub) -> None:
    url = hub.add_file("empty", b"")
    assert ask(url, headers={"Range": "bytes=0-9"}).status == 416
    assert (ask(url).status, ask(url).body) == (200, b"")


@pytest.mark.parametrize("header", ["bytes=9-3", "bytes=0-1,5-6", "lines=0-9", "bytes=-"])
def test_what_is_not_understood_is_answered_whole(hub: LoopbackHub, header: str) -> None:
    answer = ask(hub.add_file("x", CONTENT), headers={"Range": header})
    assert (answer.status, answer.body) == (200, CONTENT)


def test_head_has_the_same_fields_and_no_body(hub: LoopbackHub) -> None:
    answer = ask(hub.add_file("a b.safetensors", CONTENT), "HEAD", {"Range": "bytes=0-9"})
    assert (answer.status, answer.headers["Content-Length"], answer.body) == (206, "10", b"")


def test_small_files_have_ranges_too(hub: LoopbackHub) -> None:
    location = ask(f"{hub.endpoint}/google-bert/bert-base-cased/resolve/main/config.json").headers["Location"]
    answer = ask(hub.endpoint + location, headers={"Range": "bytes=0-0"})
    assert (answer.status, answer.body) == (206, b"{")
