"""`memscan inference`, `training`, `fit` and `devices`: every format, wrong options, no request beyond the scan's."""

import csv
import io
import json
import re
from importlib.resources import files

import jsonschema
import pytest

from memscan.cli.main import cli
from memscan.cli.workload import ATTENTIONS, ENGINES, FSDP, OPTIMIZERS, PRECISIONS
from tests.hub import FIXTURES, LoopbackHub, materialise
from tests.hub.materialise import load_fixtures
from tests.runner import run_memscan

SCHEMA = json.loads(files("memscan.report").joinpath("schema.json").read_text())
COMMANDS = ("inference", "training", "fit")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["bert-base-cased", "resnet50", "gptq", "gpt2", "llama"])
def test_json_keeps_its_schema(memscan, models, command, name):
    code, out, err = memscan(command, models / name, "--device", "h100", "--json")
    assert (code, err) == (0, "")
    jsonschema.validate(json.loads(out), SCHEMA)


@pytest.mark.parametrize("command", COMMANDS)
def test_several_targets_have_a_place_each(memscan, models, command):
    code, out, err = memscan(command, models / "llama", "absent.safetensors", models / "gpt2", "--json")
    found = json.loads(out)
    jsonschema.validate(found, SCHEMA)
    assert code == 3
    assert "absent.safetensors" in err
    assert len(found.get("bills", found.get("fits"))) == 2
    assert found["errors"][0]["exit_code"] == 3


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("output", ["table", "markdown", "csv"])
def test_every_format_names_the_model(memscan, models, command, output):
    code, out, _ = memscan(command, models / "llama", "--device", "rtx-4090", "--format", output)
    assert code == 0
    assert "llama" in out
    if output == "csv":
        rows = list(csv.DictReader(io.StringIO(out)))
        assert all(row["target"] for row in rows)


def test_the_table_has_every_line_the_moments_and_the_verdict(memscan, models):
    _, out, _ = memscan("inference", models / "llama", "--context", "8k", "--batch", "4", "--device", "rtx-4090")
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in out.splitlines() if row.startswith("| ")]
    lines = {row[0]: row[1:] for row in cells}
    assert lines["weights"][:3] == ["16,060,522,496", "14.96 GiB", "measured"]
    assert lines["KV cache: 32 layers, full attention"][:3] == ["4,294,967,296", "4.0 GiB", "derived"]
    assert {"in prefill", "in logits", "in decode", "Peak, in prefill"} <= set(lines)
    last = r"^On NVIDIA GeForce RTX 4090 \(23.* GiB usable, measured\): fits, .* left at the peak \([\d,]+ bytes\)$"
    assert re.search(last, out, re.MULTILINE)
    assert "transformers 5.23.0" in out


def test_explain_has_the_numbers_put_in(memscan, models):
    _, out, _ = memscan("inference", models / "llama", "--explain", "--batch", "2", "--context", "1000")
    assert "2 x 1,000 tokens" in out or "1,000 tokens" in out
    assert out.count("  = ") >= 6
    assert "  source: " in out
    assert " 1 sequences" not in out


def test_a_bill_is_the_same_in_every_format(memscan, models):
    _, as_json, _ = memscan("training", models / "gpt2", "--json")
    _, as_csv, _ = memscan("training", models / "gpt2", "--format", "csv")
    items = json.loads(as_json)["items"]
    rows = list(csv.DictReader(io.StringIO(as_csv)))
    assert [(row["line"], row["bytes"]) for row in rows] == [(item["name"], str(item["bytes"])) for item in items]


