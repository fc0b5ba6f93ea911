"""The sentences and rows that the table and the markdown share."""

from memscan.estimate import AS_STORED, Report, WeightEstimate
from memscan.printable import safe
from memscan.units import counted, plural, seed_bytes

COLUMNS = ("dtype", "Largest Layer", "Total Size", "Training using Adam")
FOOTNOTE = "1 MB = 1,048,576 bytes; training with Adam is 4 x the total (weights, gradients, two moments), without activations"


def title(report: Report) -> str:
    """One line that says what was found."""
    model = report.model
    where = safe(model.origin.name)
    if model.origin.commit is not None:
        where += f" @ {model.origin.commit[:7]}"
    scope = report.scopes[report.scope]
    dtypes = " + ".join(safe(name) for name in model.checkpoint.by_dtype()) or "no tensors"
    amount = "packed parameters" if scope.parameters is None else f"{counted(scope.parameters)} parameters"
    files = plural(len(model.checkpoint.shards), f"{model.checkpoint.format} file")
    layer = "none" if report.largest_layer is None else safe(report.largest_layer.name)
    return f"{where}: {dtypes}, {amount}, {seed_bytes(scope.nbytes)} in {files}; largest layer {layer}; scope {report.scope}"


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
    from_seed = row.dtype in (AS_STORED, "float32", "float16", "int8", "int4")
    return f"{row.dtype} (stored)" if row.stored and not from_seed else row.dtype


def _training(row: WeightEstimate) -> str:
    return "unknown" if row.training_bytes is None else seed_bytes(row.training_bytes)
