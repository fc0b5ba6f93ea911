"""What one rank holds of each tensor."""

from contextlib import nullcontext

import pytest

from memscan.architecture.settings import Settings
from memscan.dtype import SAFETENSORS
from memscan.errors import UsageError
from memscan.parallel import Degrees, Sharding, by_names, by_plan
from memscan.parallel.styles import Style
from memscan.tensor import TensorInfo

LAYER = "model.layers.0."


def tensor(name, *shape):
    made = TensorInfo(name=name, dtype=SAFETENSORS["BF16"], shape=shape, offset=0, nbytes=0)
    return TensorInfo(name=name, dtype=made.dtype, shape=shape, offset=0, nbytes=2 * made.elements)


def sharding(*, tp=1, ep=1, heads=32, kv_heads=8, engine="vllm", style_of=by_names):
    return Sharding(
        degrees=Degrees(tensor=tp, expert=ep), style_of=style_of, heads=heads, kv_heads=kv_heads,
        pads_vocabulary=engine == "vllm", cuts_embedding=engine != "llama.cpp",
    )  # fmt: skip


def test_columns_and_rows_are_divided():
    two = sharding(tp=2)
    assert two.nbytes(tensor(LAYER + "self_attn.q_proj.weight", 64, 64)) == 64 * 64
    assert two.nbytes(tensor(LAYER + "self_attn.q_proj.bias", 64)) == 64
    assert two.nbytes(tensor(LAYER + "mlp.down_proj.weight", 64, 128)) == 64 * 128
    assert two.nbytes(tensor(LAYER + "mlp.down_proj.bias", 64)) == 128  # whole on each rank
    assert two.nbytes(tensor(LAYER + "input_layernorm.weight", 64)) == 128


def test_key_value_heads_are_copied_where_they_are_fewer_than_ranks():
    sixteen = sharding(tp=16)
    whole = 2 * 8 * 128 * 4096
    assert sixteen.nbytes(tensor(LAYER + "self_attn.k_proj.weight", 8 * 128, 4096)) == whole // 8
    assert sixteen.nbytes(tensor(LAYER + "self_attn.q_proj.weight", 32 * 128, 4096)) == 4 * whole // 16


def test_a_fused_projection_divides_its_queries_and_copies_the_rest():
    rows = (32 + 2 * 8) * 128
    found = sharding(tp=16).nbytes(tensor(LAYER + "self_attn.qkv_proj.weight", rows, 4096))
    assert found == 2 * (2 + 2 * 1) * 128 * 4096


def test_vllm_fills_the_vocabulary_up():
    assert sharding(tp=1).nbytes(tensor("model.embed_tokens.weight", 100, 8)) == 2 * 128 * 8
    assert sharding(tp=4).nbytes(tensor("lm_head.weight", 100, 8)) == 2 * 32 * 8


def test_transformers_cuts_the_embedding_by_whole_tokens():
    # Two ranks of a Llama of 1,001 tokens, loaded with DistributedConfig(tp_size=2): [501, 128] and [500, 128], the head alike.
    two = sharding(tp=2, engine="transformers", style_of=by_plan(Settings("llama", {}).tensor_parallel_plan))
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        assert two.nbytes(tensor(name, 1001, 128)) == 2 * 501 * 128
    assert two.nbytes(tensor("model.embed_tokens_per_layer.weight", 1001, 128)) == 2 * 1001 * 128  # of Gemma 3n, in no plan


def test_llama_cpp_has_the_embedding_whole():
    two = sharding(tp=2, engine="llama.cpp")
    assert two.nbytes(tensor("model.embed_tokens.weight", 100, 8)) == 1600
    assert two.nbytes(tensor("embed_out.weight", 100, 8)) == 800


def test_experts_are_cut_or_shared_out_whole():
    fused = tensor(LAYER + "mlp.experts.gate_up_proj", 10, 32, 16)
    assert sharding(tp=2).nbytes(fused) == fused.nbytes // 2
    assert sharding(tp=2, ep=4).nbytes(fused) == fused.nbytes * 3 // 10  # three of ten on the fullest
    router = tensor(LAYER + "mlp.gate.weight", 10, 16)
    assert sharding(tp=2, ep=4).nbytes(router) == router.nbytes
    shared = tensor(LAYER + "mlp.shared_experts.up_proj.weight", 32, 16)
    assert sharding(tp=2, ep=4).nbytes(shared) == shared.nbytes // 2


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("model.layers.3.self_attn.q_a_proj.weight", Style.REPLICATED),
        ("model.layers.3.self_attn.kv_a_proj_with_mqa.weight", Style.REPLICATED),
        ("model.layers.3.self_attn.q_b_proj.weight", Style.COLUMN),
        ("model.layers.3.self_attn.kv_b_proj.weight", Style.COLUMN),
        ("model.layers.3.self_attn.indexer.wq_b.weight", Style.REPLICATED),
        ("transformer.h.1.attn.c_attn.weight", Style.FUSED_QKV),
        ("transformer.h.1.mlp.c_proj.weight", Style.ROW),
        ("bert.encoder.layer.0.intermediate.dense.weight", Style.COLUMN),
        ("bert.encoder.layer.0.output.dense.weight", Style.ROW),
        ("bert.pooler.dense.weight", Style.REPLICATED),
        ("gpt_neox.layers.0.attention.dense.weight", Style.ROW),
        ("backbone.layers.0.mixer.A_log", Style.COLUMN),
        ("backbone.layers.0.mixer.conv1d.weight", Style.COLUMN),
        ("model.layers.0.mlp.experts.down_proj", Style.EXPERTS),
    ],
)
def test_names_have_the_styles_of_vllms_classes(name, style):
    assert by_names(name) is style


