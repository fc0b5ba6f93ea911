"""A batch on a Dask cluster: partitions of repositories go to workers, and their rows come back as each is finished.

Dask runs a partition again whose worker is lost; the client alone writes rows, each partition's once. Imports Dask, and is
imported only when a scheduler is named (`memscan[dask]`). https://distributed.dask.org
"""

import asyncio
import logging
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import distributed

from memscan.batch.job import Asked, Job
from memscan.batch.leases import Coordinator, LeasedLimits, Message
from memscan.batch.reading import INTERNAL, RowReader
from memscan.batch.row import FAILED, Row
from memscan.batch.run import BatchProgress, Outcome, Place, run_batch
from memscan.batch.sources import PlannedSources
from memscan.document import shown
from memscan.errors import NetworkError, UsageError
from memscan.source.rate_limit import Monotonic
from memscan.source.settings import endpoint
from memscan.version import __version__

LOCAL = "local"
PARTITION = 50  # repositories of a task: what is read again when its worker is lost
AHEAD = 2  # partitions for each worker that are under way or wait for it
CLIENT = "client"
PROTOCOLS = ("tcp://", "tls://", "ws://", "wss://")  # Dask's own
CONNECT = 10.0  # seconds to reach a scheduler


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """What a worker is sent. No token is in it: a worker has its own."""

    job: Job
    asked: tuple[Asked, ...] = field(repr=False)  # Dask logs the arguments of a task that fails, and an address may hold a secret
    handler: str
    """What the scheduler calls the coordinator."""
    endpoint: str
    version: str


class CoordinatorPlugin(distributed.SchedulerPlugin):  # type: ignore[misc]  # distributed has no types
    """Keeps the coordinator in the scheduler, where every worker can reach it."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def start(self, scheduler: Any) -> None:
        """Dask's hook: the scheduler has the plugin now."""
        coordinator = Coordinator()
        self._coordinator = coordinator

        async def lease(message: Message) -> Message:
            return await coordinator.lease(message)

        scheduler.handlers[self.name] = lease

    async def remove_worker(self, scheduler: Any, worker: str, **_about: Any) -> None:  # noqa: ARG002 -- Dask's hook
        """Dask's hook: a worker is lost."""
        self._coordinator.lose(worker)


def read_partition(partition: Partition) -> list[Row] | str:
    """The rows of a partition, in a worker; or in one line why this worker is not fit to read it."""
    if (partition.version, partition.endpoint) != (__version__, endpoint()):
        return (
            f"a worker has memscan {__version__} and HF_ENDPOINT {endpoint()}, here it is {partition.version} and"
            f" {partition.endpoint}; give all of them the same"
        )
    worker = distributed.get_worker()
    loop, ask = worker.loop.asyncio_loop, getattr(worker.scheduler, partition.handler)

    async def lease(message: Message) -> Message:
        # Dask's connections belong to the loop of the worker, this is the thread of a task.
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(ask(message=message), loop))

    return asyncio.run(_read(partition, LeasedLimits(worker.address, lease)))


async def _read(partition: Partition, limits: LeasedLimits) -> list[Row]:
    rows: list[Row | None] = [None] * len(partition.asked)
    places = iter(enumerate(partition.asked))
    async with _reporting(limits), PlannedSources(partition.job.scan, limits) as sources:
        reader = RowReader(partition.job, sources, Monotonic())

        async def work() -> None:
            for place, one in places:
                rows[place] = await reader.read(one)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(partition.job.concurrency, len(rows))):
                group.create_task(work())
    return [row for row in rows if row is not None]


@asynccontextmanager
async def _reporting(limits: LeasedLimits) -> AsyncIterator[None]:
    reporting = asyncio.create_task(limits.report())
    try:
        yield
    finally:
        reporting.cancel()
        with suppress(asyncio.CancelledError):
            await reporting
        await limits.close()


