"""The first requests go out before the rest of memscan is imported, so that the imports take place while the Hub answers.

An event loop in a thread of its own sends them and later runs the scan; the main thread imports meanwhile, waits, and can be
interrupted. Measured in docs/performance.md.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread
from typing import TypeVar

from memscan.cli.options import Options
from memscan.errors import MemscanError
from memscan.source import Place, Sources, Target, parse_target

T = TypeVar("T")
NAMED = ("file", "subfolder", "variant", "mmproj", "changes")  # options that ask for something else than most repositories hold
SWITCH = 0.0005  # seconds until the thread that imports lets the one that sends requests go on; Python's own are 0.005


class Early:
    """Targets whose listings were asked for, and the loop that they come in."""

    def __init__(self, sources: Sources, targets: list[Target], *, guess: bool) -> None:
        self._sources = sources
        self._loop = asyncio.new_event_loop()
        self._lookups = ThreadPoolExecutor(thread_name_prefix="memscan")
        self._loop.set_default_executor(self._lookups)
        self._thread = Thread(target=self._loop.run_forever, name="memscan", daemon=True)
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH)
        asked = Event()
        self._thread.start()
        self._loop.call_soon_threadsafe(self._begin, targets, guess, asked)
        asked.wait()  # two threads that import at once hold each other up, and this one has nothing to do that is more urgent

    def _begin(self, targets: list[Target], guess: bool, asked: Event) -> None:
        """Begin with `targets`, and say so when all of them wait for their servers."""
        try:
            for target in targets:
                try:
                    self._sources.begin(target, guess=guess)
                except MemscanError:
                    continue  # the scan meets the same, and says it
        finally:
            self._loop.call_soon(asked.set)  # behind the first steps of what was begun, which import the HTTP client

    def run(self, work: Callable[[Sources], Coroutine[object, object, T]]) -> T:
        """What `work` makes of the sources, which it closes."""
        sys.setswitchinterval(self._interval)
        return asyncio.run_coroutine_threadsafe(work(self._sources), self._loop).result()

    def close(self) -> None:
        """End what is still under way, which after an interrupt or an error is all of it."""
        sys.setswitchinterval(self._interval)
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._sources.__aexit__(None, None, None)
        await self._loop.shutdown_asyncgens()
        self._lookups.shutdown(wait=False, cancel_futures=True)  # a name that is looked up holds nobody up


@contextmanager
def begun(options: Options, *, guess: bool = True) -> Iterator[Early | None]:
    """The requests for the targets of `options`, on their way; None where all are on this machine.

    `guess`: whether the headers will be wanted too.
    """
    early = _early(options, guess=guess)
    try:
        yield early
    finally:
        if early is not None:
            early.close()


def _early(options: Options, *, guess: bool) -> Early | None:
    given = options.scan
    targets = []
    for word in options.targets:
        try:
            target = parse_target(word, revision=given["revision"])
        except MemscanError:
            continue  # the scan meets the same, and says it
        if target.place is not Place.LOCAL and target.snapshot is None:
            targets.append(target)
    if not targets:
        return None
    guess = guess and given.get("backend", "auto") == "auto" and not any(given.get(name) for name in NAMED)
    sources = Sources(token=given["token"], cache=given["cache"], offline=given["offline"])
    return Early(sources, targets, guess=guess)