def test_training_takes_every_option(memscan, models):
    code, out, err = memscan(
        "training", models / "llama", "--batch", 2, "--seq", 512, "--optimizer", "adamw-8bit", "--precision", "bf16-mixed",
        "--lora", "r=16,targets=q_proj,v_proj", "--qlora", "nf4-dq", "--gpus", 2, "--gradient-checkpointing", "--attention",
        "eager", "--explain",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "LoRA r=16 on q_proj,v_proj over bnb-nf4-dq" in out
    assert "6,815,744 of 8,037,076,992 parameters" not in err
    assert "6,815,744 of" in out


def test_a_device_map_is_what_from_pretrained_takes(memscan, models):
    code, out, _ = memscan("fit", models / "llama", "--max-memory", "0=10GiB,cpu=30GiB", "--format", "device-map")
    found = json.loads(out)
    assert code == 0
    assert set(found.values()) == {0, "cpu"}
    assert found["model.embed_tokens"] == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["inference", "llama", "--context", "200000"], "--context 200000 is beyond the 131,072 tokens"),
        (["inference", "llama", "--context", "many"], "Invalid value for '--context': 'many' is not a count"),
        (["inference", "llama", "--tp", "5"], "--tp 5 does not divide the 32 attention heads"),
        (["inference", "llama", "--dtype", "bf61"], "'bf61' is not a dtype"),
        (["inference", "llama", "--kv-dtype", "q9_9"], "q9_9"),
        (["inference", "llama", "--device", "rtx4091"], "no device is called 'rtx4091'"),
        (["inference", "llama", "--cuda-context", "lots"], "Invalid value for '--cuda-context'"),
        (["inference", "llama", "--devices-file", "absent.json"], "cannot read the devices in absent.json"),
        (["inference", "llama", "--engine", "tgi"], "Invalid value for '--engine'"),
        (["training", "llama", "--lora", "r=8,targets=x_proj"], "x_proj"),
        (["training", "llama", "--lora", "r=0"], "r='0'"),
        (["training", "llama", "--qlora", "nf4"], "give --lora"),
        (["training", "llama", "--zero", "4"], "Invalid value for '--zero'"),
        (["training", "llama", "--zero", "2", "--fsdp", "full-shard"], "say the same in two ways"),
        (["training", "llama", "--offload", "params"], "--offload params needs --zero 3"),
        (["fit", "llama", "--max-memory", "0=10GiB"], "belong together"),
        (["fit", "llama", "--format", "device-map"], "belong together"),
        (
            [
                "fit",
                "llama",
                "--max-memory",
                "0=10GiB",
                "--format",
                "device-map",
                "--tp",
                "2",
                "--context",
                "4096",
                "--dtype",
                "bf16",
            ],
            "by --dtype alone; leave out --context, --tp",
        ),
        (
            ["fit", "llama", "--max-memory", "0=10GiB", "--format", "device-map", "--device", "rtx-4090", "--kv-dtype", "fp8"],
            "leave out --kv-dtype, --device",
        ),
        (
            ["inference", "llama", "--engine", "vllm", "--attention", "eager"],
            "--attention is of --engine transformers or llama.cpp",
        ),
        (["fit", "llama", "--max-memory", "0=ten", "--format", "device-map"], "ten"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_code_2(memscan, models, args, message):
    code, out, err = memscan(args[0], models / args[1], *args[2:])
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_list_of_ones_own_devices(memscan, models, tmp_path, monkeypatch):
    own = tmp_path / "devices.json"
    own.write_text(json.dumps({
        "format": 1, "rules": {},
        "devices": [{"name": "mine", "title": "My card", "marketed": "24GiB", "usable": "23.5GiB", "source": "measured here"}],
    }))  # fmt: skip
    code, out, _ = memscan("inference", models / "gpt2", "--device", "mine", "--devices-file", own)
    assert code == 0
    assert "On My card (23.5 GiB usable, measured): fits" in out
    monkeypatch.setenv("MEMSCAN_DEVICES", str(own))
    code, out, _ = memscan("devices", "--json")
    found = json.loads(out)
    jsonschema.validate(found, SCHEMA)
    assert code == 0
    assert {"mine", "h100"} < {device["name"] for device in found["devices"]}
    own.write_text("{}")
    assert memscan("devices")[0] == 5


@pytest.mark.parametrize("output", ["table", "markdown", "csv"])
def test_devices_has_every_format(memscan, output):
    code, out, _ = memscan("devices", "--format", output)
    assert code == 0
    assert "rtx-4090" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_asked_for_that_a_scan_does_not_ask_for(command, hub: LoopbackHub, tmp_path):
    repository = "meta-llama/Llama-3.1-8B"
    materialise(FIXTURES / repository, tmp_path / repository)
    (found,) = load_fixtures(tmp_path)
    hub.add_repository(found)
    asked = []
    for words in ((), (command, "--device", "h100")):
        hub.forget()
        assert run_memscan(hub, *words[:1], repository, *words[1:]).code == 0
        asked.append(sorted(record.path for record in hub.requests))
    assert asked[0]
    assert asked[0] == asked[1]


def test_the_choices_are_those_of_the_rooms_below():
    from memscan.bills.recipe import FSDP as STRATEGIES
    from memscan.bills.recipe import PRECISIONS as KNOWN
    from memscan.bills.workload import ATTENTIONS as KERNELS
    from memscan.bills.workload import ENGINES as RULES
    from memscan.cache import ENGINES as CACHES
    from memscan.optimizers import OPTIMIZERS as STEPS

    assert set(OPTIMIZERS) == set(STEPS)
    assert PRECISIONS == KNOWN
    assert set(FSDP) == set(STRATEGIES)
    assert ATTENTIONS == KERNELS
    assert tuple(ENGINES) == tuple(RULES) == tuple(CACHES)


def test_the_workload_is_one_group_of_options():
    cli.load()

    def names(command):
        return {option for parameter in cli.commands[command].params for option in parameter.opts}

    shared = names("inference") - {"--explain"}
    assert shared <= names("fit")
