"""Processes that describe model types: each is bound in time and memory, and what one of them does to itself stops no other."""

import json
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

SECONDS = 900  # of processor time
BYTES = 9 << 30
# Forked, so that the modeling modules are imported once; torch runs no threads before or after it.
FORK = multiprocessing.get_context("fork")

Described = tuple[dict[str, Any], dict[str, str]]


def run(names: Iterable[str], describe: Callable[[str], Described], parallel: int) -> Iterator[tuple[str, Described, float]]:
    """What `describe` says of each name, with the seconds it took, in the order in which they are done."""
    waiting = list(names)[::-1]
    working: dict[Connection, tuple[str, BaseProcess, float]] = {}
    while waiting or working:
        while waiting and len(working) < parallel:
            name = waiting.pop()
            receiving, sending = FORK.Pipe(duplex=False)
            process = FORK.Process(target=_work, args=(name, describe, sending), daemon=True)
            process.start()
            sending.close()
            working[receiving] = (name, process, time.monotonic())
        for receiving in wait(list(working)):
            name, process, since = working.pop(receiving)
            try:
                made, failed = json.loads(receiving.recv_bytes())
                found: Described = made, failed
            except EOFError:
                process.join()
                found = {}, {"": f"the process ended with {process.exitcode}: {SECONDS} s or {BYTES:,} bytes are too little"}
            process.join()
            yield name, found, time.monotonic() - since


def _work(name: str, describe: Callable[[str], Described], sending: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        found = describe(name)
    except Exception as error:  # noqa: BLE001 -- one model type must not stop the others
        found = {}, {"": f"{type(error).__name__}: {error}"[:200]}
    sending.send_bytes(json.dumps(found).encode())
