"""A config alone as a target: by its file, its folder, its repository; what is changed in it; and what is not known."""

import json
from pathlib import Path

import pytest

from memscan import NoWeightsError, UnderivedError, UsageError, scan
from tests.hub import FIXTURES, LoopbackHub, Repository, materialise
from tests.runner import Run, run_memscan

# https://huggingface.co/meta-llama/Llama-3.1-405B/blob/main/config.json, the fields that shape it
LLAMA_405B = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 16384, "intermediate_size": 53248,
    "max_position_embeddings": 131072, "num_attention_heads": 128, "num_hidden_layers": 126, "num_key_value_heads": 8,
    "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "vocab_size": 128256,
}  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A folder with the config of Llama 3.1 405B, and nothing else."""
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_405B))
    return tmp_path


def run(*args: object) -> Run:
    return run_memscan(None, *map(str, args))


def notes(report) -> dict[str, str]:
    return {note.code: note.message for note in report.notes}


def test_a_config_is_a_target(config: Path) -> None:
    by_file, by_folder = scan(config / "config.json"), scan(config)
    for report in (by_file, by_folder, scan(config, backend="config")):
        assert report.scopes["declared"].parameters == report.scopes["checkpoint"].parameters == 405_853_388_800
        assert report.model.checkpoint.format == "config"
        assert {row.basis.value for row in report.estimates} == {"derived"}
        assert (report.largest_layer.name, report.largest_layer.parameters) == ("model.layers.0", 3_187_703_808)
    assert "not-read" in notes(by_folder)
    assert "not-read" not in notes(by_file)
    assert "LlamaForCausalLM are derived from config.json" in notes(by_file)["derived"]


@pytest.mark.parametrize(
    "name",
    [
        "meta-llama/Llama-3.1-8B", "google-bert/bert-base-cased", "openai-community/gpt2", "bigscience/bloom",
        "Qwen/Qwen2.5-0.5B", "Qwen/Qwen3-30B-A3B", "mistralai/Mixtral-8x7B-v0.1", "google-t5/t5-small",
        "sentence-transformers/all-MiniLM-L6-v2",
    ],
)  # fmt: skip
def test_it_is_what_the_headers_say(tmp_path: Path, name: str) -> None:
    materialise(FIXTURES / name, tmp_path)
    read, derived = scan(tmp_path, backend="header"), scan(tmp_path, backend="config")
    for scope in ("declared", "base"):
        assert derived.scopes[scope].unknown is None
        assert derived.scopes[scope].parameters == read.scopes[scope].parameters
        assert derived.scopes[scope].class_name == read.scopes[scope].class_name
    held = {tensor.name: tensor.shape for tensor in read.scopes["declared"].tensors}
    assert {tensor.name: tensor.shape for tensor in derived.scopes["declared"].tensors} == held


def test_fields_are_changed(config: Path) -> None:
    deeper = scan(config, set={"num_hidden_layers": 128, "vocab_size": 128000})
    assert deeper.scopes["declared"].parameters == 405_853_388_800 + 2 * 3_187_703_808 - 2 * 256 * 16384
    assert notes(deeper)["config-changed"].endswith("num_hidden_layers = 128, vocab_size = 128000")


def test_fields_inside_are_changed(tmp_path: Path) -> None:
    values = {
        "model_type": "llava", "architectures": ["LlavaForConditionalGeneration"], "text_config": {"model_type": "llama"},
        "vision_config": {"model_type": "clip_vision_model", "num_hidden_layers": 3},
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(values))
    before, after = scan(tmp_path), scan(tmp_path, set={"text_config.num_hidden_layers": 33})
    layer = next(tensor for tensor in after.scopes["declared"].tensors if ".layers.32." in tensor.name)
    assert layer.name.startswith("model.language_model.layers.32.")
    assert after.scopes["declared"].parameters - before.scopes["declared"].parameters == 202_383_360  # a layer of Llama 7B


def test_kinds_of_layers_are_made_anew_for_another_number_of_layers(tmp_path: Path) -> None:
    values = {
        "model_type": "qwen3_next", "architectures": ["Qwen3NextForCausalLM"], "num_hidden_layers": 4,
        "layer_types": ["linear_attention", "linear_attention", "linear_attention", "full_attention"],
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(values))
    names = {tensor.name for tensor in scan(tmp_path, set={"num_hidden_layers": 8}).scopes["declared"].tensors}
    attending = {int(name.split(".")[2]) for name in names if ".self_attn." in name}
    assert attending == {3, 7}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_hiden_layers": 48}, "'num_hiden_layers' is no field .* of the model type 'llama'; did you mean num_hidden_layers"),
        ({"text_config.hidden_size": 48}, "'text_config.hidden_size' is no field"),
        ({"hidden_size": {1, 2}}, "set holds what JSON has no word for"),
    ],
)
def test_a_field_that_is_none_is_refused(config: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        scan(config, set=changes)


def test_options_that_make_no_sense_together_are_refused(config: Path) -> None:
    with pytest.raises(UsageError, match="--set changes a config, and --backend header reads none"):
        scan(config, backend="header", set={"hidden_size": 64})
    with pytest.raises(UsageError, match="--file, --variant and --mmproj choose files of weights; with --set none is read"):
        scan(config, file="x.safetensors", set={"hidden_size": 64})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "no-such-type"}, "has no model type 'no-such-type'"),
        ({"model_type": None}, "names no model_type"),
        ({"num_hidden_layers": "many"}, "num_hidden_layers is 'many', for which LlamaForCausalLM was not verified"),
        ({"attention_bias": None}, "attention_bias is None, for which LlamaForCausalLM was not verified"),
        ({"num_hidden_layers": 10**9}, "is not known|which no real model has"),
    ],
)
def test_what_is_not_known_has_a_reason(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**LLAMA_405B, **changes}))
    with pytest.raises(UnderivedError, match=words):
        scan(tmp_path, backend="config")


def test_a_class_that_the_table_lacks_gives_way_to_the_base_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**LLAMA_405B, "architectures": ["OurOwnLlama"]}))
    report = scan(tmp_path / "config.json")
    assert "the numbers are those of LlamaModel" in notes(report)["another-class"]
    assert report.scopes["checkpoint"].parameters == 405_853_388_800 - 128256 * 16384  # without the output embeddings


def test_a_dtype_that_is_not_declared_is_said_to_be_assumed(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**LLAMA_405B, "torch_dtype": None}))
    report = scan(tmp_path / "config.json")
    assert report.scopes["checkpoint"].nbytes == 4 * 405_853_388_800
    assert "float32 is assumed" in notes(report)["dtype-assumed"]


def test_quantized_weights_are_derived_dense_and_that_is_said(tmp_path: Path) -> None:
    values = {**LLAMA_405B, "quantization_config": {"quant_method": "gptq", "bits": 4}}
    (tmp_path / "config.json").write_text(json.dumps(values))
    report = scan(tmp_path / "config.json")
    assert report.scopes["checkpoint"].nbytes == 2 * 405_853_388_800
    assert "gptq" in notes(report)["built-dequantized"]


def test_a_repository_with_closed_weights_and_an_open_config(hub: LoopbackHub) -> None:
    files = {"config.json": json.dumps(LLAMA_405B).encode(), "pytorch_model.bin": b"no pickle"}
    hub.add_repository(Repository(repo_id="org/closed", files=files, library="transformers"))
    report = scan("org/closed")
    assert report.scopes["declared"].parameters == 405_853_388_800
    assert "pytorch_model.bin" in notes(report)["not-read"]


def test_broken_safetensors_are_an_error_and_never_derived(config: Path) -> None:
    (config / "model.safetensors").write_bytes(b"\xff" * 64)
    assert run(config).code == 5


def test_without_a_config_there_is_nothing_to_derive(tmp_path: Path) -> None:
    with pytest.raises(NoWeightsError, match=r"no config\.json"):
        scan(tmp_path, backend="config")


def test_the_command_line(config: Path) -> None:
    done = run(config / "config.json", "--set", "num_hidden_layers=1", "--set", "torch_dtype=float16", "--json")
    report = json.loads(done.stdout)
    assert report["checkpoint"]["format"] == "config"
    assert report["checkpoint"]["dtypes"]["F16"]["parameters"] == 2 * 128256 * 16384 + 3_187_703_808 + 16384
    refused = run(config, "--set", "hidden_size")
    assert (refused.code, "write FIELD=VALUE" in refused.stderr) == (2, True)
    for command in ("layers", "inference", "training", "fit"):
        assert run(command, config, "--set", "num_hidden_layers=2").code == 0
