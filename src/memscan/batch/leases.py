"""The rate limits of many processes: a coordinator has the buckets, and grants requests to those who are about to send them.

A worker asks for as many requests as wait in it, and tells with that what it heard since; so nobody holds what it does not use,
and no request is sent that was not granted. What was granted to a worker that is gone counts as spent.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from memscan.source.limits import Told
from memscan.source.rate_buckets import RateLimits
from memscan.source.rate_limit import API, RESOLVERS, Clock, Monotonic

REPORT = 0.2  # seconds between two reports of a worker that asks for nothing
Message = Mapping[str, Any]
"""Plain values, as every protocol carries them."""
Ask = Callable[[Message], Awaitable[Message]]


class Coordinator:
    """Grants requests out of one set of buckets."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._limits = RateLimits(clock)
        self._held: dict[str, Counter[str]] = {}
        """By worker and kind: granted, and not heard of since."""
        self._gone: set[str] = set()

    async def lease(self, message: Message) -> Message:
        """Take a worker's report; where it asks for requests, wait until at least one may go and grant it."""
        worker, kind = str(message["worker"]), message["kind"]
        held = self._held.setdefault(worker, Counter())
        for one, heard in message["heard"].items():
            self._hear(held, str(one), heard)
        granted = 0
        if kind is not None:
            granted = await self._limits.grant(str(kind), int(message["most"]))
            if worker in self._gone:  # it left while it waited
                self._limits.lose(str(kind), granted)
            else:
                held[str(kind)] += granted
        return {"granted": granted, "left": {one: self._limits.left(one) for one in (API, RESOLVERS)}}

    def lose(self, worker: str) -> None:
        """The worker is gone, and with it what was granted to it."""
        self._gone.add(worker)
        for kind, count in self._held.pop(worker, Counter()).items():
            self._limits.lose(kind, count)

    def _hear(self, held: Counter[str], kind: str, heard: Message) -> None:
        told = [Told(left=left, seconds=seconds, window=window) for left, seconds, window in heard["told"]]
        for one in told[:-1]:
            self._limits.learn(kind, one, replies=0)
        if heard["replies"]:
            self._limits.learn(kind, told[-1] if told else None, replies=heard["replies"])
        if heard["lost"]:
            self._limits.lose(kind, heard["lost"])
        held[kind] -= heard["replies"] + heard["lost"]


@dataclass(slots=True)
class _Heard:
    """What was heard of one kind since the last report."""

    replies: int = 0
    lost: int = 0
    told: list[tuple[float, Told]] = field(default_factory=list)
    """When, and what: the lowest of what is left, and the latest."""


class LeasedLimits:
    """The `Limits` of a worker, which asks the coordinator."""

    def __init__(self, worker: str, ask: Ask, clock: Clock | None = None) -> None:
        self._worker = worker
        self._ask = ask
        self._clock = clock or Monotonic()
        self._turns: dict[str, asyncio.Lock] = {}
        self._waiting: Counter[str] = Counter()
        self._granted: Counter[str] = Counter()
        self._heard: dict[str, _Heard] = {}
        self._left: Mapping[str, int | None] = {}

    async def take(self, kind: str) -> None:
        """See `Limits.take`."""
        self._waiting[kind] += 1
        try:
            async with self._turns.setdefault(kind, asyncio.Lock()):
                if not self._granted[kind]:
                    self._granted[kind] += await self._report(kind, self._waiting[kind])
                self._granted[kind] -= 1
        finally:
            self._waiting[kind] -= 1

    def learn(self, kind: str, told: Told | None) -> None:
        """See `Limits.learn`."""
        heard = self._heard.setdefault(kind, _Heard())
        heard.replies += 1
        if told is not None:
            lowest = min([*heard.told[:1], (self._clock.now(), told)], key=lambda one: one[1].left)
            heard.told = [lowest, (self._clock.now(), told)]

    def lose(self, kind: str) -> None:
        """See `Limits.lose`."""
        self._heard.setdefault(kind, _Heard()).lost += 1

    def left(self, kind: str) -> int | None:
        """See `Limits.left`: as the coordinator last said."""
        return self._left.get(kind)

    def waiting(self) -> float | None:
        """For how long is the coordinator's to know."""
        return None

    async def report(self) -> None:
        """Tell what was heard, again and again, until this is cancelled."""
        while True:
            await asyncio.sleep(REPORT)
            await self.tell()

    async def tell(self) -> None:
        """Tell what was heard since, if anything was."""
        if self._heard:
            await self._report(None, 0)

    async def close(self) -> None:
        """Tell the last of it, and give back what was granted and is not used."""
        for kind, count in self._granted.items():
            if count:
                self._heard.setdefault(kind, _Heard()).lost += count
        self._granted.clear()
        await self.tell()

    async def _report(self, kind: str | None, most: int) -> int:
        heard, self._heard = self._heard, {}
        now = self._clock.now()
        message = {
            "worker": self._worker,
            "kind": kind,
            "most": most,
            "heard": {
                name: {
                    "replies": one.replies,
                    "lost": one.lost,
                    "told": [[told.left, max(0.0, told.seconds - (now - at)), told.window] for at, told in one.told],
                }
                for name, one in heard.items()
            },
        }
        reply = await self._ask(message)
        self._left = reply["left"]
        return int(reply["granted"])
