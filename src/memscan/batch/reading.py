"""One repository, read into its row: whatever goes wrong is a row too."""

from dataclasses import replace

from memscan.batch.alike import RowMaker
from memscan.batch.job import Asked, Job
from memscan.batch.row import FAILED, Row
from memscan.batch.sources import PlannedSources
from memscan.errors import MemscanError, NetworkError
from memscan.scanning import ModelReader
from memscan.source import Target, parse_target
from memscan.source.rate_limit import Clock

PAUSES = (1.0, 4.0)  # seconds before another try of a repository whose network failed, after those of each request
INTERNAL = 70  # the exit code of an error of memscan's own


class RowReader:
    """Reads repositories over one HTTP client."""

    def __init__(self, job: Job, sources: PlannedSources, clock: Clock) -> None:
        self._job = job
        self._sources = sources
        self._clock = clock
        self._models = ModelReader(sources, job.scan)
        self._rows = RowMaker(dtypes=job.scan.dtypes, scope=job.scan.scope)

    async def read(self, asked: Asked) -> Row:
        """The row of `asked`; where the network fails it is tried again, within bounds."""
        for pause in (*PAUSES, None):
            try:
                return await self._row(asked)
            except NetworkError as error:
                if pause is None:
                    return self._failed(asked, error)
            except Exception as error:  # noqa: BLE001 -- a bug that one repository finds must not end a batch of a million
                return self._failed(asked, error)
            await self._clock.sleep(pause)
        raise AssertionError

    async def _row(self, asked: Asked) -> Row:
        target = self._target(asked)
        self._sources.expect(target, asked.found)
        return self._rows.row(await self._models.read(target))

    def _target(self, asked: Asked) -> Target:
        """What is meant: a name that a search gave is never a folder here."""
        if self._job.query is None:
            return parse_target(asked.word, revision=self._job.scan.revision)
        return replace(parse_target(f"hf://{asked.word}"), requested=asked.word)

    def _failed(self, asked: Asked, error: Exception) -> Row:
        known = isinstance(error, MemscanError)
        message = str(error) if known else f"internal error, {type(error).__name__}: {error}"
        return Row(
            requested=asked.requested,
            status=FAILED,
            exit_code=self._job.exit_code(error) if isinstance(error, MemscanError) else INTERNAL,
            error=type(error).__name__,
            message=" ".join(message.split()),
            repo_id=None if self._job.query is None else asked.word,
        )
