"""Processes that make cases: each is bound in time and memory, and what one of them does to itself stops no other."""

import contextlib
import gc
import multiprocessing
import os
import resource
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
from cases import Case
from declared import installed
from saved import FAILED, RepeatedCaseError, make, reason, write
from transformers.conversion_mapping import get_checkpoint_conversion_mapping

SECONDS = 60
BYTES = 10 << 30
# Forked, so that the modeling modules are imported once; torch runs no threads before or after it.
FORK = multiprocessing.get_context("fork")


@dataclass(kw_only=True)
class Worker:
    """One process with the cases of one model type; it says which case it begins."""

    cases: list[Case]
    out: Path
    process: BaseProcess = field(init=False)
    receiving: Connection = field(init=False)
    begun: Case | None = None
    since: float = 0.0

    def __post_init__(self) -> None:
        self.receiving, sending = FORK.Pipe(duplex=False)
        self.process = FORK.Process(target=work, args=(self.cases, self.out, sending), daemon=True)
        self.process.start()
        sending.close()

    def poll(self) -> bool:
        """Whether the process still works; one that is over its time is ended."""
        with contextlib.suppress(EOFError):
            while self.receiving.poll(0):
                self.begun, self.since = self.receiving.recv(), self.spent()
        late = self.process.is_alive() and self.spent() - self.since > SECONDS
        if self.process.is_alive() and not late:
            return True
        self.process.kill()
        self.process.join()
        with contextlib.suppress(EOFError):
            while self.receiving.poll(0):
                self.begun = self.receiving.recv()
        if self.begun is not None:
            why = f"more than {SECONDS} s" if late else f"the process ended with {self.process.exitcode}"
            fail(self.begun, self.out, why)
        return False

    def spent(self) -> float:
        """Seconds of processor time so far: a busy machine does not make a case late."""
        with contextlib.suppress(psutil.NoSuchProcess):
            times = psutil.Process(self.process.pid).cpu_times()
            return times.user + times.system
        return self.since

    def left(self) -> list[Case]:
        """What a process that died did not come to."""
        if self.begun is None:
            return []
        return self.cases[self.cases.index(self.begun) + 1 :]


def work(cases: list[Case], out: Path, sending: Connection) -> None:
    """Make the cases of one type, one after the other."""
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    for case in cases:
        sending.send(case)
        try:
            make(case, installed().types[case.model_type], out / case.place)
        except RepeatedCaseError:
            fail(case, out, "")
        except Exception as error:  # noqa: BLE001 - the reason is written down
            fail(case, out, reason(error))
    sending.send(None)


def fail(case: Case, out: Path, why: str) -> None:
    """Leave of a case only why there is none; an empty reason says that it would repeat another one."""
    folder = out / case.place
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    write(folder / FAILED, {"reason": why, "saved_from": case.saved})


def run(batches: Iterable[list[Case]], out: Path, parallel: int) -> Iterator[Case]:
    """Make all cases, the batch of one model type in one process; gives the first case of each batch when it is over."""
    get_checkpoint_conversion_mapping("")  # half a second that every process would spend again
    gc.collect()
    gc.freeze()
    waiting = [batch for batch in batches if batch][::-1]
    working: list[Worker] = []
    while waiting or working:
        while waiting and len(working) < parallel:
            working.append(Worker(cases=waiting.pop(), out=out))
        time.sleep(0.05)
        for worker in tuple(working):
            if not worker.poll():
                working.remove(worker)
                if rest := worker.left():
                    waiting.append(rest)
                yield worker.cases[0]
