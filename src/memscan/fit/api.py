"""The library's door to what fits: a report and plain words in, answers out."""

from collections.abc import Iterable
from typing import Any

from memscan.bills import dtype_of, spread, workload_of
from memscan.devices import builtin, parse_device
from memscan.errors import UsageError
from memscan.estimate import Report
from memscan.fit.answers import COMMON, Fit, fit


def what_fits(report: Report, *, device: str | None = None, dtypes: str | Iterable[str] = (), **words: Any) -> Fit:
    """What of the model of `report` (from `memscan.scan`) fits on `device`, or on each of the common ones.

    `device` is a word such as `rtx-4090`, `4xh100` or `24GiB`; `dtypes` are names of `memscan.DTYPES` or short for them (`bf16`),
    or one of them; none: the `dtype` of `words`, or without that the weights as they are stored and what the engine loads.
    `words` are those of `memscan.estimate_inference`. Raises UsageError as that does.
    """
    workload = workload_of(**words)
    asked = (dtypes,) if isinstance(dtypes, str) else tuple(dtypes)
    if asked and workload.dtype is not None:
        raise UsageError("dtype and dtypes both say what the weights are loaded in; give one of them")
    names = tuple(dict.fromkeys(map(dtype_of, asked))) or (() if workload.dtype is None else (workload.dtype,))
    table = builtin()
    if device is None:
        return fit(report, workload, [table.named(name) for name in COMMON], dtypes=names)
    found = parse_device(device, table)
    return fit(report, spread(report, workload, found.count), [found.device], count=found.count, dtypes=names)
