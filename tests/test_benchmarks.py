"""The benchmarks run, what they measure is what they say, and what they say of it follows from the figures; no time is held
against anything here."""

import json
import re
import subprocess
import sys
from math import prod
from pathlib import Path

import pytest
from benchmarks.cases import CASES, MADE
from benchmarks.http2.compare import Compared
from benchmarks.hub import Asked
from benchmarks.page import page, row_table, target_table
from benchmarks.process import Spent
from benchmarks.programs import EVERY, PEERS
from benchmarks.results import Results
from benchmarks.row import Row, Rows
from benchmarks.sampler import PHASES, phase
from benchmarks.shapes import deepseek, gguf_file, kimi, llama, torch_file
from benchmarks.startup import COMPLETION, HELP, IMPORT, NOTHING, VERSION
from safetensors import safe_open

import memscan

ROOT = Path(__file__).parents[1]
NO_TIME = Spent(wall=0.5, cpu=0.25, peak_bytes=50_000_000)


def cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]


def test_a_quick_run_measures_memscan_and_the_floor_in_every_quick_case():
    command = [sys.executable, "-m", "benchmarks", "--quick", "--latency", "0", "--repeat", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    rows = [row for row in cells(done.stdout) if len(row) == 11]
    assert [(row[0], row[2]) for row in rows[1:]] == [
        (case.name, program) for case in CASES if case.quick for program in ("memscan", "floor")
    ]
    assert all(re.fullmatch(r"\d+\.\d\d s", row[3]) and int(row[8]) > 0 for row in rows[1:])
    assert "not measured" in done.stdout  # nothing was measured at the round trip of the targets


def row(case: str, program: str, wall: float = 0.5, **spent: float) -> Row:
    took = Spent(**{"wall": wall, "cpu": 0.25, "peak_bytes": 50_000_000, **spent})
    return Row(
        case=case, protocol="http", latency=0.05, program=program, spent=took, asked=Asked(requests=3, in_a_row=2, bytes=1234)
    )


def results(*rows: Row, starts: dict[str, Spent] | None = None) -> Results:
    return Results(
        rows=Rows(every=rows), starts=starts or dict.fromkeys((NOTHING, IMPORT, VERSION, HELP, COMPLETION), NO_TIME),
        phases=dict.fromkeys(PHASES, 0.01), repeat=5, busy=0.1,
        compared=(Compared(latency=0.05, files=191, one=NO_TIME, two=NO_TIME),),
    )  # fmt: skip


def test_figures_survive_being_written_and_read(tmp_path):
    failed = Row(case="x", protocol="", latency=0.0, program="gguf", spent=NO_TIME, asked=None, failure="it broke")
    written = results(*(row("4 shards", program) for program in EVERY), failed)
    written.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == written


def test_the_page_has_a_row_of_every_program_and_every_section():
    text = page(results(*(row("4 shards", program) for program in EVERY)))
    table = [one for one in cells(text) if len(one) == 11 and one[0] == "4 shards"]
    assert [one[2] for one in table] == list(EVERY)
    assert all(one[3:] == ["0.50 s", "1.00", "1.00", "0.25 s", "50 MB", "3", "2", "1,234"] for one in table)
    for section in ("Targets", "Where the time goes", "HTTP/2", "How it is measured", "All round trips"):
        assert f"\n## {section}" in text
    assert all(name in text.split("## How it is measured")[1] for name in ("hf-mem", "huggingface_hub", "modelinfo-cli", "gguf"))


def test_a_program_that_fails_says_so_and_is_compared_with_nothing():
    failed = Row(case="x", protocol="http", latency=0.05, program="floor", spent=NO_TIME, asked=None, failure="a\nlast line")
    table = cells(row_table(results(row("x", "memscan"), failed), (row("x", "memscan"), failed)))
    assert (table[1][4], table[2][3]) == ("", "failed: last line")


@pytest.mark.parametrize(("wall", "verdicts"), [(0.30, ("**met**", "**met**")), (0.35, ("**not met**", "**not met**"))])
def test_targets_are_met_or_not_by_the_rows(wall, verdicts):
    case = "single file"
    found = results(row(case, "memscan", wall), row(case, "floor", 0.2), row(case, "hf-mem", 0.48))
    table = {one[0]: one[1:] for one in cells(target_table(found))}
    floor, peer = table["wall beside the floor, single file"], table["faster than hf-mem, single file"]
    assert (floor[0], floor[1], peer[0], peer[1]) == ("<= 1.6 x", f"{wall / 0.2:.2f} x", ">= 1.5 x", f"{0.48 / wall:.2f} x")
    assert (floor[2], peer[2]) == verdicts
    assert table["faster than hf-mem, 191 shards"] == [">= 12 x", "-", "not measured"]


def test_targets_of_memory_and_start():
    starts = {name: Spent(wall=0.1, cpu=cpu, peak_bytes=1) for name, cpu in ((NOTHING, 0.01), (IMPORT, 0.05), (HELP, 0.11))}
    rows = [row(f"{count} shards", "memscan", peak_bytes=peak) for count, peak in ((4, 40_000_000), (191, 60_000_000))]
    found = Results(rows=Rows(every=tuple(rows)), starts=starts, phases={}, compared=(), repeat=1, busy=0.1)
    table = {one[0]: one[1:] for one in cells(target_table(found))}
    assert table[f"{IMPORT}, beyond the interpreter"] == ["< 0.03 s CPU", "0.040 s CPU", "**not met**"]
    assert table[HELP] == ["< 0.12 s CPU", "0.110 s CPU", "**met**"]
    flat = "memory flat in the number of shards, 191 beside 4, one-request endpoint"
    assert table[flat] == ["<= 1.25 x", "1.50 x", "**not met**"]


def test_headers_have_the_published_numbers():
    assert sum(prod(shape) for _, (_, shape) in llama.tensors()) == llama.PARAMETERS == 405_853_388_800
    assert [deepseek.parameters(mtp=layers) // 10**9 for layers in (0, 1)] == [671, 684]  # 684.5, published as 685
    assert [sum(1 for _ in deepseek.tensors(mtp=layers)) for layers in (1, deepseek.MTP_LAYERS)] == [91_991, 101_375]
    assert sum(1 for _ in kimi.tensors()) == kimi.TENSORS


@pytest.mark.parametrize("shape", [llama, deepseek])
def test_made_checkpoints_are_valid(shape, tmp_path):
    shape.write(tmp_path)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_bytes())["weight_map"]
    files = sorted(tmp_path.glob("*.safetensors"))
    assert len(files) == shape.SHARDS
    assert sum(file.stat().st_blocks for file in files) * 512 < 40_000_000  # holes, not weights
    for file in files:
        with safe_open(file, framework="np") as opened:
            assert all(index.pop(name) == file.name for name in opened.keys())  # noqa: SIM118 -- it is no mapping
    assert not index


def test_the_index_of_500_000_tensors_is_the_published_one_in_size(tmp_path):
    kimi.write(tmp_path)
    index = (tmp_path / "model.safetensors.index.json").read_bytes()
    assert len(index) == 59_764_096
    assert json.loads(index)["metadata"]["total_size"] == kimi.TOTAL_SIZE


def test_the_torch_file_and_the_gguf_file_are_what_they_say(tmp_path):
    torch_file.write(tmp_path / "bin")
    gguf_file.write(tmp_path / "gguf")
    bert, quantized = memscan.scan(str(tmp_path / "bin")), memscan.scan(str(tmp_path / "gguf"))
    assert (bert.model.checkpoint.format, sum(one.elements for one in bert.model.checkpoint.tensors)) == ("torch", 108_932_934)
    assert len(quantized.model.checkpoint.tensors) == 3 + 9 * gguf_file.LAYERS
    assert 10_000_000 < gguf_file.header_length() < 11_000_000


def test_every_repository_is_a_fixture_or_made():
    assert {case.repo for case in CASES if not (ROOT / "fixtures" / "hub" / case.repo).is_dir()} == set(MADE)
    assert {program for case in CASES for program in case.programs} == set(PEERS)


@pytest.mark.parametrize("name", ["peers.txt", "peers-torch.txt", "server.txt"])
def test_what_is_installed_is_pinned(name):
    lines = (ROOT / "benchmarks" / name).read_text().splitlines()
    assert lines == sorted(lines)
    assert all(re.fullmatch(r"[\w.\[\]-]+==[\w.]+", line) for line in lines)


LIB = "/env/lib/python3.11"
LOAD = ("<frozen importlib._bootstrap>", "_find_and_load")
MAIN = ("/src/memscan/cli/main.py", "main")


@pytest.mark.parametrize(
    ("expected", "frames"),
    [
        ("importing click", [(f"{LIB}/enum.py", "<module>"), LOAD, (f"{LIB}/site-packages/click/core.py", "<module>"), LOAD]),
        ("importing memscan", [LOAD, ("/src/memscan/cli/run.py", "<module>"), LOAD, MAIN]),
        (
            "importing the standard library",
            [(f"{LIB}/json/__init__.py", "<module>"), LOAD, ("/src/memscan/size.py", "<module>"), LOAD],
        ),
        ("importing the HTTP client", [(f"{LIB}/site-packages/httpx2/_api.py", "<module>"), LOAD, MAIN]),
        ("importing tabulate", [(f"{LIB}/site-packages/tabulate/__init__.py", "<module>"), LOAD, MAIN]),
        ("parsing", [(f"{LIB}/json/decoder.py", "decode"), ("/src/memscan/formats/safetensors.py", "parse_table"), MAIN]),
        ("figures", [("/src/memscan/estimate/weights.py", "estimate_weights"), (f"{LIB}/asyncio/events.py", "_run"), MAIN]),
        ("requests", [(f"{LIB}/selectors.py", "select"), (f"{LIB}/asyncio/base_events.py", "_run_once"), MAIN]),
        ("table", [(f"{LIB}/site-packages/tabulate/__init__.py", "tabulate"), ("/src/memscan/report/grid.py", "grid"), MAIN]),
        ("command line", [(f"{LIB}/site-packages/click/core.py", "invoke"), MAIN]),
    ],
)
def test_work_is_charged_to_its_phase(expected, frames):
    assert phase(frames) == expected
