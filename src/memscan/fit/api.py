"""The library's door to what fits: a report and plain words in, answers out."""

from collections.abc import Iterable
from typing import Any

from memscan.bills import spread, workload_of
from memscan.devices import builtin, parse_device
from memscan.estimate import Report
from memscan.fit.answers import COMMON, Fit, fit


def what_fits(report: Report, *, device: str | None = None, dtypes: Iterable[str] = (), **words: Any) -> Fit:
    """What of the model of `report` (from `memscan.scan`) fits on `device`, or on each of the common ones.

    `device` is a word such as `rtx-4090`, `4xh100` or `24GiB`; `dtypes` are names of `memscan.DTYPES`, none for the weights as
    they are stored and what the engine loads; `words` are those of `memscan.estimate_inference`. Raises UsageError as that does.
    """
    workload = workload_of(**words)
    table = builtin()
    if device is None:
        return fit(report, workload, [table.named(name) for name in COMMON], dtypes=tuple(dtypes))
    found = parse_device(device, table)
    return fit(report, spread(report, workload, found.count), [found.device], count=found.count, dtypes=tuple(dtypes))
