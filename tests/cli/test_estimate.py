"""`memscan TARGET` on folders: the seed's figures to the printed digit, in every format."""

import csv
import io
import json
from importlib.resources import files

import jsonschema
import pytest


def cells(output: str) -> list[list[str]]:
    lines = [line for line in output.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_resnet50_gives_the_four_rows_of_the_seed(memscan, models):
    code, out, err = memscan(models / "resnet50")
    assert (code, err) == (0, "")
    assert cells(out) == [
        ["dtype", "Largest Layer", "Total Size", "Training using Adam"],
        ["float32", "9.0 MB", "97.7 MB", "390.78 MB"],
        ["float16", "4.5 MB", "48.85 MB", "195.39 MB"],
        ["int8", "2.25 MB", "24.42 MB", "97.7 MB"],
        ["int4", "1.12 MB", "12.21 MB", "48.85 MB"],
    ]
    assert "25.56 M parameters" in out


def test_bert_names_its_largest_layer_and_what_its_class_leaves(memscan, models):
    _, out, _ = memscan(models / "bert-base-cased")
    first, second, *_ = out.splitlines()
    assert first.endswith("F32, 108.31 M parameters, 413.18 MB in 1 safetensors file; largest layer embeddings.word_embeddings")
    assert second == "Scope base (BertModel); others: checkpoint 415.55 MB, declared (BertForMaskedLM) 413.3 MB"
    assert "Note: BertModel does not load 7 stored tensors (2.38 MiB): cls.predictions.bias" in out
    assert "1 MB = 1,048,576 bytes" in out


@pytest.mark.parametrize(
    ("scope", "total", "line"),
    [
        ("auto", "413.18 MB", "base (BertModel); others: checkpoint 415.55 MB, declared (BertForMaskedLM) 413.3 MB"),
        ("base", "413.18 MB", "base (BertModel); others: checkpoint 415.55 MB, declared (BertForMaskedLM) 413.3 MB"),
        ("declared", "413.3 MB", "declared (BertForMaskedLM); others: checkpoint 415.55 MB, base (BertModel) 413.18 MB"),
        ("checkpoint", "415.55 MB", "checkpoint; others: declared (BertForMaskedLM) 413.3 MB, base (BertModel) 413.18 MB"),
    ],
)
def test_the_scope_is_the_users_choice(memscan, models, scope, total, line):
    _, out, _ = memscan(models / "bert-base-cased", "--scope", scope)
    assert out.splitlines()[1] == f"Scope {line}"
    assert cells(out)[1][2] == total


def test_one_scope_alone_takes_no_second_line(memscan, models):
    _, out, _ = memscan(models / "resnet50")
    assert out.splitlines()[0].endswith("; scope checkpoint")
    _, out, _ = memscan(models / "resnet50", "--scope", "declared")
    assert "Note: the scope declared is not known for this model" in out


def test_the_table_can_be_pasted_as_markdown(memscan, models):
    _, out, _ = memscan(models / "bert-base-cased", "--dtypes", "float32")
    table = [line for line in out.splitlines() if line.startswith("|")]
    assert table == [
        "| dtype   | Largest Layer | Total Size | Training using Adam |",
        "|---------|---------------|------------|---------------------|",
        "| float32 | 84.95 MB      | 413.18 MB  | 1.61 GB             |",
    ]


@pytest.mark.parametrize(
    "args", [["--dtypes", "float32", "float16"], ["--dtypes", "float32,float16"], ["--dtypes=float32,float16"]]
)
def test_dtypes_after_and_before_the_target(memscan, models, args):
    _, after, _ = memscan(models / "gpt2", *args)
    _, before, _ = memscan(*args, models / "gpt2")
    assert before == after
    assert [row[0] for row in cells(after)] == ["dtype", "float32", "float16"]


@pytest.mark.parametrize("option", ["--library_name", "--library-name"])
def test_underscores_and_dashes_both_work(memscan, models, option):
    code, out, _ = memscan(models / "resnet50", option, "timm", "--trust_remote_code", "--json")
    assert code == 0
    assert json.loads(out)["target"]["library"] == "timm"


def test_the_library_decides_what_stays_whole(memscan, models):
    _, out, _ = memscan(models / "bert-base-cased", "--library-name", "timm", "--json")
    assert json.loads(out)["largest_layer"]["name"] == "bert.embeddings.word_embeddings"
    _, out, _ = memscan(models / "resnet50", "--library-name", "transformers", "--json")
    assert json.loads(out)["largest_layer"]["name"] == "layer4.0.conv2"


def test_a_quantized_checkpoint_has_a_row_as_stored_and_dequantized_ones(memscan, models):
    code, out, _ = memscan(models / "gptq")
    assert code == 0
    assert "I32 + F16, 6.74 B parameters, 3.63 GB in 1 safetensors file" in out
    assert cells(out)[1:3] == [
        ["as stored", "250.0 MB", "3.63 GB", "unknown"],
        ["float32", "772.19 MB", "25.11 GB", "100.43 GB"],
    ]
    assert "Note: each of 224 packed weights has a bias" in out


def test_a_quantization_method_is_a_dtype(memscan, models):
    code, out, _ = memscan(models / "gpt2", "--dtypes", "float16,bnb-nf4")
    assert code == 0
    assert [(row[0], row[3] == "unknown") for row in cells(out)[1:]] == [("float16", False), ("bnb-nf4", True)]


def schema() -> dict[str, object]:
    return json.loads(files("memscan.report").joinpath("schema.json").read_text())


@pytest.mark.parametrize("command", [[], ["layers"]])
@pytest.mark.parametrize("names", [["bert-base-cased"], ["gptq"], ["resnet50", "gpt2"], ["resnet50", "absent.safetensors"]])
def test_json_keeps_its_schema(memscan, models, command, names):
    _, out, _ = memscan(*command, *(models / name for name in names), "--json")
    jsonschema.validate(json.loads(out), schema())


def test_the_schema_refuses_what_memscan_does_not_print(memscan, models):
    _, out, _ = memscan(models / "gpt2", "--json")
    report = json.loads(out)
    report["estimates"][0]["total_bytes"] = 1.5
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(report, schema())


def test_json_holds_exact_integers(memscan, models):
    _, out, _ = memscan(models / "resnet50", "--json")
    report = json.loads(out)
    assert report["checkpoint"]["parameters"] == 25_557_032
    assert report["checkpoint"]["buffers"] == 53_173
    assert report["checkpoint"]["bytes"] == 102_441_032
    assert report["scopes"]["checkpoint"] == {
        "class": None, "parameters": 25_557_032, "parameter_bytes": 102_228_128, "buffer_bytes": 212_904, "bytes": 102_441_032,
        "unknown": None, "tied": [], "ignored": [], "created": [],
    }  # fmt: skip
    assert report["estimates"][0] == {
        "dtype": "float32", "scope": "checkpoint", "stored": True, "basis": "measured",
        "largest_layer_bytes": 9_437_184, "total_bytes": 102_441_032, "training_bytes": 409_764_128,
    }  # fmt: skip
    assert report["estimates"][3]["basis"] == "derived"


def test_json_lists_what_a_class_does_with_each_tensor(memscan, models):
    _, out, _ = memscan(models / "bert-base-cased", "--json")
    report = json.loads(out)
    assert (report["scope"], list(report["scopes"])) == ("base", ["checkpoint", "declared", "base"])
    declared, base = report["scopes"]["declared"], report["scopes"]["base"]
    assert (base["class"], base["parameters"], base["bytes"]) == ("BertModel", 108_310_272, 433_241_088 + 8192)
    assert declared["tied"] == [
        {"name": "cls.predictions.decoder.bias", "bytes": 28_996 * 4},
        {"name": "cls.predictions.decoder.weight", "bytes": 28_996 * 768 * 4},
    ]
    assert [one["name"] for one in declared["ignored"]] == [
        "bert.pooler.dense.bias", "bert.pooler.dense.weight", "cls.seq_relationship.bias", "cls.seq_relationship.weight",
    ]  # fmt: skip
    assert sum(one["bytes"] for one in declared["ignored"]) == 4 * (768 + 768 * 768 + 2 + 2 * 768)
    assert base["created"] == [
        {"name": "embeddings.position_ids", "bytes": 4096}, {"name": "embeddings.token_type_ids", "bytes": 4096},
    ]  # fmt: skip


def test_csv_has_a_line_for_each_row(memscan, models):
    _, out, _ = memscan(models / "resnet50", models / "gpt2", "--format", "csv")
    lines = list(csv.DictReader(io.StringIO(out)))
    assert [line["dtype"] for line in lines] == ["float32", "float16", "int8", "int4"] * 2
    assert lines[0]["total_bytes"] == "102441032"


@pytest.mark.parametrize("command", [[], ["layers"]])
def test_markdown_has_the_scopes_in_a_paragraph_of_their_own(memscan, models, command):
    _, out, _ = memscan(*command, models / "bert-base-cased", "--format", "markdown")
    assert "\n\nScope base (BertModel); others: checkpoint 415.55 MB, declared (BertForMaskedLM) 413.3 MB\n\n" in out


def test_markdown_names_what_failed(memscan, models):
    code, out, _ = memscan(models / "resnet50", "absent.safetensors", "--format", "markdown")
    assert code == 3
    assert "| float32 | 9.0 MB | 97.7 MB | 390.78 MB |" in out
    assert "### `absent.safetensors`\n\nNot read: no file or folder" in out


def test_output_goes_to_a_file(memscan, models, tmp_path):
    code, out, _ = memscan(models / "resnet50", "--json", "-o", tmp_path / "report.json")
    assert (code, out) == (0, "")
    assert json.loads((tmp_path / "report.json").read_text())["schema"] == 1


def test_an_output_that_cannot_be_written_is_said(memscan, models, tmp_path):
    code, out, err = memscan(models / "resnet50", "-o", tmp_path / "no" / "folder.json")
    assert (code, out) == (2, "")
    assert err.startswith("memscan: cannot write")


def test_several_targets_print_what_succeeded_and_return_the_worst_code(memscan, models, tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\xff" * 100)
    code, out, err = memscan(models / "resnet50", "absent.safetensors", broken, models / "gpt2")
    assert code == 5
    assert out.count("Memory Usage for loading") == 2
    assert len(err.splitlines()) == 2


def test_layers_shows_the_tree_in_order(memscan, models):
    code, out, _ = memscan("layers", models / "gpt2", "--depth", "2", "--scope", "checkpoint")
    assert code == 0
    names = [line.split()[0] for line in out.splitlines()[5:]]
    assert names == ["h", *(f"h.{i}" for i in range(12)), "ln_f", "wpe", "wte"]
    assert "  h.11   7,087,872   32,545,792   31.04 MiB   5.9%" in out


def test_layers_shows_the_tree_of_the_class(memscan, models):
    _, out, _ = memscan("layers", models / "gpt2", "--depth", "2")
    names = [line.split()[0] for line in out.splitlines()[5:]]
    assert names == ["transformer", *(f"transformer.{name}" for name in ("h", "ln_f", "wpe", "wte"))]


def test_layers_shares_sum_up(memscan, models):
    _, out, _ = memscan("layers", models / "bert-base-cased", "--depth", "1", "--json")
    modules = json.loads(out)["modules"]
    assert sum(module["bytes"] for module in modules) == 433_249_280
    assert sum(module["share"] for module in modules) == pytest.approx(1, abs=1e-5)


def test_what_a_stranger_named_cannot_repaint_the_terminal(memscan, checkpoint):
    path = checkpoint("\x1b[2Jevil\n.weight", "=cmd|' /C calc'!A0.weight", "a|b<script>.weight")
    for output in ("table", "markdown", "csv"):
        _, estimate, _ = memscan(path, "--format", output)
        _, layers, _ = memscan("layers", path, "--format", output)
        assert "\x1b" not in estimate + layers
        assert "<script>" not in layers or output != "markdown"
    _, layers, _ = memscan("layers", path, "--format", "csv")
    assert "'=cmd" in layers
