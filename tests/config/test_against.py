"""`memscan check --against-config`: what is stored beside what the config declares, whole and broken."""

import json
from pathlib import Path

import jsonschema
import pytest

from memscan.cli.main import run
from memscan.cli.options import GATE_FORMATS, OUTPUT_FORMATS
from tests.cli.test_check import SCHEMA
from tests.hub import FIXTURES, materialise
from tests.writers.safetensors import write

CONFIG = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8, "intermediate_size": 16, "vocab_size": 10,
    "num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 2, "tie_word_embeddings": False,
}  # fmt: skip
LAYER = {
    "self_attn.q_proj": (8, 8), "self_attn.k_proj": (4, 8), "self_attn.v_proj": (4, 8), "self_attn.o_proj": (8, 8),
    "mlp.gate_proj": (16, 8), "mlp.up_proj": (16, 8), "mlp.down_proj": (8, 16), "input_layernorm": (8,),
    "post_attention_layernorm": (8,),
}  # fmt: skip
WHOLE = {
    "model.embed_tokens.weight": (10, 8),
    **{f"model.layers.{number}.{name}.weight": shape for number in range(2) for name, shape in LAYER.items()},
    "model.norm.weight": (8,),
    "lm_head.weight": (10, 8),
}


def check(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str]:
    code = run(["check", "--against-config", *map(str, args)])
    return code, capsys.readouterr().out


def model(folder: Path, tensors: dict[str, tuple[int, ...]], **changes: object) -> Path:
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}))
    (folder / "model.safetensors").write_bytes(write({name: ("F32", shape) for name, shape in tensors.items()}))
    return folder


def test_a_whole_checkpoint_agrees(tmp_path, capsys):
    code, out = check(capsys, model(tmp_path, WHOLE))
    assert code == 0
    assert "all 21 tensors are those that LlamaForCausalLM has by config.json" in out


@pytest.mark.parametrize(
    "name",
    [
        "meta-llama/Llama-3.1-8B", "openai-community/gpt2", "bigscience/bloom", "Qwen/Qwen2.5-0.5B", "Qwen/Qwen3-30B-A3B",
        "mistralai/Mixtral-8x7B-v0.1", "google-t5/t5-small", "sentence-transformers/all-MiniLM-L6-v2", "TheBloke/Llama-2-7B-GPTQ",
        "RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16",
    ],
)  # fmt: skip
def test_published_checkpoints_agree(tmp_path, capsys, name):
    materialise(FIXTURES / name, tmp_path)
    code, out = check(capsys, tmp_path)
    assert (code, "by config.json" in out) == (0, True), out


def test_what_a_class_with_another_head_leaves_is_said(tmp_path, capsys):
    materialise(FIXTURES / "google-bert" / "bert-base-cased", tmp_path)
    code, out = check(capsys, tmp_path)
    assert code == 0
    assert "4 unexpected (bert.pooler.dense.bias, bert.pooler.dense.weight, cls.seq_relationship.bias, ...)" in out


def test_every_kind_of_fault_is_found(tmp_path, capsys):
    lost = "model.layers.1.mlp.up_proj.weight"
    stored = {name: shape for name, shape in WHOLE.items() if name != lost}
    stored |= {"model.layers.0.self_attn.k_proj.weight": (8, 8), "model.layers.0.extra.weight": (3,)}
    code, out = check(capsys, model(tmp_path, stored), "--json")
    gate = json.loads(out)
    jsonschema.validate(gate, {**SCHEMA, "$ref": "#/$defs/gate"})
    (finding,) = gate["findings"]
    assert (code, finding["outcome"], finding["rule"], gate["outcome"]) == (1, "differs", "config", "differs")
    assert finding["facts"]["tensors"] == [
        {"name": "model.layers.0.self_attn.k_proj.weight", "fault": "shape", "stored": [8, 8], "declared": [4, 8]},
        {"name": lost, "fault": "missing", "stored": None, "declared": [16, 8]},
        {"name": "model.layers.0.extra.weight", "fault": "unexpected", "stored": [3], "declared": None},
    ]


def test_a_shard_that_is_lost_is_missing_by_name(tmp_path, capsys):
    stored = {name: shape for name, shape in WHOLE.items() if ".layers.1." not in name}
    code, out = check(capsys, model(tmp_path, stored))
    assert code == 1
    assert "9 missing (model.layers.1.self_attn.q_proj.weight, " in out


def test_layers_beyond_those_of_the_config_close_the_gate(tmp_path, capsys):
    code, out = check(capsys, model(tmp_path, WHOLE, num_hidden_layers=1))
    assert code == 1
    assert "9 of more layers than it declares (model.layers.1.self_attn.q_proj.weight, " in out


def test_a_tied_tensor_may_be_stored_or_not(tmp_path, capsys):
    for left in ("lm_head.weight", None):
        stored = {name: shape for name, shape in WHOLE.items() if name != left}
        assert check(capsys, model(tmp_path, stored, tie_word_embeddings=True))[0] == 0
    stored = {name: shape for name, shape in WHOLE.items() if name != "lm_head.weight"}
    code, out = check(capsys, model(tmp_path, stored))
    assert (code, "1 missing (lm_head.weight)" in out) == (1, True)


def test_buffers_and_older_names_are_no_faults(tmp_path, capsys):
    assert check(capsys, model(tmp_path, {**WHOLE, "model.layers.0.self_attn.rotary_emb.inv_freq": (2,)}))[0] == 0
    base = {name.removeprefix("model."): shape for name, shape in WHOLE.items() if name != "lm_head.weight"}
    assert check(capsys, model(tmp_path, base, architectures=["LlamaModel"]))[0] == 0


def test_what_is_not_known_closes_the_gate_unless_it_is_only_warned_of(tmp_path, capsys):
    model(tmp_path, WHOLE, attention_bias=None)
    code, out = check(capsys, tmp_path)
    assert (code, "not known: attention_bias is None" in out) == (1, True)
    assert check(capsys, tmp_path, "--unknown", "warn")[0] == 0


def test_it_stands_beside_a_limit(tmp_path, capsys):
    code, out = check(capsys, model(tmp_path, WHOLE), "--max-memory", "1GB", "--json")
    assert code == 0
    assert [finding["rule"] for finding in json.loads(out)["findings"]] == ["total", "config"]


def test_without_a_config_or_a_target_nothing_can_be_compared(tmp_path, capsys):
    (tmp_path / "model.safetensors").write_bytes(write({"x": ("F32", (2,))}))
    assert run(["check", "--against-config", str(tmp_path)]) == 3
    assert "no config.json" in capsys.readouterr().err
    assert run(["check", "--against-config"]) == 2
    assert "--against-config needs a TARGET" in capsys.readouterr().err


@pytest.mark.parametrize("output", [*OUTPUT_FORMATS, *GATE_FORMATS])
def test_every_format_shows_it(tmp_path, capsys, output):
    stored = {name: shape for name, shape in WHOLE.items() if name != "model.norm.weight"}
    code, out = check(capsys, model(tmp_path, stored), "--format", output)
    assert (code, "model.norm.weight" in out) == (1, True)
