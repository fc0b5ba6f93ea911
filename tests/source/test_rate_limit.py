"""The Hub's rate limits, kept on a clock of the test's own: a server that counts, and clients that must never be refused."""

import asyncio
import math
from collections.abc import Callable

import pytest

from memscan.errors import RateLimitError
from memscan.source.rate_buckets import RateLimits
from memscan.source.rate_limit import API, PAGES, RESOLVERS, Told, kind_of, read_headers
from tests.source.fake_clock import FakeClock, Server


async def client(limits: RateLimits, server: Server, clock: FakeClock, requests: int, latency: float = 0.1) -> None:
    for _ in range(requests):
        await limits.take(API)
        await clock.sleep(latency / 2)
        status, headers = server.answer()
        await clock.sleep(latency / 2)
        limits.learn(API, read_headers(API, status, headers))


def run(
    *, clients: int, requests: int, allowed: int, rounded: Callable[[float], int] = math.ceil, shared: bool = False
) -> Server:
    clock = FakeClock()
    server = Server(clock, allowed, rounded=rounded)

    async def everything() -> None:
        limits = [RateLimits(clock) for _ in range(2 if shared else 1)]
        work = [client(limits[number % len(limits)], server, clock, requests, 0.1 + number / 1000) for number in range(clients)]
        await clock.run(asyncio.gather(*work))

    asyncio.run(everything())
    server.finished = clock.time - 1000.0
    return server


class TestKept:
    @pytest.mark.parametrize("rounded", [math.ceil, math.floor, round])
    @pytest.mark.parametrize("clients", [1, 10, 64])
    def test_no_request_is_refused_and_no_window_is_wasted(self, clients: int, rounded: Callable[[float], int]) -> None:
        server = run(clients=clients, requests=1280 // clients, allowed=100, rounded=rounded)
        assert (server.refused, server.served) == (0, 1280)
        # 1,280 requests at 100 a window need 13 windows, of which 12 end; a second or two of each is the rounding of `t`.
        assert server.finished <= 12 * (300 + 2.5) + 30

    def test_two_that_share_a_limit_are_hardly_ever_refused(self) -> None:
        """Each hears in its own replies what the other has spent."""
        server = run(clients=8, requests=100, allowed=100, shared=True)
        assert server.served + server.refused == 800
        assert server.refused <= 8 * 8  # at most those under way at the end of each window

    def test_a_limit_that_is_not_reached_costs_no_wait(self) -> None:
        server = run(clients=10, requests=10, allowed=500)
        assert server.finished < 10 * 0.2 + 0.5


class TestUnknown:
    def test_the_first_request_goes_alone(self) -> None:
        async def check() -> None:
            limits = RateLimits(FakeClock())
            await limits.take(API)
            second = asyncio.ensure_future(limits.take(API))
            await asyncio.sleep(0)
            assert not second.done()
            limits.learn(API, Told(left=10, seconds=300))
            await second
            assert limits.left(API) == 9

        asyncio.run(check())

    def test_a_lost_request_lets_the_next_one_go(self) -> None:
        async def check() -> None:
            limits = RateLimits(FakeClock())
            await limits.take(API)
            second = asyncio.ensure_future(limits.take(API))
            await asyncio.sleep(0)
            limits.lose(API)
            await second

        asyncio.run(check())

    def test_a_mirror_without_limits_has_none(self) -> None:
        async def check() -> None:
            limits = RateLimits(FakeClock())
            await limits.take(API)
            limits.learn(API, None)
            for _ in range(10_000):
                await limits.take(API)
            assert limits.left(API) is None

        asyncio.run(check())

    def test_kinds_do_not_share(self) -> None:
        async def check() -> None:
            limits = RateLimits(FakeClock())
            await limits.take(API)
            limits.learn(API, Told(left=0, seconds=300))
            await limits.take(RESOLVERS)
            assert limits.left(API) == 0

        asyncio.run(check())


class TestRefused:
    def test_a_refusal_is_waited_for_as_long_as_it_says(self) -> None:
        clock = FakeClock()

        async def check() -> None:
            limits = RateLimits(clock)
            await limits.take(API)
            limits.learn(API, read_headers(API, 429, {"retry-after": "77"}))
            await clock.run(limits.take(API))

        asyncio.run(check())
        assert clock.time == 1000.0 + 77 + 1

    def test_a_wait_of_days_is_an_error(self) -> None:
        async def check() -> None:
            limits = RateLimits(FakeClock())
            await limits.take(API)
            limits.learn(API, Told(left=0, seconds=86_400))
            with pytest.raises(RateLimitError, match="86401 s"):
                await limits.take(API)

        asyncio.run(check())


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/models/org/name", API),
        ("/api/models?author=org", API),
        ("/api/models/org/name/safetensors-metadata/model.safetensors.index.json", API),
        ("/org/name/resolve/main/config.json", RESOLVERS),
        ("/api/resolve-cache/models/org/name/abc/config.json", RESOLVERS),
        ("/org/name", PAGES),
        ("/api/resolve/resolve/", API),
    ],
)
def test_kinds_by_path(path: str, kind: str) -> None:
    assert kind_of(path) == kind


@pytest.mark.parametrize(
    ("status", "headers", "told"),
    [
        (200, {"ratelimit": '"api";r=499;t=213'}, Told(left=499, seconds=213)),
        (
            200,
            {"ratelimit": '"api" ; r=1 ; t=2', "ratelimit-policy": '"fixed window";"api";q=5;w=60'},
            Told(left=1, seconds=2, window=60),
        ),
        (429, {"ratelimit": '"api";r=3;t=9'}, Told(left=0, seconds=9)),
        (429, {"retry-after": "5"}, Told(left=0, seconds=5)),
        (200, {"retry-after": "5"}, None),
        (200, {"ratelimit": '"resolvers";r=1;t=2'}, None),
        (200, {"ratelimit": "api;r=1"}, None),
        (200, {}, None),
        (429, {"retry-after": "Thu, 01 Jan 2026 00:00:00 GMT"}, None),
    ],
)
def test_what_headers_say(status: int, headers: dict[str, str], told: Told | None) -> None:
    assert read_headers(API, status, headers) == told
