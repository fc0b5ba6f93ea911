"""The sentences and rows that the table and the markdown share."""

from collections.abc import Iterable

from memscan.checkpoint import is_buffer
from memscan.dtype import CASTS
from memscan.estimate import SEED_DTYPES, Report, WeightEstimate
from memscan.model import FORMAT as DERIVED
from memscan.model import Scope, part_parameters
from memscan.printable import safe
from memscan.tensor import TensorInfo
from memscan.units import counted, plural, seed_bytes

MAX_NAME = 200  # characters
COLUMNS = ("dtype", "Largest Layer", "Total Size", "Training using Adam")
FOOTNOTE = "1 MB = 1,048,576 bytes; training with Adam is 4 x the total (weights, gradients, two moments), without activations"


def title(report: Report) -> str:
    """What was found, in one line; in a second one its scopes, where there are several."""
    model = report.model
    where = safe(model.origin.name)
    if model.origin.commit is not None:
        where += f" @ {model.origin.commit[:7]}"
    scope = report.scopes[report.scope]
    dtypes = " + ".join(safe(name) for name in model.checkpoint.by_dtype()) or "no tensors"
    amount = "packed parameters" if scope.parameters is None else _parameters(scope.parameters)
    files = f"in {plural(len(model.checkpoint.shards), f'{model.checkpoint.format} file')}"
    if not model.checkpoint.shards:
        files = "derived from config.json" if model.checkpoint.format == DERIVED else "built on torch's meta device"
    more = f" ({plural(len(model.alternatives), 'other quantization')} below)" if model.alternatives else ""
    layer = "none" if report.largest_layer is None else short(report.largest_layer.name) or "(root)"
    return f"{where}: {dtypes}, {amount}, {seed_bytes(scope.nbytes)} {files}{more}; largest layer {layer}{_scopes(report)}"


def _scopes(report: Report) -> str:
    """Which class the numbers are of, and what the others take: a second line."""
    others = [scope for name, scope in report.scopes.items() if name != report.scope and scope.unknown is None]
    chosen = report.scopes[report.scope]
    if len(report.scopes) == 1:
        return f"; scope {report.scope}"
    rest = ", ".join(f"{_scope(one)} {seed_bytes(one.nbytes)}" for one in others)
    return f"\nScope {_scope(chosen)}" + (f"; others: {rest}" if rest else "")


def scope_words(report: Report) -> str:
    """The scope that the numbers are of, with its class."""
    return _scope(report.scopes[report.scope])


def _scope(scope: Scope) -> str:
    return scope.name if scope.class_name is None else f"{scope.name} ({safe(scope.class_name)})"


def _parameters(count: int) -> str:
    return "1 parameter" if count == 1 else f"{counted(count)} parameters"


def short(name: str) -> str:
    """A stranger's name, printable and not longer than a line or two: real ones have some 80 characters."""
    shown = safe(name)
    return shown if len(shown) <= MAX_NAME else f"{shown[: MAX_NAME - 3]}..."


def heading(report: Report) -> str:
    """The seed's line above its table."""
    return f"Memory Usage for loading `{safe(report.model.origin.requested)}`:"


def rows(report: Report) -> list[tuple[str, str, str, str]]:
    """The cells of the seed's table."""
    return [
        (_dtype(row), seed_bytes(row.largest_layer_bytes), seed_bytes(row.total_bytes), _training(row))
        for row in report.estimates
    ]


def _dtype(row: WeightEstimate) -> str:
    return f"{row.dtype} (stored)" if row.stored and row.dtype in CASTS and row.dtype not in SEED_DTYPES else row.dtype


def _training(row: WeightEstimate) -> str:
    return "unknown" if row.training_bytes is None else seed_bytes(row.training_bytes)


PART_COLUMNS = ("part", "class", "dtype", "Parameters", "Total Size")
PLACEMENT_COLUMNS = ("On the device, as stored", "Size", "Largest at once")


def part_rows(report: Report) -> list[tuple[str, ...]]:
    """A row for each part of the model."""
    return [
        (
            safe(part.name),
            safe(part.class_name or ""),
            " + ".join(safe(name) for name in part.checkpoint.by_dtype()),
            "packed" if (count := part_parameters(part)) is None else counted(count),
            seed_bytes(part.checkpoint.nbytes),
        )
        for part in report.model.parts
    ]


def placement_rows(report: Report) -> list[tuple[str, ...]]:
    """A row for each way to hold it."""
    return [(one.name, seed_bytes(one.nbytes), safe(one.what)) for one in report.placements]


def parameters(tensors: Iterable[TensorInfo]) -> int:
    """Logical elements of the tensors that are not buffers."""
    return sum(tensor.elements for tensor in tensors if not is_buffer(tensor))


def notes(report: Report) -> list[str]:
    """A line for each note."""
    return [f"Note: {safe(note.message)}" for note in report.notes]
