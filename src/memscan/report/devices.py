"""The table of devices, in every output format: what they are sold with, what of it can be used, and how that is known."""

import csv
import io
from collections.abc import Callable, Mapping

from memscan.devices import Device, Devices
from memscan.printable import safe
from memscan.report.csv import guarded
from memscan.report.grid import grid
from memscan.report.json import SCHEMA, dumps
from memscan.report.markdown import table as markdown_table
from memscan.units import iec_bytes
from memscan.version import __version__

HEADERS = ("Name", "Device", "Marketed", "Usable", "Basis", "Source")
CSV_COLUMNS = ("name", "title", "vendor", "kind", "marketed_bytes", "usable_bytes", "basis", "source")
WIDEST = 60  # characters of a source in the table for a terminal; the other formats have all of it


def render_devices(devices: Devices, output: str) -> str:
    """The table in `output`, one of `memscan.report.FORMATS`, in the order of its file."""
    return _RENDERERS[output](devices)


def _row(device: Device) -> tuple[str, ...]:
    sizes = (iec_bytes(device.marketed_bytes), iec_bytes(device.usable_bytes))
    return safe(device.name), safe(device.title), *sizes, device.basis.value, safe(device.source)


def _table(devices: Devices) -> str:
    align = ("left", "left", "right", "right", "left", "left")
    rows = [(*row[:-1], row[-1] if len(row[-1]) <= WIDEST else f"{row[-1][: WIDEST - 3]}...") for row in map(_row, devices)]
    return grid(rows, HEADERS, layout="simple", align=align)


def _markdown(devices: Devices) -> str:
    columns = ("Name", "Device", "Basis", "Source", "Marketed", "Usable")
    rows = ((name, title, basis, source, marketed, usable) for name, title, marketed, usable, basis, source in map(_row, devices))
    return "\n".join(["### Devices", "", *markdown_table(columns, rows, texts=4)])


def _json(devices: Devices) -> str:
    return dumps({"schema": SCHEMA, "memscan": __version__, "devices": [_object(device) for device in devices]})


def _object(device: Device) -> Mapping[str, object]:
    return {
        "name": device.name,
        "aliases": list(device.aliases),
        "title": device.title,
        "vendor": device.vendor,
        "kind": device.kind,
        "marketed_bytes": device.marketed_bytes,
        "usable_bytes": device.usable_bytes,
        "basis": device.basis.value,
        "source": device.source,
    }


def _csv(devices: Devices) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for device in devices:
        words = (guarded(word) for word in (device.name, device.title, device.vendor, device.kind))
        sizes = (device.marketed_bytes, device.usable_bytes)
        writer.writerow((*words, *sizes, device.basis.value, guarded(device.source)))
    return text.getvalue().rstrip("\n")


_RENDERERS: Mapping[str, Callable[[Devices], str]] = {
    "table": _table,
    "json": _json,
    "markdown": _markdown,
    "csv": _csv,
}
