"""Renames: by prefix, by likeness, by place, and what is no rename."""

import pytest

from memscan.compare import Kind, Match
from tests.compare.sides import HF, diff, llama, of_names
from tests.writers.tensors import tensor

META = {
    "self_attn.q_proj": "attention.wq", "self_attn.k_proj": "attention.wk", "self_attn.v_proj": "attention.wv",
    "self_attn.o_proj": "attention.wo", "mlp.gate_proj": "feed_forward.w1", "mlp.down_proj": "feed_forward.w2",
    "mlp.up_proj": "feed_forward.w3", "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
"""Names of Llama's own files, by those of transformers: `STATE_DICT_MAPPING` of convert_llama_weights_to_hf.py."""
GGUF = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.down_proj": "ffn_down", "mlp.up_proj": "ffn_up", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
"""Names of GGUF: `TENSOR_NAMES` of https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/constants.py."""


def renames(found):
    """Old name -> new name."""
    return {change.before.name: change.after.name for change in found.changes if Kind.RENAMED in change.kinds}


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("bert.", "", ("bert.**", "**")),
        ("", "bert.", ("**", "bert.**")),
        ("model.", "model.language_model.", ("model.**", "model.language_model.**")),
        ("module.", "model.", ("module.**", "model.**")),
        ("a.b.c.", "d.", ("a.b.c.**", "d.**")),
    ],
)
def test_a_prefix_is_one_line(before, after, rule):
    found = diff(llama(prefix=before), llama(prefix=after))
    assert [(one.before, one.after, one.match) for one in found.renames] == [(*rule, Match.PREFIX)]
    assert found.renames[0].tensors == len(llama())
    assert found.groups == ()
    assert found.growth == 0
    assert renames(found) == {one.name: other.name for one, other in zip(llama(prefix=before), llama(prefix=after), strict=True)}


def test_a_prefix_holds_for_what_was_resized_and_retyped_too():
    found = diff(llama(prefix="model."), llama(prefix="", dtype="F8_E4M3", vocabulary=2000))
    kinds = {change.after.name: change.kinds for change in found.changes}
    assert kinds["embed_tokens.weight"] == (Kind.RENAMED, Kind.RESIZED, Kind.RETYPED)
    assert kinds["layers.3.mlp.up_proj.weight"] == (Kind.RENAMED, Kind.RETYPED)
    assert kinds["norm.weight"] == (Kind.RENAMED,)
    assert not {Kind.ADDED, Kind.REMOVED} & set(found.sums)


def test_layers_that_come_with_a_new_prefix_are_added():
    found = diff(llama(layers=2), llama(layers=3, prefix="lm."))
    assert found.sums[Kind.RENAMED].tensors == len(llama(layers=2))
    assert found.sums[Kind.ADDED].tensors == len(HF)
    assert Kind.REMOVED not in found.sums


def test_a_prefix_that_most_shapes_speak_against_is_none():
    before = of_names({f"a.layers.{n}.fc.weight": (8, n + 3) for n in range(6)})
    after = of_names({f"b.layers.{n}.fc.weight": (9, n + 3) for n in range(6)})
    assert set(diff(before, after).sums) == {Kind.ADDED, Kind.REMOVED}


@pytest.mark.parametrize("layers", [(4, 4), (4, 6), (6, 4)])
@pytest.mark.parametrize("names", [META, GGUF], ids=["meta", "gguf"])
def test_every_block_of_another_scheme_is_matched(names, layers):
    """The mappings are those of the conversion scripts; prefixes of a block differ too."""
    old, new = layers
    before = [one for one in llama(layers=old, prefix="", block="blk", names=names) if ".weight" in one.name]
    found = renames(diff(before, llama(layers=new)))
    shared = range(min(layers))
    expected = {f"blk.{n}.{name}.weight": f"model.layers.{n}.{module}.weight" for n in shared for module, name in names.items()}
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize("dtype", ["F8_E4M3", "F32"])
def test_matrices_of_gguf_are_matched_in_another_dtype_too(dtype):
    found = diff(llama(prefix="", block="blk", names=GGUF, dtype=dtype), llama())
    pairs = renames(found)
    for module in (
        "self_attn.q_proj",
        "self_attn.o_proj",
        "self_attn.k_proj",
        "self_attn.v_proj",
        "mlp.down_proj",
        "mlp.up_proj",
    ):
        assert pairs[f"blk.0.{GGUF[module]}.weight"] == f"model.layers.0.{module}.weight"


