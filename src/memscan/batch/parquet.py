"""Parquet, by pyarrow, which is imported here alone and only when Parquet is asked for (`memscan[batch]`).

https://parquet.apache.org/docs/file-format/
"""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from memscan.batch.row import COLUMNS, SCHEMA, Kind
from memscan.errors import UsageError
from memscan.version import __version__

LARGEST = 2**63 - 1
GROUP = 10_000  # rows of a row group; so many are in memory at once


def check_installed() -> None:
    """UsageError where pyarrow is not there."""
    if find_spec("pyarrow") is None:
        raise UsageError("Parquet needs pyarrow, which is not installed: pip install 'memscan[batch]'; or write .csv or .jsonl")


def write_parquet(path: Path, rows: Iterator[Mapping[str, object]]) -> None:
    """Write `rows` to the file `path`; the same rows give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        Kind.TEXT: pa.string(),
        Kind.INTEGER: pa.int64(),
        Kind.BYTES_BY_NAME: pa.map_(pa.string(), pa.int64()),
        Kind.NOTES: pa.list_(pa.struct([("code", pa.string()), ("message", pa.string())])),
    }
    about = {"memscan.batch.schema": str(SCHEMA), "memscan.version": __version__}
    schema = pa.schema([pa.field(name, types[kind]) for name, kind in COLUMNS.items()], metadata=about)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(rows, GROUP)):
            arrays = [pa.array([_value(kind, row[name]) for row in group], types[kind]) for name, kind in COLUMNS.items()]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _value(kind: Kind, value: object) -> object:
    """`value` as pyarrow takes it; null for a number that no file can have, and that the column cannot hold."""
    if kind is Kind.BYTES_BY_NAME and isinstance(value, Mapping):
        return [(name, number if number <= LARGEST else None) for name, number in value.items()]
    if isinstance(value, int):
        return value if value <= LARGEST else None
    return value
