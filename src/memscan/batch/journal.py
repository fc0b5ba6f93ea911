"""The journal of a batch: each row as it is finished, in a file beside the output, so that a job that was killed goes on.

JSON lines, only ever appended to: first the job; then pages of a search, and rows. A row is there whole or not at all: what a
kill left of a last line is cut off when the journal is opened again, and its repository is read again.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from memscan.batch.job import Job
from memscan.batch.row import SCHEMA, Row, as_object
from memscan.document import shown
from memscan.errors import UsageError
from memscan.source.search import Page
from memscan.version import __version__

SUFFIX = ".journal"
NETWORK = 4  # the exit code of a row whose network failed
UNSYNCED = 500  # rows after which the file is synced at the latest
MAX_LINE = 200_000_000  # bytes


class Mark:
    """A page of a search that was seen: where it is, what it held, and where the next one is."""

    __slots__ = ("commits", "next", "url")

    def __init__(self, *, url: str, following: str | None, commits: Mapping[str, str | None]) -> None:
        self.url = url
        self.next = following
        self.commits = commits
        """Repository to commit, in the order of the page."""


class Journal:
    """The journal of one job. Rows are found by the key of their repository; of two rows of one, the later counts."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        self._unsynced = 0
        self._rows: dict[bytes, int] = {}
        self.pages: list[Mark] = []

    @classmethod
    def start(cls, path: Path, job: Job) -> Self:
        """A new journal at `path`; UsageError where there is one, or where it cannot be written."""
        try:
            file = path.open("xb+")
        except FileExistsError as error:
            raise UsageError(
                f"{shown(str(path))} is the journal of a job that is not finished; --resume goes on with it, or remove it"
            ) from error
        except OSError as error:
            raise _unwritable(path, error) from error
        journal = cls(path, file)
        journal._lock()
        journal._append(_header(job))
        journal.sync()
        return journal

    @classmethod
    def resume(cls, path: Path, job: Job, *, retry_failed: bool) -> Self:
        """The journal at `path`, to go on with; a new one where there is none.

        With `retry_failed` rows whose network failed are not counted as finished. UsageError where it is of another job.
        """
        if not path.exists():
            return cls.start(path, job)
        try:
            file = path.open("rb+")
        except OSError as error:
            raise _unwritable(path, error) from error
        journal = cls(path, file)
        journal._lock()
        try:
            journal._load(job, retry_failed=retry_failed)
        except BaseException:
            file.close()
            raise
        return journal

    def __contains__(self, key: bytes) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, key: bytes, row: Row) -> None:
        """Append the row of the repository `key`; it is on the disk after the next `sync`."""
        self._rows[key] = self._append({"key": key.hex(), "row": as_object(row)})
        if self._unsynced >= UNSYNCED:
            self.sync()

    def add_page(self, page: Page) -> None:
        """Append a page of a search."""
        commits = {found.repo_id: found.commit for found in page.found}
        self.pages.append(Mark(url=page.url, following=page.next, commits=commits))
        self._append({"page": page.url, "next": page.next, "commits": commits})

    def row(self, key: bytes) -> dict[str, object]:
        """The row of `key`, as it was written."""
        self._file.seek(self._rows[key])
        row: dict[str, object] = json.loads(self._file.readline())["row"]
        return row

    def sync(self) -> None:
        """Have everything on the disk."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self._unsynced = 0

    def remove(self) -> None:
        """The job is finished: its journal is not needed any more."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file.closed:
            return
        if error is not None and not self._rows and not self.pages:
            self.remove()  # nothing to go on with: the next try need not say --resume
            return
        self.sync()
        self._file.close()

    def _append(self, line: Mapping[str, object]) -> int:
        try:
            start = self._file.seek(0, os.SEEK_END)
            self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self._unsynced += 1
        return start

    def _load(self, job: Job, *, retry_failed: bool) -> None:
        whole = 0
        for number, (start, line) in enumerate(self._lines(), start=1):
            try:
                entry = json.loads(line)
                if number > 1 and "row" in entry:
                    self._note(bytes.fromhex(entry["key"]), start, entry["row"], retry_failed=retry_failed)
                elif number > 1:
                    self.pages.append(Mark(url=entry["page"], following=entry["next"], commits=entry["commits"]))
                before = Header(entry) if number == 1 else None
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise UsageError(
                    f"{shown(str(self.path))}: line {number:,} is not one of a journal; remove the file to begin anew"
                ) from error
            if before is not None:
                self._check(before, job)
            whole = start + len(line)
        if not whole:  # killed before its first line was written
            self._append(_header(job))
        else:
            self._file.truncate(whole)

    def _note(self, key: bytes, start: int, row: Mapping[str, object], *, retry_failed: bool) -> None:
        if retry_failed and row["exit_code"] == NETWORK:
            self._rows.pop(key, None)
        else:
            self._rows[key] = start

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Where each line begins, and the line; not one that has no end."""
        start = 0
        self._file.seek(0)
        while (line := self._file.readline(MAX_LINE)).endswith(b"\n"):
            yield start, line
            start += len(line)

    def _check(self, before: "Header", job: Job) -> None:
        """UsageError where the journal is of another job, or its rows may be others than those of this memscan."""
        now, name = Header(json.loads(json.dumps(_header(job)))), shown(str(self.path))
        if before.version != now.version:
            raise UsageError(
                f"{name} was written by memscan {shown(before.version[1])}, this is {__version__};"
                " go on with that one, or remove the file to begin anew"
            )
        for part, options in now.job.items():
            if before.job.get(part) != options:
                raise UsageError(
                    f"{name} is of a job with other options ({_difference(part, before.job.get(part), options)});"
                    " give those again, or remove the file to begin anew"
                )

    def _lock(self) -> None:
        """Keep a second process from writing it too, where the platform can."""
        with suppress(ImportError):
            import fcntl

            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                self._file.close()
                raise UsageError(
                    f"another memscan is writing {shown(str(self.path))}; wait for it, or choose another output"
                ) from error


class Header:
    """The first line of a journal, taken apart; KeyError, TypeError or AttributeError where it is none."""

    __slots__ = ("job", "version")

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.version = (entry["memscan_batch"], str(entry["memscan"]))
        self.job: Mapping[str, object] = dict(entry["job"])


def _header(job: Job) -> Mapping[str, object]:
    return {"memscan_batch": SCHEMA, "memscan": __version__, "job": job.described()}


def _difference(part: str, before: object, now: object) -> str:
    if isinstance(now, str):
        return f"{part} {shown(before)} then, {shown(now)} now"
    if not isinstance(before, dict) or not isinstance(now, dict):
        return f"{part}: {'none' if before is None else 'one'} then, {'none' if now is None else 'one'} now"
    names = [name for name in now if before.get(name) != now[name]]
    return ", ".join(f"{name} {shown(before.get(name))} then, {shown(now[name])} now" for name in names)


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write the journal {shown(str(path))}: {error.strerror or error}")
