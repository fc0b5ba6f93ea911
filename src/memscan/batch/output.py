"""The finished file of a batch: JSON lines, CSV or Parquet, written whole or not at all."""

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from memscan.batch.row import COLUMNS, Kind
from memscan.document import shown
from memscan.errors import UsageError
from memscan.printable import safe_json
from memscan.report.csv import guarded
from memscan.source.whole_file import whole_file

Rows = Iterator[Mapping[str, object]]
Writer = Callable[[Path, Rows], None]


def format_of(path: Path, named: str | None) -> str:
    """The format of the output `path`: the one that is named, else by its ending; UsageError where neither says."""
    suffix = path.suffix.lower().removeprefix(".")
    if named is None and suffix not in FORMATS:
        raise UsageError(f"{shown(str(path))} does not say its format; expected one of .{', .'.join(FORMATS)}, or give --format")
    return named or suffix


def check_format(name: str) -> None:
    """UsageError where this format cannot be written here, before anything is read for it."""
    if name == "parquet":
        from memscan.batch.parquet import check_installed

        check_installed()


def write_output(path: Path, name: str, rows: Rows) -> None:
    """Write `rows` to `path` in the format `name`; a file that is there is replaced when all is written."""
    try:
        if path.exists() and not path.is_file():
            FORMATS[name](path, rows)  # a device or a pipe takes what comes, and is not replaced
            return
        with whole_file(path) as started:
            FORMATS[name](started, rows)
            with started.open("rb+") as file:
                os.fsync(file.fileno())  # the journal is removed after this
    except OSError as error:
        raise UsageError(f"cannot write {shown(str(path))}: {error.strerror or error}") from error


def _write_jsonl(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(safe_json(json.dumps(row)) + "\n" for row in rows)


def _write_csv(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_cell(kind, row[name]) for name, kind in COLUMNS.items()] for row in rows)


def _cell(kind: Kind, value: object) -> object:
    """A cell: empty for what is not known, JSON for a column of several values."""
    if value is None:
        return ""
    if kind is Kind.TEXT:
        return guarded(str(value))
    return value if kind is Kind.INTEGER else safe_json(json.dumps(value))


def _write_parquet(path: Path, rows: Rows) -> None:
    from memscan.batch.parquet import write_parquet

    write_parquet(path, rows)


FORMATS: Mapping[str, Writer] = {"parquet": _write_parquet, "csv": _write_csv, "jsonl": _write_jsonl}
