"""The hatch: whoever serves a parser, it asks the same questions and gives the same answer."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.errors import FormatError
from memscan.read import ByteRange, Read, arun, run

DATA = bytes(range(256))


def reader(wanted: list[ByteRange]) -> Read[list[bytes]]:
    got = []
    for one in wanted:
        got.append((yield one))
    return got


def slices(asked: list[ByteRange]):
    def fetch(one: ByteRange) -> bytes:
        asked.append(one)
        return DATA[one.start : one.stop]

    return fetch


def coroutine(asked: list[ByteRange]):
    async def fetch(one: ByteRange) -> bytes:
        await asyncio.sleep(0)
        return slices(asked)(one)

    return fetch


RANGES = st.lists(st.builds(ByteRange, st.integers(0, 200), st.integers(0, 56)), max_size=6)


def test_a_range_stops_behind_its_last_byte() -> None:
    assert ByteRange(8, 100).stop == 108
    assert ByteRange(8, 0).stop == 8


@given(RANGES)
def test_run_sends_the_bytes_of_every_range_in_order(wanted: list[ByteRange]) -> None:
    asked: list[ByteRange] = []
    assert run(reader(wanted), slices(asked)) == [DATA[one.start : one.stop] for one in wanted]
    assert asked == wanted


@given(RANGES)
def test_arun_is_the_twin_of_run(wanted: list[ByteRange]) -> None:
    there: list[ByteRange] = []
    here: list[ByteRange] = []
    assert asyncio.run(arun(reader(wanted), coroutine(there))) == run(reader(wanted), slices(here))
    assert there == here


def test_a_parser_that_asks_nothing_returns_at_once() -> None:
    asked: list[ByteRange] = []
    assert run(reader([]), slices(asked)) == []
    assert asyncio.run(arun(reader([]), coroutine(asked))) == []
    assert asked == []


def refuse(_: ByteRange) -> bytes:
    raise FormatError("no such bytes")


async def arefuse(_: ByteRange) -> bytes:
    raise FormatError("no such bytes")


def test_what_the_source_raises_comes_out() -> None:
    with pytest.raises(FormatError, match="no such bytes"):
        run(reader([ByteRange(0, 1)]), refuse)
    with pytest.raises(FormatError, match="no such bytes"):
        asyncio.run(arun(reader([ByteRange(0, 1)]), arefuse))


def broken() -> Read[None]:
    yield ByteRange(0, 1)
    raise FormatError("bad bytes")


def test_what_the_parser_raises_comes_out() -> None:
    with pytest.raises(FormatError, match="bad bytes"):
        run(broken(), slices([]))
    with pytest.raises(FormatError, match="bad bytes"):
        asyncio.run(arun(broken(), coroutine([])))
