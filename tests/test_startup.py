"""What a start costs in imports: nothing heavy is loaded, and torch, numpy and transformers never are."""

import json
import os
import subprocess
import sys

import pytest

from tests.hub import FIXTURES, materialise

HEAVY = ("torch", "numpy", "transformers", "accelerate", "timm", "diffusers", "gguf", "pandas")


def modules_after(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport json, sys; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_importing_memscan_imports_nothing_else():
    added = modules_after("import memscan") - modules_after("pass")
    assert added == {"memscan", "memscan.version"}


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_loads_no_network_and_no_renderer(option):
    loaded = modules_after(f"from memscan.cli.main import run\nrun([{option!r}])")
    for name in ("asyncio", "huggingface_hub", "httpx2", "tabulate", "tqdm", "ssl", "memscan.scanning", "memscan.estimate"):
        assert name not in loaded, name


def test_a_scan_of_a_folder_loads_no_http_client(tmp_path):
    materialise(FIXTURES / "openai-community/gpt2", tmp_path)
    loaded = modules_after(f"import memscan\nmemscan.scan({str(tmp_path)!r})")
    for name in ("huggingface_hub", "httpx2", "click", "tabulate", "tqdm"):
        assert name not in loaded, name


def test_a_plain_scan_loads_nothing_that_it_does_not_use(tmp_path):
    """Of memscan itself: each module is some 0.3 ms, and each frozen dataclass as much again."""
    materialise(FIXTURES / "google-bert/bert-base-cased", tmp_path)
    loaded = modules_after(f"from memscan.cli.main import run\nrun([{str(tmp_path)!r}])")
    own = {name for name in loaded if name.startswith("memscan.")}
    assert "memscan.packing" in own
    unused = (
        "memscan.architecture.changes", "memscan.architecture.gguf_keys", "memscan.architecture.settings",
        "memscan.estimate.dense", "memscan.formats.gguf", "memscan.formats.gguf_values", "memscan.formats.torch_file",
        "memscan.loading.against", "memscan.model.against", "memscan.packing.base", "memscan.quantizers.base",
        "memscan.scanning.snapshots", "memscan.source.archive", "memscan.source.record",
        "memscan.source.snapshot", "memscan.source.url",
    )  # fmt: skip
    assert own.isdisjoint(unused)
    assert len(own) < 130


@pytest.mark.parametrize("output", ["table", "json", "markdown", "csv"])
def test_what_draws_nothing_loads_no_picture(tmp_path, output):
    materialise(FIXTURES / "openai-community/gpt2", tmp_path)
    for command in ("estimate", "layers", "inference", "training"):
        loaded = modules_after(f"from memscan.cli.main import run\nrun([{command!r}, {str(tmp_path)!r}, '--format', {output!r}])")
        assert not [name for name in loaded if name.startswith(("memscan.report.picture", "memscan.report.html"))]
        assert "html.parser" not in loaded


def test_a_scan_never_imports_torch_and_its_kin(tmp_path):
    """Each of them is replaced by a module that ends the process: if one is imported, the scan fails."""
    traps, model = tmp_path / "traps", tmp_path / "model"
    traps.mkdir()
    for name in HEAVY:
        (traps / f"{name}.py").write_text("import os; os._exit(99)")
    materialise(FIXTURES / "google-bert/bert-base-cased", model)
    env = {**os.environ, "PYTHONPATH": str(traps)}
    done = subprocess.run([sys.executable, "-m", "memscan", str(model)], env=env, capture_output=True, check=False)
    assert done.returncode == 0
    trapped = subprocess.run([sys.executable, "-c", "import torch"], env=env, capture_output=True, check=False)
    assert trapped.returncode == 99
