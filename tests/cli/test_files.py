"""`memscan files TARGET`: every weight set, which is chosen and why, in every format."""

import csv
import io
import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from memscan.cli.main import run
from tests.hub import LoopbackHub, Repository
from tests.runner import run_memscan
from tests.source.models import sharded_files, weights

SCHEMA = json.loads(files("memscan.report").joinpath("schema.json").read_text())
FORMATS = ("table", "json", "markdown", "csv")
HOSTILE = "evil|`x`\x1b[31m\n=HYPERLINK(1)<b>.safetensors"


@pytest.fixture
def memscan(capsys):
    """Runs `memscan files` in this process: exit code, standard output, standard error."""

    def memscan(*args: object) -> tuple[int, str, str]:
        code = run(["files", *map(str, args)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return memscan


@pytest.fixture
def mixed(hub: LoopbackHub) -> str:
    """A repository that holds its weights five times."""
    files = {
        **sharded_files(2),
        "model.fp16.safetensors": bytes(50),
        "pytorch_model.bin": bytes(200),
        "model.Q4_K_M.gguf": bytes(70),
        "onnx/model.onnx": bytes(30),
        "onnx/model.onnx_data": bytes(2_000_000),
        "training_args.bin": bytes(9),
    }
    return hub.add_repository(Repository(repo_id="org/mixed", files=files, library="transformers")).repo_id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one checkpoint."""
    (tmp_path / "model.safetensors").write_bytes(weights("a"))
    return tmp_path


def test_the_table(memscan, mixed):
    code, out, err = memscan(mixed)
    size = sum(len(data) for name, data in sharded_files(2).items() if name.endswith(".safetensors"))
    assert (code, err) == (0, "")
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[0].endswith(": 5 weight sets; sizes are of whole files")
    assert lines[0].startswith("org/mixed @ ")
    assert [line.split() for line in lines[4:]] == [
        ["->", "model.safetensors.index.json", "safetensors", "2", str(size), str(size), "bytes", "loaders", "prefer", "it"],
        *(
            line.split()
            for line in (
                "model.fp16.safetensors safetensors 1 50 50 bytes another variant: --variant fp16 chooses it",
                "pytorch_model.bin torch 1 200 200 bytes loaders prefer safetensors: --file pytorch_model.bin chooses it",
                "model.Q4_K_M.gguf gguf 1 70 70 bytes loaders prefer safetensors: --file model.Q4_K_M.gguf chooses it",
                "onnx/model.onnx onnx 2 2,000,030 1.91 MiB memscan does not read the headers of onnx: sized by its files",
            )
        ),
    ]


def test_one_request_and_no_header(memscan, mixed, hub):
    memscan(mixed)
    assert len(hub.requests) == 1


def test_the_json(memscan, mixed):
    code, out, _ = memscan(mixed, "--json")
    answer = json.loads(out)
    jsonschema.validate(answer, SCHEMA)
    assert code == 0
    assert answer["target"]["repo_id"] == mixed
    assert answer["target"]["library"] == "transformers"
    assert [one["chosen"] for one in answer["weight_sets"]] == [True, False, False, False, False]
    assert answer["weight_sets"][4] == {
        "name": "onnx/model.onnx",
        "chosen": False,
        "why": "memscan does not read the headers of onnx: sized by its files",
        "format": "onnx",
        "variant": None,
        "folder": "onnx",
        "index": None,
        "files": ["onnx/model.onnx", "onnx/model.onnx_data"],
        "complete": True,
        "bytes": 2_000_030,
    }


def test_the_markdown(memscan, mixed):
    code, out, _ = memscan(mixed, "--format", "markdown")
    assert code == 0
    assert out.startswith("### Weight files of `org/mixed`\n")
    rows = [line for line in out.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 5
    assert {line.count("|") for line in rows} == {8}


def test_the_csv(memscan, mixed):
    code, out, _ = memscan(mixed, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [(row["target"], row["chosen"]) for row in rows] == [(mixed, "true"), *[(mixed, "false")] * 4]
    assert rows[1]["variant"] == "fp16"
    assert rows[4]["bytes"] == "2000030"


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (["--file", "pytorch_model.bin"], "pytorch_model.bin"),
        (["--variant", "fp16"], "model.fp16.safetensors"),
        (["--file", "model.Q4_K_M.gguf"], "model.Q4_K_M.gguf"),
        (["--subfolder", "onnx"], None),
        (["--variant", "fp8"], None),
    ],
)
def test_the_options_that_choose(memscan, mixed, options, chosen):
    code, out, err = memscan(mixed, *options, "--json")
    assert (code, err) == (0, "")
    names = [one["name"] for one in json.loads(out)["weight_sets"] if one["chosen"]]
    assert names == ([] if chosen is None else [chosen])


@pytest.mark.parametrize("option", ["--file", "--subfolder"])
def test_a_place_that_is_not_there(memscan, mixed, option):
    code, out, err = memscan(mixed, option, "nowhere")
    assert (code, out) == (3, "")
    assert err.startswith("memscan: no file or folder 'nowhere' among the ")


@pytest.mark.parametrize("output", FORMATS)
def test_several_targets(memscan, mixed, folder, output):
    code, out, err = memscan(mixed, folder, "--format", output)
    assert (code, err) == (0, "")
    assert "org/mixed" in out
    assert "model.safetensors" in out
    if output == "json":
        jsonschema.validate(json.loads(out), SCHEMA)
        assert [len(one["weight_sets"]) for one in json.loads(out)["reports"]] == [5, 1]
    if output == "csv":
        assert len(out.splitlines()) == 1 + 5 + 1


@pytest.mark.parametrize("output", FORMATS)
def test_one_failure_among_several(memscan, mixed, output):
    code, out, err = memscan("org/nowhere", mixed, "--format", output)
    assert code == 3
    assert err.startswith("memscan: org/nowhere was not found")
    assert err.count("\n") == 1
    assert "onnx/model" in out
    if output == "json":
        jsonschema.validate(json.loads(out), SCHEMA)
        assert [one["error"] for one in json.loads(out)["errors"]] == ["NotFoundError"]
    if output == "markdown":
        assert "Not read: " in out


def test_failures_alone(memscan, hub):
    code, out, _ = memscan("org/nowhere", "org/nothing", "--json")
    jsonschema.validate(json.loads(out), SCHEMA)
    assert (code, len(json.loads(out)["errors"])) == (3, 2)


@pytest.mark.parametrize("output", FORMATS)
def test_one_target_that_fails_prints_nothing(memscan, hub, output):
    code, out, err = memscan("org/nowhere", "--format", output)
    assert (code, out) == (3, "")
    assert err.startswith("memscan: org/nowhere was not found")


@pytest.mark.parametrize("output", FORMATS)
def test_no_weights_are_no_failure(memscan, hub, output):
    hub.add_repository(Repository(repo_id="org/empty", files={"README.md": b"#"}))
    code, out, err = memscan("org/empty", "--format", output)
    assert (code, err) == (0, "")
    if output == "json":
        assert json.loads(out)["weight_sets"] == []
    elif output != "csv":
        assert "0 weight sets" in out


@pytest.mark.parametrize("output", FORMATS)
def test_names_from_strangers_are_harmless(memscan, hub, output):
    hub.add_repository(Repository(repo_id="org/evil", files={HOSTILE: bytes(5), f"=1+1/{HOSTILE}": bytes(5)}))
    code, out, err = memscan("org/evil", "--format", output)
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    if output == "json":
        assert [one["name"] for one in json.loads(out)["weight_sets"]] == [HOSTILE, f"=1+1/{HOSTILE}"]
    elif output == "csv":
        (_, *rows) = csv.reader(io.StringIO(out))
        assert len(rows) == 2
        assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    else:
        assert len(out.splitlines()) == (6 if output == "table" else 8)
        assert output == "table" or "<b>" not in out.replace("\\<", "")


def test_the_notes_of_a_place_are_shown(memscan, folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    for output in ("table", "markdown", "json"):
        code, out, _ = memscan(folder.name, "--format", output)
        assert code == 0
        assert "on this machine" in out


def test_it_goes_to_a_file(memscan, folder, tmp_path):
    path = tmp_path / "out.json"
    code, out, _ = memscan(folder, "--json", "--output", path)
    assert (code, out) == (0, "")
    jsonschema.validate(json.loads(path.read_text()), SCHEMA)


def test_as_a_user_runs_it(mixed, hub):
    done = run_memscan(hub, "files", mixed)
    assert (done.code, done.stderr) == (0, "")
    assert "-> " in done.stdout