def test_the_example_of_the_document():
    parts = ("query", "key", "value")
    before = of_names({f"encoder.layer.{n}.attention.self.{part}.weight": (8, 8) for n in range(3) for part in parts})
    after = of_names({f"layers.{n}.attn.{part[0]}.weight": (8, 8) for n in range(3) for part in reversed(parts)})
    found = diff(before, after)
    assert renames(found) == {
        f"encoder.layer.{n}.attention.self.{part}.weight": f"layers.{n}.attn.{part[0]}.weight" for n in range(3) for part in parts
    }
    assert {one.match for one in found.renames} == {Match.LIKENESS}
    assert len(found.renames) == 3


def test_names_that_say_nothing_are_matched_by_place():
    before = of_names({f"h.{n}.alpha.weight": (8, 4) for n in range(3)})
    after = of_names({f"blocks.{n}.omega.weight": (8, 4) for n in range(3)})
    found = diff(before, after)
    assert [(one.before, one.after, one.match, one.tensors) for one in found.renames] == [
        ("h.*.alpha.**", "blocks.*.omega.**", Match.PLACE, 3)
    ]


def test_another_block_is_another_place():
    before = of_names({"h.1.alpha.weight": (8, 4)})
    after = of_names({"h.2.omega.weight": (8, 4)})
    assert set(diff(before, after).sums) == {Kind.ADDED, Kind.REMOVED}


def test_a_weight_is_never_a_bias():
    before = of_names({"h.0.alpha.weight": (8,)})
    after = of_names({"h.0.omega.bias": (8,)})
    assert set(diff(before, after).sums) == {Kind.ADDED, Kind.REMOVED}


def test_vectors_outside_of_blocks_need_a_name_that_is_alike():
    assert Kind.RENAMED not in diff([tensor("pooler.bias", (8,))], [tensor("classifier.bias", (8,))]).sums
    assert Kind.RENAMED in diff([tensor("pool.dense.bias", (8,))], [tensor("pooler.dense.bias", (8,))]).sums
    assert Kind.RENAMED in diff([tensor("norm.gamma", (8,))], [tensor("norm.weight", (8,))]).sums


def test_one_matrix_outside_of_blocks_is_matched_by_its_shape():
    assert Kind.RENAMED in diff([tensor("wte.weight", (99, 8))], [tensor("tokens.weight", (99, 8))]).sums


def test_two_matrices_of_one_shape_outside_of_blocks_are_not():
    before = of_names({"wte.weight": (99, 8), "wqe.weight": (99, 8)})
    after = of_names({"alpha.weight": (99, 8), "omega.weight": (99, 8)})
    assert Kind.RENAMED not in diff(before, after).sums


def test_a_change_of_name_and_shape_at_once_is_no_rename():
    assert set(diff([tensor("wte.weight", (99, 8))], [tensor("tokens.weight", (100, 8))]).sums) == {Kind.ADDED, Kind.REMOVED}


def test_what_has_its_name_on_both_sides_is_never_renamed():
    before = of_names({"h.0.a.weight": (4, 4), "h.0.b.weight": (8, 8)})
    after = of_names({"h.0.a.weight": (8, 8), "h.0.b.weight": (4, 4)})
    assert {change.kinds for change in diff(before, after).changes} == {(Kind.RESIZED,)}


def test_a_wild_card_in_a_name_stands_for_itself():
    before = of_names({"h.*.a": (3,), "h.0.a": (3,), "h.*.5": (2,), "h.5.*": (2,)})
    assert diff(before, before).is_empty
    after = of_names({"g.*.a": (3,), "g.0.a": (3,), "g.*.5": (2,), "g.5.*": (2,)})
    found = diff(before, after)
    assert sum(one.tensors for one in found.sums.values()) in range(4, 9)
    assert found.growth == 0
