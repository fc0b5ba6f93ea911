"""`memscan check`: limits on the command line and in files, every outcome with its exit code."""

import json
import re
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from memscan.budget.figures import SUBJECTS as KNOWN
from memscan.budget.file import KEYS
from memscan.cli.main import cli
from memscan.cli.options import GATE_FORMATS
from memscan.cli.workload import NO_WORDS, SUBJECTS
from memscan.report import FORMATS
from memscan.report.gates import GATE_FORMATS as RENDERED
from tests.hub import FIXTURES, LoopbackHub, materialise
from tests.hub.materialise import load_fixtures
from tests.runner import run_memscan

SCHEMA = json.loads(files("memscan.report").joinpath("schema.json").read_text())
BERT = 433_249_280  # bytes of BertModel


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    """No file of budgets is found but those that a test writes."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("limit", "code", "words"),
    [
        (f"{BERT}", 0, "with 0 bytes"),
        (f"{BERT - 1}", 1, "by 1 byte"),
        ("1GB", 0, "is within 1GB (1,000,000,000 bytes: 1.0 GB, 953.67 MiB)"),
        ("400MiB", 1, "exceeds 400MiB"),
    ],
)
def test_a_limit_is_exact(memscan, models, limit, code, words):
    got, out, err = memscan("check", models / "bert-base-cased", "--max-memory", limit)
    assert (got, err) == (code, "")
    assert words in out
    assert f"{BERT:,} bytes (433.25 MB, 413.18 MiB" in out


@pytest.mark.parametrize("what", SUBJECTS)
def test_every_subject_is_held_against_a_device(memscan, models, what):
    code, out, _ = memscan("check", models / "gpt2", "--device", "rtx-4090", "--what", what, "--json")
    found = json.loads(out)
    jsonschema.validate(found, SCHEMA)
    assert code == 0
    assert "within" in out
    assert memscan("check", models / "gpt2", "--device", "100MB", "--what", what)[0] == 1


def test_an_unknown_never_passes_in_silence(memscan, models):
    args = ("check", models / "resnet50", "--what", "inference", "--max-memory", "10GB")
    code, out, _ = memscan(*args)
    assert code == 1
    assert "a lower bound" in out
    code, out, _ = memscan(*args, "--unknown", "warn")
    assert code == 0
    assert "a lower bound" in out


def test_a_target_that_cannot_be_read_has_its_own_code(memscan, models):
    code, out, err = memscan("check", "absent.safetensors", models / "gpt2", "--max-memory", "10GB")
    assert code == 3
    assert "absent.safetensors" in out
    assert err.count("\n") == 1


def test_growth_is_held_against_a_baseline(memscan, models):
    base = ("check", models / "bert-base-cased", "--baseline", models / "gpt2")
    assert memscan(*base, "--max-growth", "0")[0] == 0
    code, out, _ = memscan("check", models / "gpt2", "--baseline", models / "bert-base-cased", "--max-growth", "5%")
    assert code == 1
    assert "5% more than the 433,249,280 bytes of" in out
    assert memscan("check", models / "gpt2", "--baseline", models / "bert-base-cased", "--max-growth", "50%")[0] == 0


def test_a_file_of_budgets_is_found_and_run_at_once(memscan, models):
    text = f"""
