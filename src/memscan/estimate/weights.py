"""The seed's estimate: the largest layer, the total, and training with Adam, in each dtype asked for.

Method: `accelerate estimate-memory` (https://huggingface.co/docs/accelerate/usage_guides/model_size_estimator) on the exact
shapes of the checkpoint. Only floating tensors change with the dtype; integer and boolean ones keep their bytes.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from memscan.architecture import tied_output
from memscan.checkpoint import is_buffer
from memscan.dtype import CASTS, STORED_AS, DType
from memscan.estimate.base import Basis, Layer, Report, WeightEstimate
from memscan.estimate.placements import placements
from memscan.model import Alternative, Model, Scope, scopes
from memscan.modules import Unit, units
from memscan.note import Note
from memscan.tensor import TensorInfo
from memscan.units import iec_bytes

AS_STORED = "as stored"
SEED_DTYPES = ("float32", "float16", "int8", "int4")
ADAM = 4  # times the weights: weights, gradients, first and second moment


@dataclass(frozen=True, slots=True)
class _Tally:
    """A group of tensors, counted so that any cast of it is a short sum and still exact tensor by tensor."""

    castable: Counter[int]
    """How many floating tensors have so many elements."""
    kept: int
    """Bytes of the tensors that no cast changes."""
    nbytes: int
    """Stored bytes of all."""

    def cast(self, dtype: DType) -> int:
        """Bytes after a cast to `dtype`."""
        return self.kept + sum(count * dtype.packed_nbytes(elements) for elements, count in self.castable.items())


def estimate_weights(model: Model, *, dtypes: Sequence[str] | None, scope: str) -> Report:
    """The report on `scope` of `model`, with a row for each of `dtypes` (names in `CASTS`; None: the seed's and the stored)."""
    known = scopes(model)
    chosen = known[scope]
    parts = units(chosen.tensors, blocks=model.has_blocks)
    largest = _layer(max(parts, key=_nbytes, default=None), model)
    tallies = [_tally(part.tensors) for part in parts]
    whole = _sum(tallies)
    stored = _stored_as(chosen.tensors)
    measured = bool(model.checkpoint.shards)  # else it was built, and no file was read
    rows = _rows(dtypes, stored) if model.is_castable else (AS_STORED,)
    estimates = tuple(
        _estimate(row, scope, stored, tallies, whole, trainable=model.is_castable, measured=bool(model.checkpoint.shards))
        for row in rows
    )
    if model.alternatives or (model.label is not None and model.quantization is not None):
        own = _estimate(AS_STORED, scope, stored, tallies, whole, trainable=model.is_castable, measured=measured)
        estimates = _quantizations(model, scope, own)
    return Report(
        model=model,
        scopes=known,
        scope=scope,
        largest_layer=largest,
        estimates=estimates,
        placements=placements(model, largest),
        notes=(*model.notes, *model.checkpoint.notes, *_quantized(model, dtypes), *_heads(model, chosen), *_tied_output(model)),
    )


def _quantizations(model: Model, scope: str, own: WeightEstimate) -> tuple[WeightEstimate, ...]:
    """A row for each quantization of a GGUF repository, as stored: the one that llama.cpp takes first, then by size."""
    own = replace(own, dtype=model.label or own.dtype, training_bytes=None)
    return (own, *(_alternative(one, model, scope) for one in model.alternatives))


def _alternative(one: Alternative, model: Model, scope: str) -> WeightEstimate:
    parts = units(one.checkpoint.tensors, blocks=model.has_blocks)
    return WeightEstimate(
        dtype=one.label,
        scope=scope,
        stored=True,
        largest_layer_bytes=max((part.nbytes for part in parts), default=0),
        total_bytes=one.checkpoint.nbytes,
        training_bytes=None,
        basis=Basis.MEASURED,
    )


def _nbytes(unit: Unit) -> int:
    return unit.nbytes


def _layer(unit: Unit | None, model: Model) -> Layer | None:
    if unit is None:
        return None
    elements = sum(tensor.elements for tensor in unit.tensors if not is_buffer(tensor))
    return Layer(name=unit.name, parameters=None if model.is_packed else elements, nbytes=unit.nbytes)


def _tally(tensors: Iterable[TensorInfo]) -> _Tally:
    castable: Counter[int] = Counter()
    kept = nbytes = 0
    for tensor in tensors:
        nbytes += tensor.nbytes
        if tensor.castable:
            castable[tensor.elements] += 1
        else:
            kept += tensor.nbytes
    return _Tally(castable, kept, nbytes)


def _sum(tallies: Iterable[_Tally]) -> _Tally:
    castable: Counter[int] = Counter()
    kept = nbytes = 0
    for tally in tallies:
        castable.update(tally.castable)
        kept, nbytes = kept + tally.kept, nbytes + tally.nbytes
    return _Tally(castable, kept, nbytes)


def _stored_as(tensors: Iterable[TensorInfo]) -> str:
    """The one cast that changes no floating tensor, or `as stored` where they are of several dtypes or of another."""
    names = {STORED_AS.get(tensor.dtype.name, AS_STORED) for tensor in tensors if tensor.castable}
    return names.pop() if len(names) == 1 else AS_STORED


def _rows(dtypes: Sequence[str] | None, stored: str) -> tuple[str, ...]:
    if dtypes is not None:
        return tuple(dict.fromkeys(dtypes))
    return tuple(name for name in (AS_STORED, *CASTS) if name in SEED_DTYPES or name == stored)


def _estimate(
    row: str, scope: str, stored: str, tallies: Sequence[_Tally], whole: _Tally, *, trainable: bool, measured: bool
) -> WeightEstimate:
    is_stored = row in (AS_STORED, stored)
    if is_stored:
        largest, total = max((tally.nbytes for tally in tallies), default=0), whole.nbytes
    else:
        dtype = CASTS[row]
        largest, total = max((tally.cast(dtype) for tally in tallies), default=0), whole.cast(dtype)
    return WeightEstimate(
        dtype=row,
        scope=scope,
        stored=is_stored,
        largest_layer_bytes=largest,
        total_bytes=total,
        training_bytes=ADAM * total if trainable else None,
        basis=Basis.MEASURED if is_stored and measured else Basis.DERIVED,
    )


def _quantized(model: Model, dtypes: Sequence[str] | None) -> tuple[Note, ...]:
    if model.quantization is None:
        return ()
    asked = f"; {', '.join(dtypes)} not computed" if dtypes else ""
    unknown = "the number of parameters and other dtypes are" if model.is_packed else "other dtypes are"
    message = f"the weights are quantized ({model.quantization}): the bytes are exact as stored, {unknown} not known yet{asked}"
    return (Note(code="quantized", message=message),)


def _tied_output(model: Model) -> tuple[Note, ...]:
    """What llama.cpp holds twice: the embedding that is the output too, once the output layer is offloaded."""
    if model.checkpoint.format != "gguf":
        return ()
    architecture = model.checkpoint.metadata.get("general.architecture")
    tensor = tied_output(model.checkpoint.tensors, architecture if isinstance(architecture, str) else None)
    if tensor is None:
        return ()
    message = (
        f"the output is tied to {tensor.name}; llama.cpp holds it a second time ({tensor.nbytes:,} bytes) on the device that the"
        " output layer is offloaded to, not counted here"
    )
    return (Note(code="tied-output", message=message),)


def _heads(model: Model, scope: Scope) -> tuple[Note, ...]:
    """Where the base model has the prefix of its model type (`bert.`), what stands beside it is a head: say how much."""
    prefix = None if model.config is None else model.config.model_type
    tops = {tensor.name.partition(".")[0] for tensor in scope.tensors}
    if model.parts or prefix not in tops or len(tops) == 1 or model.quantization is not None:
        return ()
    base = sum(tensor.nbytes for tensor in scope.tensors if tensor.name.partition(".")[0] == prefix)
    heads = ", ".join(f"{top}.*" for top in sorted(tops - {prefix}))
    place = "the file holds" if model.checkpoint.shards else "the class has"
    message = (
        f"{place} {heads} ({iec_bytes(scope.nbytes - base)}) beyond the base model {prefix}.*,"
        f" which alone takes {iec_bytes(base)} ({base:,} bytes) as stored"
    )
    return (Note(code="heads", message=message),)
