"""Rows of models that are alike: fine-tunes of one model have its tensors and its config, and so its figures."""

from dataclasses import replace

from memscan.batch.row import Row, row_of
from memscan.model import Model, Origin

KINDS = 64  # models whose rows are at hand, of different kinds
MAX_TENSORS = 2_000  # of such a model; that many take half a megabyte
NOWHERE = Origin(requested="", name="")


class RowMaker:
    """Makes rows, and makes the figures of two models once where nothing but their place tells them apart."""

    def __init__(self, *, dtypes: tuple[str, ...] | None, scope: str) -> None:
        self._dtypes = dtypes
        self._scope = scope
        self._made: dict[tuple[object, ...], tuple[Model, Row]] = {}

    def row(self, model: Model) -> Row:
        """The row of `model`; the MemscanError of an estimate that its config does not allow."""
        tensors = model.checkpoint.tensors
        if len(tensors) > MAX_TENSORS:
            return row_of(model, dtypes=self._dtypes, scope=self._scope)
        where = model.origin
        bare = replace(model, origin=replace(NOWHERE, library=where.library))
        kind = (where.library, len(tensors), tensors[0].name if tensors else "", model.checkpoint.nbytes)
        before, row = self._made.pop(kind, (None, None))
        if row is None or before != bare:
            row = row_of(model, dtypes=self._dtypes, scope=self._scope)
        self._made[kind] = bare, row
        if len(self._made) > KINDS:
            del self._made[next(iter(self._made))]
        return replace(
            row, requested=where.requested, repo_id=where.repo_id, revision=where.revision, commit=where.commit
        )  # fmt: skip
