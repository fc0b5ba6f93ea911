"""A row for a quantization method: what it would make of the scope's dense tensors."""

from memscan.errors import UsageError
from memscan.estimate.base import WeightEstimate
from memscan.estimate.dense import dense
from memscan.item import Basis
from memscan.model import Model, Scope
from memscan.modules import units
from memscan.note import Note
from memscan.quantizers import QUANTIZERS


def quantized_row(name: str, model: Model, scope: Scope) -> tuple[WeightEstimate | None, tuple[Note, ...]]:
    """The row of the method `name`, a key of `QUANTIZERS`, and what it says of its work; no row where it knows no answer."""
    try:
        made = QUANTIZERS[name].quantize(dense(model, scope))
    except UsageError as error:
        return None, (Note(code="quantizer-unknown", message=f"{name} is not known for this model: {error}"),)
    sizes = [unit.nbytes for unit in units(made.tensors, block_of=scope.block_of, owners=scope.owners)]
    basis = Basis.DERIVED if made.assumed is None else Basis.ASSUMED
    row = WeightEstimate(
        dtype=name, scope=scope.name, stored=False, largest_layer_bytes=max(sizes, default=0), total_bytes=sum(sizes),
        training_bytes=None, basis=basis,
    )  # fmt: skip
    notes = [Note(code="quantizer", message=f"{name}: {made.note}")] if made.note is not None else []
    if made.assumed is not None:
        notes.append(Note(code="quantizer-assumed", message=f"{name}: {made.assumed}"))
    return row, tuple(notes)
