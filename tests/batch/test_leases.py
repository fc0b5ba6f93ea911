"""Rate limits of many workers: all ask one coordinator, and together they are never refused."""

import asyncio
import json

import pytest

from memscan.batch.leases import Coordinator, LeasedLimits, Message
from memscan.source.rate_limit import API, read_headers
from tests.source.fake_clock import FakeClock, Server


class Wire:
    """Carries messages as a cluster does: as plain values, and not at once."""

    def __init__(self, coordinator: Coordinator, clock: FakeClock) -> None:
        self.coordinator, self.clock, self.messages = coordinator, clock, 0

    async def ask(self, message: Message) -> Message:
        self.messages += 1
        await self.clock.sleep(0.005)
        reply: Message = json.loads(json.dumps(await self.coordinator.lease(json.loads(json.dumps(message)))))
        await self.clock.sleep(0.005)
        return reply


async def reporting(limits: LeasedLimits, clock: FakeClock) -> None:
    while True:
        await clock.sleep(0.2)
        await limits.tell()


async def task(limits: LeasedLimits, server: Server, clock: FakeClock, requests: int) -> None:
    for _ in range(requests):
        await limits.take(API)
        await clock.sleep(0.05)
        status, headers = server.answer()
        await clock.sleep(0.05)
        limits.learn(API, read_headers(API, status, headers))


@pytest.mark.parametrize(("workers", "tasks"), [(1, 8), (4, 8), (8, 1)])
def test_workers_together_keep_the_limit_and_waste_no_window(workers: int, tasks: int) -> None:
    clock = FakeClock()
    server, wire = Server(clock, 100), Wire(Coordinator(clock), clock)

    async def worker(number: int) -> None:
        limits = LeasedLimits(f"w{number}", wire.ask, clock)
        telling = asyncio.ensure_future(reporting(limits, clock))
        await asyncio.gather(*(task(limits, server, clock, 640 // workers // tasks) for _ in range(tasks)))
        telling.cancel()
        await limits.close()

    async def everything() -> None:
        await clock.run(asyncio.gather(*(worker(number) for number in range(workers))))

    asyncio.run(everything())
    assert (server.refused, server.served) == (0, 640)
    assert clock.time - 1000 <= 6 * (300 + 3) + 30  # 640 requests at 100 a window: the seventh window is not waited out
    assert wire.messages < 640 * 1.5 + 6 * 300 * 5 * workers


def test_what_a_lost_worker_was_granted_is_spent_and_no_more() -> None:
    clock = FakeClock()
    server, coordinator = Server(clock, 10), Coordinator(clock)
    wire = Wire(coordinator, clock)

    async def everything() -> None:
        lost, other = LeasedLimits("lost", wire.ask, clock), LeasedLimits("other", wire.ask, clock)
        await task(other, server, clock, 1)
        await other.tell()
        for _ in range(4):
            await lost.take(API)
        coordinator.lose("lost")
        await other.take(API)
        assert other.left(API) == 10 - 1 - 4 - 1

    async def run() -> None:
        await clock.run(everything())

    asyncio.run(run())


def test_a_worker_that_is_lost_while_it_waits_keeps_nothing() -> None:
    clock = FakeClock()
    server, coordinator = Server(clock, 2), Coordinator(clock)
    wire = Wire(coordinator, clock)

    async def everything() -> None:
        first, lost = LeasedLimits("first", wire.ask, clock), LeasedLimits("lost", wire.ask, clock)
        await task(first, server, clock, 2)
        await first.tell()
        waits = asyncio.ensure_future(lost.take(API))
        await clock.sleep(1)
        coordinator.lose("lost")
        await clock.sleep(302)
        await asyncio.wait_for(task(first, server, clock, 1), None)
        waits.cancel()

    async def run() -> None:
        await clock.run(everything())

    asyncio.run(run())
    assert server.refused == 0