def test_a_plan_of_transformers_decides_where_there_is_one():
    style = by_plan(Settings("deepseek_v3", {}).tensor_parallel_plan)
    assert (
        style("model.layers.0.self_attn.o_proj.weight") is style("model.layers.0.self_attn.q_a_proj.weight") is Style.REPLICATED
    )
    assert style("model.layers.0.mlp.up_proj.weight") is Style.COLUMN
    assert style("model.layers.0.mlp.down_proj.weight") is Style.ROW
    assert style("model.layers.5.mlp.experts.gate_up_proj") is Style.EXPERTS
    assert style("lm_head.weight") is Style.VOCABULARY


def test_a_head_that_no_plan_names_is_whole():
    plan = Settings("nemotron_h", {}).tensor_parallel_plan
    assert by_plan(plan, "NemotronHForCausalLM")("lm_head.weight") is Style.REPLICATED
    assert by_plan(plan, "NemotronHForCausalLM")("backbone.embeddings.weight") is Style.VOCABULARY
    assert by_plan(plan)("lm_head.weight") is Style.VOCABULARY


@pytest.mark.parametrize(
    ("model_type", "name", "style"),
    [
        ("nemotron_h", "backbone.embeddings.weight", Style.VOCABULARY),  # as its own plan says
        ("qwen2_5_vl_text", "model.language_model.embed_tokens.weight", Style.VOCABULARY),
        ("inkling2_text", "model.embed_tokens.weight", Style.REPLICATED),  # its plan says `replicate`
        ("neomme", "embed_tokens.word_embeddings.weight", Style.REPLICATED),  # no torch.nn.Embedding by itself
        ("gpt_neox", "gpt_neox.embed_in.weight", Style.REPLICATED),  # another name
    ],
)
def test_an_embedding_is_cut_where_transformers_adds_it_to_the_plan(model_type, name, style):
    assert by_plan(Settings(model_type, {}).tensor_parallel_plan)(name) is style


@pytest.mark.parametrize(
    ("degrees", "engine", "message"),
    [
        (Degrees(tensor=3), "vllm", "--tp 3 does not divide the 32 attention heads; expected one of 2, 4, 8, 16, 32"),
        (Degrees(tensor=16), "transformers", "--tp 16 does not divide the 8 KV heads"),
    ],
)
def test_heads_that_cannot_be_shared_are_an_error(degrees, engine, message):
    text = Settings("llama", {"num_attention_heads": 32, "num_key_value_heads": 8})
    with pytest.raises(UsageError, match=message):
        degrees.check_heads(text, engine)
    Degrees(tensor=16).check_heads(text, "vllm")


@pytest.mark.parametrize(
    ("model_type", "tensor", "message"),
    [
        ("phi3", 3, None),  # three ranks load it, and keep all heads: its projections are gathered
        ("granitemoe", 5, None),  # only experts are cut
        ("deepseek_v2", 3, "--tp 3 does not divide the 32 attention heads"),  # no keys are cut, but queries are
        ("deepseek_v2", 16, None),
        ("qwen3", 3, "--tp 3 does not divide the 32 attention heads"),
        ("qwen3", 16, "--tp 16 does not divide the 8 KV heads"),
    ],
)
def test_transformers_refuses_ranks_only_where_its_plan_divides_heads(model_type, tensor, message):
    text = Settings(model_type, {"num_attention_heads": 32, "num_key_value_heads": 8})
    with nullcontext() if message is None else pytest.raises(UsageError, match=message):
        Degrees(tensor=tensor).check_heads(text, "transformers")
    with nullcontext() if tensor == 16 else pytest.raises(UsageError, match=f"--tp {tensor} does not divide"):
        Degrees(tensor=tensor).check_heads(text, "vllm")


def test_degrees_that_are_none_are_an_error():
    for degrees in (Degrees(tensor=0), Degrees(pipeline=-1), Degrees(expert=10**9), Degrees(tensor=2, expert=3)):
        with pytest.raises(UsageError):
            degrees.check()
    assert Degrees(tensor=2, pipeline=3, expert=4).devices == 12
    assert Degrees(tensor=2, expert=4).replicas == 2
