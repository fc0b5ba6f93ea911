"""Time of the tests' own, and a server that counts requests in fixed windows of it."""

import asyncio
import heapq
import math
from collections.abc import Awaitable, Callable


class FakeClock:
    """Time that stands still until everybody waits."""

    def __init__(self) -> None:
        self.time = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self.time + seconds, self._count, future))
        await future

    async def run(self, work: Awaitable[object]) -> None:
        """Let time pass until `work` is done."""
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(20):
                await asyncio.sleep(0)
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if not task.done():
                assert self._sleepers, "everybody waits for nothing"
                self.time, _, future = heapq.heappop(self._sleepers)
                future.set_result(None)
        await task


class Server:
    """A fixed window, as the Hub's."""

    def __init__(
        self, clock: FakeClock, allowed: int, window: float = 300.0, *, rounded: Callable[[float], int] = math.ceil
    ) -> None:
        self.clock, self.allowed, self.window, self.rounded = clock, allowed, window, rounded
        self.ends, self.count, self.refused, self.served = 0.0, 0, 0, 0
        self.finished = 0.0

    def answer(self) -> tuple[int, dict[str, str]]:
        now = self.clock.now()
        if now >= self.ends:
            self.ends, self.count = now + self.window, 0
        self.count += 1
        left = max(0, self.allowed - self.count)
        status = 429 if self.count > self.allowed else 200
        self.refused += status == 429
        self.served += status == 200
        headers = {
            "ratelimit": f'"api";r={left};t={self.rounded(self.ends - now)}',
            "ratelimit-policy": f'"fixed window";"api";q={self.allowed};w={int(self.window)}',
        }
        return status, headers
