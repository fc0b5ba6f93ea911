"""What the commands with workloads do: a scan of each target, then its bill, without another request."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from memscan.bills import Bill, inference_bill, on_devices, recipe_of, spread, training_bill, workload_of
from memscan.checking import own_devices
from memscan.cli.early import Early
from memscan.cli.exit import code_of
from memscan.cli.messages import complain
from memscan.cli.options import Options
from memscan.cli.run import finish, scan
from memscan.devices import Devices, Named, parse_device
from memscan.errors import MemscanError, UsageError
from memscan.estimate import Report
from memscan.fit import COMMON, Fit, device_map, device_map_note, fit, parse_max_memory
from memscan.printable import one_line, shown_word
from memscan.report import Failure
from memscan.report.bills import render_bills
from memscan.report.devices import render_devices
from memscan.report.fits import render_fits, render_maps

T = TypeVar("T")
DEVICE_MAP = "device-map"


def run_inference(options: Options, early: Early | None, asked: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    """`memscan inference`."""
    workload, named = workload_of(**asked), _named(given)

    def one(report: Report) -> Bill:
        if named is None:
            return inference_bill(report, workload)
        return inference_bill(report, spread(report, workload, named.count), named.device, named.count)

    return _bills(options, early, one, explain=bool(given["explain"]))


def run_training(options: Options, early: Early | None, asked: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    """`memscan training`."""
    recipe, named = recipe_of(**asked), _named(given)
    device = None if named is None else named.device
    if named is not None:
        recipe = on_devices(recipe, named.count)
    return _bills(options, early, lambda report: training_bill(report, recipe, device), explain=bool(given["explain"]))


def run_fit(
    options: Options, early: Early | None, asked: Mapping[str, Any], given: Mapping[str, Any], said: Collection[str]
) -> int:
    """`memscan fit`; `said` are the options that the user wrote."""
    if (options.output_format == DEVICE_MAP) != (given["max_memory"] is not None):
        raise UsageError("--max-memory 0=10GiB,cpu=30GiB and --format device-map belong together; give both")
    words = {name.replace("_", "-") for name in (*asked, "device", "devices_file")} - {"dtype"}
    ignored = [f"--{name}" for name in said if name in words]
    if given["max_memory"] is not None and ignored:
        raise UsageError(f"--format device-map places weights in --max-memory, by --dtype alone; leave out {', '.join(ignored)}")
    workload, named = workload_of(**asked), _named(given)
    if given["max_memory"] is not None:
        memory = parse_max_memory(given["max_memory"])
        return finish(options, _each(options, early, lambda report: _map(report, memory, workload.dtype)), render_maps)
    devices = _devices(given)
    chosen = [named.device] if named is not None else [devices.named(name) for name in COMMON]
    count = 1 if named is None else named.count
    dtypes = () if workload.dtype is None else (workload.dtype,)

    def one(report: Report) -> Fit:
        return fit(report, spread(report, workload, count), chosen, count=count, dtypes=dtypes)

    return finish(options, _each(options, early, one), lambda results: render_fits(results, options.output_format))


def _map(report: Report, memory: Mapping[int | str, int], dtype: str | None) -> Mapping[str, int | str]:
    scope, config = report.scopes[report.scope], report.model.config
    found = device_map(scope, memory, dtype=dtype, config=config)
    note = device_map_note(scope, config)
    if note is not None:
        complain(one_line(f"note: {note}"))  # the answer is JSON for a program
    return found


def run_devices(given: Mapping[str, Any]) -> int:
    """`memscan devices`."""
    options = Options(
        targets=(), scan={}, output=None if given["output"] in (None, "-") else str(given["output"]),
        output_format="json" if given["as_json"] else str(given["output_format"]),
    )  # fmt: skip
    found = _devices(given)
    return finish(options, [found], lambda _: render_devices(found, options.output_format))


def _bills(options: Options, early: Early | None, one: Callable[[Report], Bill], *, explain: bool) -> int:
    results = _each(options, early, one)
    return finish(options, results, lambda results: render_bills(results, options.output_format, explain=explain))


def _each(options: Options, early: Early | None, one: Callable[[Report], T]) -> list[T | Failure]:
    """What `one` makes of each report; an error stands in the place of its target."""
    found: list[T | Failure] = []
    for word, result in zip(options.targets, scan(options, early), strict=True):
        try:
            found.append(result if isinstance(result, Failure) else one(result))
        except MemscanError as error:
            found.append(Failure(requested=shown_word(word), code=code_of(error), error=error))
    return found


def _named(given: Mapping[str, Any]) -> Named | None:
    word, devices = given["device"], _devices(given) if given["device"] or given["devices_file"] else None
    return None if word is None or devices is None else parse_device(word, devices)


def _devices(given: Mapping[str, Any]) -> Devices:
    return own_devices(given["devices_file"])
