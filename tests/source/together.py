"""Many scans at once, so that those which wait for a slow server wait together."""

import asyncio
import time
from dataclasses import dataclass

from memscan import MemscanError, Report, ascan


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one scan ended, and when."""

    result: Report | MemscanError
    seconds: float

    @property
    def nbytes(self) -> int | str:
        """The bytes of the checkpoint, or the error in words: a test that compares them shows what went wrong."""
        if isinstance(self.result, MemscanError):
            return f"{type(self.result).__name__}: {self.result}"
        return self.result.model.checkpoint.nbytes


def scan_together(*targets: str) -> dict[str, Outcome]:
    """Scan each target, all at once, each with connections of its own."""

    async def one(target: str) -> Outcome:
        started = time.monotonic()
        try:
            result: Report | MemscanError = await ascan(target)
        except MemscanError as error:
            result = error
        return Outcome(result=result, seconds=time.monotonic() - started)

    async def every() -> list[Outcome]:
        return await asyncio.gather(*(one(target) for target in targets))

    return dict(zip(targets, asyncio.run(every()), strict=True))
