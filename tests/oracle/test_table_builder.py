"""The program that makes the architecture table: what it follows through real code, and that it made the table that is here."""

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
from tests.oracle.architectures import TOOLS

pytestmark = [pytest.mark.torch, pytest.mark.oracle]
TYPES = (
    "bert",
    "gpt2",
    "olmo2",
    "phi3",
    "mixtral",
    "sam_vision_model",
    "detr",
    "t5",
    "ernie4_5_moe",
)  # the last by counterexamples

# A program of its own: it changes classes of torch and transformers.
PROGRAM = """
import json, sys
sys.path[:0] = sys.argv[1:3]
import torch, transformers
from architectures.classes import families
from architectures.family import describe
from architectures.observe import Observer, build, mark_auto_classes, skip_initialization
from architectures.trace import axes, traced, watch
transformers.logging.set_verbosity_error()
known = {family.model_type: family for family in families()}
classes = {name: kind for family in known.values() for name, kind in family.classes.items()}
mark_auto_classes(), skip_initialization(), watch()
config = transformers.Phi3Config(num_hidden_layers=2, hidden_size=64, num_attention_heads=4, num_key_value_heads=2)
with traced(config) as record:
    model = build(transformers.Phi3ForCausalLM, config)
found = {name: axes(each) for name, each in (*model.named_parameters(), *model.named_buffers()) if "layers.1" not in name}
made = {}
for name in sys.argv[3:]:
    made[name], failed = describe(known[name], Observer(classes))
print(json.dumps({"followed": found, "reads": sorted(record.reads), "missing": sorted(record.missing), "made": made}))
"""


@cache
def outcome() -> dict[str, Any]:
    """What the program says; it takes some seconds, and is run once."""
    command = [sys.executable, "-c", PROGRAM, str(TOOLS), str(TOOLS / "oracle"), *TYPES]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_sizes_are_followed_through_the_code_of_a_model() -> None:
    head = ["//", "hidden_size", "num_attention_heads"]
    followed = outcome()["followed"]
    assert followed["model.embed_tokens.weight"] == ["vocab_size", "hidden_size"]
    assert followed["model.layers.0.mlp.down_proj.weight"] == ["hidden_size", "intermediate_size"]
    assert followed["model.layers.0.mlp.gate_up_proj.weight"] == [["*", 2, "intermediate_size"], "hidden_size"]
    query = ["+", ["*", "num_attention_heads", head], ["*", 2, ["*", "num_key_value_heads", head]]]
    assert followed["model.layers.0.self_attn.qkv_proj.weight"] == [query, "hidden_size"]
    assert followed["model.rotary_emb.inv_freq"] == [["ceil", ["int*", head, "rope_parameters.partial_rotary_factor"], 2]]


def test_the_fields_that_were_read_are_known() -> None:
    assert {"hidden_size", "num_hidden_layers", "rope_parameters"} <= set(outcome()["reads"])
    assert "num_labels" not in outcome()["reads"]
    assert "head_dim" in outcome()["missing"]  # asked for by `getattr`, and not declared by this config class


@pytest.mark.parametrize("model_type", TYPES)
def test_the_table_is_what_the_program_makes(model_type: str) -> None:
    table = json.loads((TOOLS / "architectures" / "table" / f"{model_type}.json").read_text())
    made = outcome()["made"][model_type]
    assert made["config"] == table["config"]
    assert made["auto"] == table["auto"]
    for name, entry in made["classes"].items():
        assert entry == table["classes"][name], name
