"""How often a client may ask, and who a client is."""

import pytest

from memscan.web.bucket import CLIENTS, Buckets
from memscan.web.recent import Recent
from memscan.web.visitor import client_of


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class TestBuckets:
    def test_a_burst_then_one_at_a_time(self) -> None:
        clock = Clock()
        buckets = Buckets(burst=3, per_minute=6, clock=clock)
        assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 10]
        clock.now = 9
        assert buckets.take("a") == pytest.approx(1)
        clock.now = 10
        assert [buckets.take("a"), buckets.take("a")] == [0, pytest.approx(10)]

    def test_a_bucket_is_never_more_than_full(self) -> None:
        clock = Clock()
        buckets = Buckets(burst=2, per_minute=60, clock=clock)
        buckets.take("a")
        clock.now = 1e9
        assert [buckets.take("a") for _ in range(3)] == [0, 0, 1]

    def test_clients_do_not_share_one(self) -> None:
        buckets = Buckets(burst=1, per_minute=1, clock=Clock())
        assert [buckets.take("a"), buckets.take("b")] == [0, 0]
        assert buckets.take("a") == 60

    def test_memory_is_bounded(self) -> None:
        buckets = Buckets(burst=1, per_minute=1, clock=Clock())
        for number in range(CLIENTS + 1):
            buckets.take(str(number))
        assert buckets.take("0") == 0  # forgotten, the first of them
        assert buckets.take(str(CLIENTS)) > 0


class TestVisitors:
    @pytest.mark.parametrize(
        ("peer", "forwarded", "proxies", "client"),
        [
            ("192.0.2.7", None, 0, "192.0.2.7"),
            ("192.0.2.7", "203.0.113.9", 0, "192.0.2.7"),  # nobody stands in front, so the client wrote it
            ("10.0.0.1", "203.0.113.9", 1, "203.0.113.9"),
            ("10.0.0.1", "1.2.3.4, 203.0.113.9", 1, "203.0.113.9"),  # a client that claims to be another
            ("10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2", 2, "203.0.113.9"),
            ("10.0.0.1", "203.0.113.9", 2, "203.0.113.9"),
            ("10.0.0.1", "", 1, "10.0.0.1"),
            ("10.0.0.1", "unknown", 1, "unknown"),
            ("2001:db8:1:2:3:4:5:6", None, 0, "2001:db8:1:2::/64"),
            ("::ffff:192.0.2.7", None, 0, "192.0.2.7"),
        ],
    )
    def test_who_asks(self, peer: str, forwarded: str | None, proxies: int, client: str) -> None:
        assert client_of(peer, forwarded, proxies) == client


class TestRecent:
    def test_an_answer_is_kept_for_a_while(self) -> None:
        clock = Clock()
        recent: Recent[str, int] = Recent(seconds=60, clock=clock)
        recent.keep("a", 1)
        clock.now = 59
        assert (recent.find("a"), recent.find("b")) == (1, None)
        clock.now = 60
        assert recent.find("a") is None

    def test_the_oldest_goes_first(self) -> None:
        recent: Recent[int, int] = Recent(most=2, clock=Clock())
        for number in (1, 2, 3):
            recent.keep(number, number)
        assert [recent.find(number) for number in (1, 2, 3)] == [None, 2, 3]
