"""Coroutines that run at once: results in order, and the first failure raised bare after the others have ended."""

import asyncio
from asyncio import TaskGroup
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


async def both(one: Coroutine[object, object, T], other: Coroutine[object, object, U]) -> tuple[T, U]:
    """The results of two coroutines of different types."""
    with _first_failure():
        async with TaskGroup() as group:
            first, second = group.create_task(one), group.create_task(other)
    return first.result(), second.result()


async def every(work: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """The results of any number of coroutines of one type."""
    with _first_failure():
        async with TaskGroup() as group:
            tasks = [group.create_task(job) for job in work]
    return [task.result() for task in tasks]


@contextmanager
def _first_failure() -> Iterator[None]:
    try:
        yield
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


def run_anywhere(work: Coroutine[object, object, T]) -> T:
    """`asyncio.run`, also where a loop is running here already (Jupyter, an asynchronous application): beside it, in a thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001 -- handed over whole to the thread that waits
            failure.append(error)

    thread = Thread(target=run, name="memscan")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