class Workers:
    """The `Crew` of a cluster."""

    def __init__(self, client: Any, job: Job, handler: str) -> None:
        self._client = client
        self._job = replace(job, scan=replace(job.scan, token=None))
        self._handler = handler

    async def read(self, asked: AsyncIterator[Asked], finish: Callable[[Asked, Row], None]) -> None:
        """See `Crew.read`."""
        under_way: dict[asyncio.Future[Any], tuple[Asked, ...]] = {}
        waiting: list[tuple[Asked, ...]] = []
        is_over = False
        while under_way or waiting or not is_over:
            while not is_over and not waiting and len(under_way) < self._room():
                part = [one async for one in _first(asked, PARTITION)]
                is_over = len(part) < PARTITION
                waiting += [tuple(part)] if part else []
                self._send(under_way, waiting)
            self._send(under_way, waiting)
            if not under_way:
                continue
            done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                waiting += self._finished(under_way.pop(task), task, finish)

    def _room(self) -> int:
        return AHEAD * max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))

    def _send(self, under_way: dict[asyncio.Future[Any], tuple[Asked, ...]], waiting: list[tuple[Asked, ...]]) -> None:
        while waiting:
            part = waiting.pop()
            partition = Partition(
                job=self._job, asked=part, handler=self._handler, endpoint=endpoint(), version=__version__
            )  # fmt: skip
            future = self._client.submit(read_partition, partition, pure=False, key=f"memscan-batch-{uuid.uuid4().hex}")
            under_way[asyncio.ensure_future(_result(future))] = part

    def _finished(
        self, part: tuple[Asked, ...], task: "asyncio.Future[Any]", finish: Callable[[Asked, Row], None]
    ) -> Iterable[tuple[Asked, ...]]:
        """Keep the rows of a partition; give what is to be sent again, in pieces, where it has lost several workers."""
        try:
            rows = task.result()
        except distributed.KilledWorker as error:
            if len(part) > 1:
                return [(one,) for one in part]
            finish(part[0], self._lost(part[0], error))
            return []
        except Exception as error:
            raise UsageError(
                f"a worker of the cluster failed ({type(error).__name__}: {error}); memscan has to be installed where workers run"
            ) from error
        if isinstance(rows, str):
            raise UsageError(rows)
        for one, row in zip(part, rows, strict=True):
            finish(one, row)
        return []

    def _lost(self, asked: Asked, error: Exception) -> Row:
        return Row(
            requested=asked.requested,
            status=FAILED,
            exit_code=INTERNAL,
            error=type(error).__name__,
            message="several workers were lost while they read it; there may be too little memory for it",
            repo_id=None if self._job.query is None else asked.word,
        )


async def _result(future: Any) -> Any:
    try:
        return await future.result()
    finally:
        future.release()


async def _first(asked: AsyncIterator[Asked], count: int) -> AsyncIterator[Asked]:
    for _ in range(count):
        one = await anext(asked, None)
        if one is None:
            return
        yield one


async def run_on_cluster(
    job: Job, place: Place, words: Iterable[str], scheduler: str, progress: BatchProgress | None = None
) -> Outcome:
    """`run_batch` on the cluster of `scheduler`: an address, or `local[:N]` for N processes of this machine.

    UsageError where it is neither; NetworkError where no scheduler answers, or it is lost.
    """
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(_client(scheduler, job))
        name = f"memscan_lease_{uuid.uuid4().hex}"
        await client.register_plugin(CoordinatorPlugin(name))
        stack.push_async_callback(client.unregister_scheduler_plugin, name)
        ask = getattr(client.scheduler, name)
        limits = LeasedLimits(CLIENT, lambda message: ask(message=message))
        await stack.enter_async_context(_reporting(limits))
        sources = await stack.enter_async_context(PlannedSources(job.scan, limits))
        return await run_batch(job, place, words, sources=sources, crew=Workers(client, job, name), progress=progress)


@asynccontextmanager
async def _client(scheduler: str, job: Job) -> AsyncIterator[Any]:
    kind, _, count = scheduler.partition(":")
    if kind == LOCAL:
        if count and not (count.isascii() and count.isdigit() and 0 < int(count) <= 1024):
            raise UsageError(f"--scheduler {shown(scheduler)}: {shown(count)} is no number of processes; expected local:4")
        if job.scan.token is not None:
            os.environ["HF_TOKEN"] = job.scan.token  # which the processes inherit: it is in no task and in no log
        cluster = distributed.LocalCluster(
            n_workers=int(count) if count else None,
            threads_per_worker=1,
            processes=True,
            asynchronous=True,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        )
        async with cluster, distributed.Client(cluster, asynchronous=True) as client:
            yield client
        return
    if not scheduler.startswith(PROTOCOLS):
        raise UsageError(f"--scheduler {shown(scheduler)} is no address; expected tcp://host:8786, or local[:N]")
    if job.scan.token is not None:
        raise UsageError("--token is not sent to the workers of a cluster; set HF_TOKEN where they run, and here")
    try:
        client = await distributed.Client(scheduler, asynchronous=True, timeout=CONNECT)
    except (OSError, ValueError) as error:
        raise NetworkError(f"no Dask scheduler answers at {shown(scheduler)}: {error}; check that it runs there") from error
    async with client:
        yield client
