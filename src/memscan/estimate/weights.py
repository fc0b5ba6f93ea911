"""The seed's estimate: the largest layer, the total, and training with Adam, in each dtype asked for.

Method: `accelerate estimate-memory` (https://huggingface.co/docs/accelerate/usage_guides/model_size_estimator) on the exact
shapes of what is loaded. Only floating tensors change with the dtype, and quantized ones, which a cast dequantizes; integer and
boolean ones keep their bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from memscan.checkpoint import is_buffer
from memscan.dtype import CASTS, Kind
from memscan.estimate.base import Layer, Report, WeightEstimate
from memscan.estimate.notes import notes_on
from memscan.estimate.placements import placements
from memscan.estimate.tally import AS_STORED, Tallies, tallied
from memscan.item import Basis
from memscan.model import CHECKPOINT, Alternative, Model, Scope, scopes
from memscan.modules import Unit, units
from memscan.note import Note
from memscan.quantizers import QUANTIZER_NAMES
from memscan.tensor import kinds_of

AUTO = "auto"
SEED_DTYPES = ("float32", "float16", "int8", "int4")
ADAM = 4  # times the weights: weights, gradients, first and second moment


def estimate_weights(model: Model, *, dtypes: Sequence[str] | None, scope: str, every_scope: bool = True) -> Report:
    """The report on `scope` of `model`, with a row for each of `dtypes` (None: the seed's and the stored).

    `scope` is a name in `memscan.model.SCOPES`, or `auto` for the class that people load; one that is not known of this model
    gives way to the checkpoint, and a note says so. Without `every_scope` the report has no other class than that of `scope`.
    """
    known = scopes(model, only=None if every_scope else scope)
    name, missing = _scope(known.by_name, known.loads if scope == AUTO else scope)
    chosen = known.by_name[name]
    parts = units(chosen.tensors, block_of=chosen.block_of, owners=chosen.owners)
    largest = max(parts, key=_nbytes, default=None)
    layer = None if largest is None else _layer(largest, chosen)
    rows, more = _rows(model, chosen, parts, dtypes)
    return Report(
        model=model, scopes=known.by_name, scope=name, largest_layer=layer, estimates=rows, placements=placements(model, layer),
        notes=(*model.notes, *model.checkpoint.notes, *known.notes, *missing, *more, *notes_on(model, chosen)),
    )  # fmt: skip


def _scope(known: Mapping[str, Scope], name: str) -> tuple[str, tuple[Note, ...]]:
    scope = known.get(name)
    if name == CHECKPOINT or (scope is not None and scope.unknown is None):
        return name, ()
    why = "the architecture table has no entry for its class" if scope is None else scope.unknown
    message = f"the scope {name} is not known for this model ({why}): the numbers are the checkpoint's"
    return CHECKPOINT, (Note(code="scope-unknown", message=message),)


def _nbytes(unit: Unit) -> int:
    return unit.nbytes


def _layer(unit: Unit, scope: Scope) -> Layer:
    elements = sum(tensor.elements for tensor in unit.tensors if not is_buffer(tensor))
    return Layer(name=unit.name, parameters=None if scope.parameters is None else elements, nbytes=unit.nbytes)


def _rows(
    model: Model, scope: Scope, parts: Sequence[Unit], dtypes: Sequence[str] | None
) -> tuple[tuple[WeightEstimate, ...], tuple[Note, ...]]:
    """The rows of the table, and what is to be said of them."""
    own = _as_stored(model, scope, parts)
    if model.alternatives:
        own = replace(own, dtype=model.label or own.dtype, training_bytes=None)
        return (own, *(_alternative(one, scope) for one in model.alternatives)), ()
    if scope.parameters is None:
        return (own,), _not_computed(scope, dtypes)
    tallies = tallied(scope, (part.tensors for part in parts))
    if tallies.stored != AS_STORED:
        own = replace(own, dtype=tallies.stored)
    if dtypes is None:
        names = [own.dtype, *(name for name in SEED_DTYPES if name != own.dtype)]
        return tuple(own if name == own.dtype else _cast(name, scope, tallies) for name in sorted(names, key=_order)), ()
    rows: list[WeightEstimate] = []
    notes: list[Note] = []
    for name in dict.fromkeys(dtypes):
        if name in QUANTIZER_NAMES:
            from memscan.estimate.quantized import quantized_row

            row, remarks = quantized_row(name, model, scope)
            rows += [row] if row is not None else []
            notes += remarks
        else:
            rows.append(own if name == own.dtype else _cast(name, scope, tallies))
    return tuple(rows) or (own,), tuple(notes)


def _order(name: str) -> int:
    """The seed's order; what is stored in a width of its own stands first."""
    return list(CASTS).index(name) if name in CASTS else -1


def _not_computed(scope: Scope, dtypes: Sequence[str] | None) -> tuple[Note, ...]:
    asked = f"; {', '.join(dtypes)} not computed" if dtypes else ""
    message = f"the bytes are exact as stored, the number of parameters is not known: {scope.unknown}{asked}"
    return (Note(code="quantized", message=message),)


def _as_stored(model: Model, scope: Scope, parts: Sequence[Unit]) -> WeightEstimate:
    total = sum(part.nbytes for part in parts)
    packed = scope.parameters is None or Kind.QUANTIZED in kinds_of(scope.tensors)
    name = model.label if model.label is not None and model.has_blocks_of_quants else None
    return WeightEstimate(
        dtype=name or AS_STORED,
        scope=scope.name,
        stored=True,
        largest_layer_bytes=max((part.nbytes for part in parts), default=0),
        total_bytes=total,
        training_bytes=None if packed else ADAM * total,
        basis=Basis.MEASURED if model.checkpoint.shards and not scope.created else Basis.DERIVED,
    )


def _alternative(one: Alternative, scope: Scope) -> WeightEstimate:
    """A row for another quantization of a GGUF repository."""
    parts = units(one.checkpoint.tensors, block_of=scope.block_of)
    return WeightEstimate(
        dtype=one.label, scope=scope.name, stored=True, largest_layer_bytes=max((part.nbytes for part in parts), default=0),
        total_bytes=one.checkpoint.nbytes, training_bytes=None, basis=Basis.MEASURED,
    )  # fmt: skip


def _cast(name: str, scope: Scope, tallies: Tallies) -> WeightEstimate:
    dtype = CASTS[name]
    total = tallies.whole.cast(dtype)
    return WeightEstimate(
        dtype=name, scope=scope.name, stored=False, largest_layer_bytes=tallies.largest(dtype), total_bytes=total,
        training_bytes=ADAM * total, basis=Basis.DERIVED,
    )  # fmt: skip
