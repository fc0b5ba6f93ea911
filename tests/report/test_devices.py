"""The table of devices in every output format."""

import csv
import io
import json

import pytest

from memscan.devices import Devices, builtin
from memscan.report import FORMATS
from memscan.report.devices import render_devices

HOSTILE = {"name": "x", "title": "=cmd|\x1b[31m`x`", "marketed": "2GiB", "usable": "1GiB", "source": "@a\u202eb\n| c"}


def hostile() -> Devices:
    return Devices.parse(json.dumps({"format": 1, "devices": [HOSTILE]}).encode(), "own.json")


def test_the_table_has_a_line_for_each_device() -> None:
    lines = render_devices(builtin(), "table").splitlines()
    assert len(lines) == len(builtin()) + 2
    assert lines[0].split() == ["Name", "Device", "Marketed", "Usable", "Basis", "Source"]
    (line,) = [line for line in lines if line.startswith("rtx-4090 ")]
    assert line.split()[:10] == ["rtx-4090", "NVIDIA", "GeForce", "RTX", "4090", "24.0", "GiB", "23.49", "GiB", "measured"]


def test_json_has_exact_bytes_and_all_of_the_source() -> None:
    found = json.loads(render_devices(builtin(), "json"))
    assert len(found["devices"]) == len(builtin())
    one = next(each for each in found["devices"] if each["name"] == "t4")
    assert (one["marketed_bytes"], one["usable_bytes"]) == (2**34, builtin().named("t4").usable_bytes)
    assert (one["basis"], one["kind"], one["vendor"]) == ("measured", "gpu", "NVIDIA")
    assert one["source"] == builtin().named("t4").source


def test_csv_can_be_read_back() -> None:
    rows = list(csv.DictReader(io.StringIO(render_devices(builtin(), "csv"))))
    assert [(row["name"], int(row["usable_bytes"])) for row in rows] == [(one.name, one.usable_bytes) for one in builtin()]


def test_markdown_is_one_table() -> None:
    lines = render_devices(builtin(), "markdown").splitlines()
    assert lines[0] == "### Devices"
    assert len(lines) == len(builtin()) + 4
    assert {line.count("|") for line in lines[2:]} == {7}


@pytest.mark.parametrize("output", FORMATS)
def test_a_users_words_do_no_harm(output: str) -> None:
    text = render_devices(hostile(), output)
    assert "\x1b" not in text
    assert "\u202e" not in text
    if output == "csv":
        assert "'=cmd" in text
        assert "'@a" in text
    if output == "markdown":
        assert "\\`x\\`" in text
