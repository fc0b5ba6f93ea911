"""A row: what a batch says of one repository, column by column; the schema is documented in docs/batch.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

from memscan.estimate import Report, WeightEstimate, estimate_weights
from memscan.model import Model
from memscan.version import __version__

SCHEMA = 1
OK, FAILED = "ok", "failed"


class Kind(StrEnum):
    """The type of a column; a value may be missing (null) wherever its column does not say `always`."""

    TEXT = "string"
    INTEGER = "int64"
    BYTES_BY_NAME = "map<string, int64>"
    NOTES = "list<struct<code: string, message: string>>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One repository. None is: not known, or no such thing; never zero in its place."""

    requested: str = field(metadata={"kind": Kind.TEXT})
    """The line of the input, or the name that a search gave."""
    status: str = field(metadata={"kind": Kind.TEXT})
    """`ok` or `failed`."""
    exit_code: int = field(metadata={"kind": Kind.INTEGER})
    """What a scan of it alone would have exited with."""
    error: str | None = field(default=None, metadata={"kind": Kind.TEXT})
    """The class of the error."""
    message: str | None = field(default=None, metadata={"kind": Kind.TEXT})
    """What it said, in one line."""
    repo_id: str | None = field(default=None, metadata={"kind": Kind.TEXT})
    revision: str | None = field(default=None, metadata={"kind": Kind.TEXT})
    commit: str | None = field(default=None, metadata={"kind": Kind.TEXT})
    library: str | None = field(default=None, metadata={"kind": Kind.TEXT})
    format: str | None = field(default=None, metadata={"kind": Kind.TEXT})
    architecture: str | None = field(default=None, metadata={"kind": Kind.TEXT})
    model_type: str | None = field(default=None, metadata={"kind": Kind.TEXT})
    quantization: str | None = field(default=None, metadata={"kind": Kind.TEXT})
    scope: str | None = field(default=None, metadata={"kind": Kind.TEXT})
    """What the figures from here on are about, down to `estimates`."""
    parameters: int | None = field(default=None, metadata={"kind": Kind.INTEGER})
    total_size: int | None = field(default=None, metadata={"kind": Kind.INTEGER})
    """Bytes as stored."""
    largest_layer: int | None = field(default=None, metadata={"kind": Kind.INTEGER})
    """Bytes as stored."""
    largest_layer_name: str | None = field(default=None, metadata={"kind": Kind.TEXT})
    training_adam: int | None = field(default=None, metadata={"kind": Kind.INTEGER})
    """Bytes: four times the total."""
    known: str | None = field(default=None, metadata={"kind": Kind.TEXT})
    """How `total_size` is known: `measured` or `derived`."""
    estimates: Mapping[str, int] | None = field(default=None, metadata={"kind": Kind.BYTES_BY_NAME})
    """Total bytes in each dtype of the table."""
    dtype: str | None = field(default=None, metadata={"kind": Kind.TEXT})
    """The one dtype of what the files store, or `mixed`."""
    dtypes: Mapping[str, int] | None = field(default=None, metadata={"kind": Kind.BYTES_BY_NAME})
    """Stored bytes by dtype, as the files spell it."""
    files: int | None = field(default=None, metadata={"kind": Kind.INTEGER})
    tensors: int | None = field(default=None, metadata={"kind": Kind.INTEGER})
    stored_bytes: int | None = field(default=None, metadata={"kind": Kind.INTEGER})
    """Of all tensors in the files, whatever a class loads of them."""
    notes: tuple[Mapping[str, str], ...] = field(default=(), metadata={"kind": Kind.NOTES})
    memscan_version: str = field(default=__version__, metadata={"kind": Kind.TEXT})


COLUMNS: Mapping[str, Kind] = {one.name: one.metadata["kind"] for one in fields(Row)}
"""The columns in their order, and their types."""


def row_of(model: Model, *, dtypes: tuple[str, ...] | None, scope: str) -> Row:
    """The row of a model that was read; the MemscanError of an estimate that its config does not allow."""
    usual = estimate_weights(model, dtypes=None, scope=scope, every_scope=False)
    report = usual if dtypes is None else estimate_weights(model, dtypes=dtypes, scope=scope, every_scope=False)
    return _row(report, next(row for row in usual.estimates if row.stored))


def _row(report: Report, stored: WeightEstimate) -> Row:
    model = report.model
    origin, config, checkpoint = model.origin, model.config, model.checkpoint
    by_dtype = {name: sum(tensor.nbytes for tensor in tensors) for name, tensors in checkpoint.by_dtype().items()}
    return Row(
        requested=origin.requested,
        status=OK,
        exit_code=0,
        repo_id=origin.repo_id,
        revision=origin.revision,
        commit=origin.commit,
        library=origin.library,
        format=checkpoint.format,
        architecture=None if config is None else config.architecture,
        model_type=None if config is None else config.model_type,
        quantization=model.quantization,
        scope=report.scope,
        parameters=report.scopes[report.scope].parameters,
        total_size=stored.total_bytes,
        largest_layer=stored.largest_layer_bytes,
        largest_layer_name=None if report.largest_layer is None else report.largest_layer.name,
        training_adam=stored.training_bytes,
        known=stored.basis.value,
        estimates={row.dtype: row.total_bytes for row in report.estimates},
        dtype=next(iter(by_dtype)) if len(by_dtype) == 1 else "mixed" if by_dtype else None,
        dtypes=by_dtype,
        files=len(checkpoint.shards),
        tensors=len(checkpoint.tensors),
        stored_bytes=checkpoint.nbytes,
        notes=tuple({"code": note.code, "message": note.message} for note in report.notes),
    )


def as_object(row: Row) -> dict[str, object]:
    """The row as a JSON object, its columns in their order."""
    return {name: getattr(row, name) for name in COLUMNS}