[defaults]
device = "24GiB"
[[budget]]
targets = ["{models / "gpt2"}", "{models / "llama"}"]
dtypes = ["fp32", "bf16"]
[[budget]]
target = "{models / "llama"}"
what = "inference"
context = 8192
batch = 4
"""
    Path("memscan.toml").write_text(text)
    code, out, _ = memscan("check", "--json")
    found = json.loads(out)
    jsonschema.validate(found, SCHEMA)
    outcomes = [finding["outcome"] for finding in found["findings"]]
    assert outcomes == ["within", "within", "exceeded", "within", "within"]
    assert code == 1
    Path("pyproject.toml").write_text(f'[[tool.memscan.budget]]\ntarget = "{models / "gpt2"}"\nmax-memory = "1GB"\n')
    assert len(json.loads(memscan("check", "--json")[1])["findings"]) == 5  # memscan.toml goes first
    assert len(json.loads(memscan("check", "--budget", "pyproject.toml", "--json")[1])["findings"]) == 1
    Path("memscan.toml").unlink()
    assert len(json.loads(memscan("check", "--json")[1])["findings"]) == 1


@pytest.mark.parametrize("output", RENDERED)
def test_every_format_has_every_outcome(memscan, models, output):
    Path("memscan.toml").write_text(
        f'[[budget]]\ntargets = ["{models / "gpt2"}", "{models / "llama"}", "absent.bin"]\nmax-memory = "1GB"\n'
    )
    code, out, _ = memscan("check", "--format", output)
    assert code == 3
    assert "absent.bin" in out
    assert "memscan.toml" in out or output in ("csv", "markdown", "table", "json")


def test_a_step_of_github_gets_its_summary_and_outputs(memscan, models, tmp_path, monkeypatch):
    summary, outputs = tmp_path / "summary.md", tmp_path / "outputs"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    code, out, _ = memscan("check", models / "llama", "--max-memory", "1GB", "--format", "github")
    assert code == 1
    assert out.startswith("::error ")
    assert "exceeds" in summary.read_text()
    assert "failed" in outputs.read_text()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["check"], "no TARGET, and no budgets here: write [[budget]] in memscan.toml"),
        (["check", "--max-memory", "1GB"], "--max-memory needs a TARGET"),
        (["check", "gpt2"], "no limit is given; say --max-memory 24GB or --device h100"),
        (["check", "gpt2", "--max-memory", "24G"], "has two meanings"),
        (["check", "gpt2", "--max-memory", "1GB", "--context", "8"], "--context is of --what inference, not of total"),
        (["check", "gpt2", "--max-memory", "1GB", "--budget", "x.toml"], "without a TARGET"),
        (["check", "--budget", "x.toml"], "cannot read x.toml"),
        (["check", "gpt2", "--max-memory", "1GB", "--baseline", "gpt2", "--max-growth", "lots"], "'lots' is no growth"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_code_2(memscan, models, args, message):
    places = [str(models / "gpt2") if word == "gpt2" else word for word in args]
    code, out, err = memscan(*places)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert not out or "not read" in out


def test_a_wrong_file_is_named_with_its_line(memscan):
    Path("memscan.toml").write_text('[[budget]]\ntarget = "a"\n\n[[budget]]\ntarget = "b"\nwhat = "all"\n')
    code, _, err = memscan("check")
    assert code == 2
    assert err.startswith("memscan: memscan.toml:1: a: no limit is given")
    Path("memscan.toml").write_text('[[budget]]\ntarget = "a"\nmax_memory = "1GB"\n')
    code, _, err = memscan("check")
    assert code == 5
    assert "did you mean max-memory?" in err
    budget = '[[budget]]\ntarget = "a"\nmax-memory = "1GB"\n'
    Path("memscan.toml").write_text(f"{budget}\n{budget}scope = 'bse'\n")
    code, _, err = memscan("check")
    assert code == 2
    assert err.startswith("memscan: memscan.toml:5: 'bse' is not a scope")


def test_targets_of_a_file_are_read_side_by_side(hub: LoopbackHub, tmp_path):
    names = ("openai-community/gpt2", "google-bert/bert-base-cased", "google-t5/t5-small")
    for name in names:
        materialise(FIXTURES / name, tmp_path / "hub" / name)
    for repository in load_fixtures(tmp_path / "hub"):
        hub.add_repository(repository)
    listed = ", ".join(f'"{name}"' for name in names)
    (tmp_path / "memscan.toml").write_text(f'[[budget]]\ntargets = [{listed}]\ndtypes = ["fp32", "bf16"]\nmax-memory = "1TB"\n')
    done = run_memscan(hub, "check", cwd=tmp_path)
    assert done.code == 0, done.stderr
    listings = [record.path for record in hub.requests if "/api/models/" in record.path]
    assert len(listings) == len(set(listings)) == 3  # each model once, whatever is asked of it


def test_the_choices_are_those_of_the_rooms_below():
    cli.load()
    assert SUBJECTS == KNOWN
    assert (*FORMATS, "html", *GATE_FORMATS) == tuple(RENDERED)
    words = {
        "library-name" if parameter.name == "library" else (parameter.name or "").replace("_", "-")
        for parameter in cli.commands["check"].params
        if parameter.name not in NO_WORDS
    }
    assert words - {"budget", "devices-file", "against-config"} <= set(KEYS)
    assert set(KEYS) - words == {"target", "targets", "dtypes", "devices"}


def test_both_units_are_in_the_table(memscan, models):
    _, out, _ = memscan("check", models / "gpt2", "--max-memory", "24GB")
    assert re.search(r"24\.0 GB, 22\.35 GiB", out)


def test_a_file_that_cannot_be_read_is_not_passed_over(memscan, models):
    Path("pyproject.toml").write_text(f'[[tool.memscan.budget]]\ntarget = "{models / "gpt2"}"\nmax-memory = "1GB"\n')
    Path("memscan.toml").mkdir()
    code, _, err = memscan("check")
    assert (code, "cannot read memscan.toml" in err) == (2, True)
    Path("memscan.toml").rmdir()
    Path("memscan.toml").write_bytes(b"\xff")
    assert memscan("check")[0] == 5
    Path("memscan.toml").write_bytes(b"\xef\xbb\xbf" + f'[[budget]]\ntarget = "{models / "gpt2"}"\nmax-memory = "1GB"'.encode())
    assert memscan("check")[0] == 0


def test_a_summary_that_cannot_be_written_changes_no_verdict(memscan, models, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/nowhere/summary")
    code, _, err = memscan("check", models / "gpt2", "--max-memory", "1GB", "--format", "github")
    assert code == 0
    assert "cannot write the file that GITHUB_STEP_SUMMARY names" in err


def test_a_baseline_that_is_not_all_known_makes_the_growth_unknown(memscan, models):
    code, out, _ = memscan(
        "check", models / "llama", "--what", "inference", "--baseline", models / "resnet50", "--max-growth", "0", "--json"
    )
    (finding,) = json.loads(out)["findings"]
    assert (code, finding["outcome"]) == (1, "unknown")
    assert "but the baseline is a lower bound" in finding["message"]


def test_names_order_no_ci_system_about(memscan, checkpoint):
    path = checkpoint("##vso[task.setvariable variable=P]evil")
    for command in ("layers", "estimate"):
        for output in ("json", "table", "markdown"):
            _, out, _ = memscan(command, path, "--format", output)
            assert "##vso[" not in out
