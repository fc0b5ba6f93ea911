"""GGUF keys in the words of config.json: each beside the config that llama.cpp's converter wrote them from."""

from collections.abc import Iterable

import pytest

from memscan.architecture.gguf_keys import HEADLESS, MODEL_TYPES, tied_output, words
from memscan.dtype.ggml import GGML_BY_NAME
from memscan.formats.gguf_values import LongArray
from memscan.tensor import TensorInfo


def under(architecture: str, **keys: object) -> dict[str, object]:
    """Metadata of `architecture`; `__` in a key is its dot."""
    below = {f"{architecture}.{key.replace('__', '.')}": value for key, value in keys.items()}
    return {"general.architecture": architecture, **below}


def test_qwen3_moe() -> None:
    metadata = under(
        "qwen3moe", block_count=48, embedding_length=2048, feed_forward_length=6144, expert_feed_forward_length=768,
        context_length=40960, attention__head_count=32, attention__head_count_kv=4, attention__key_length=128,
        attention__value_length=128, expert_count=128, expert_used_count=8,
    )  # fmt: skip
    metadata["tokenizer.ggml.tokens"] = LongArray(items="string", length=151_936)
    assert words(metadata) == {
        "model_type": "qwen3_moe", "num_hidden_layers": 48, "hidden_size": 2048, "intermediate_size": 6144,
        "moe_intermediate_size": 768, "max_position_embeddings": 40960, "num_attention_heads": 32, "num_key_value_heads": 4,
        "head_dim": 128, "v_head_dim": 128, "num_local_experts": 128, "num_experts_per_tok": 8, "vocab_size": 151_936,
    }  # fmt: skip


def test_per_layer_heads() -> None:
    found = words(under("openelm", block_count=3, attention__head_count=(12, 12, 16), attention__head_count_kv=(3, 3, 4)))
    assert (found["num_attention_heads"], found["num_key_value_heads"]) == ((12, 12, 16), (3, 3, 4))


@pytest.mark.parametrize(
    "keys",
    [
        {"attention__key_length": 576, "attention__value_length": 512, "attention__key_length_mla": 192,
         "attention__value_length_mla": 128, "attention__head_count_kv": 1},
        {"attention__key_length": 192, "attention__value_length": 128, "attention__head_count_kv": 128},
    ],
    ids=["one-cached-head", "before"],
)  # fmt: skip
def test_deepseek(keys: dict[str, object]) -> None:
    metadata = under(
        "deepseek2", block_count=61, attention__head_count=128, attention__q_lora_rank=1536, attention__kv_lora_rank=512,
        rope__dimension_count=64, **keys,
    )  # fmt: skip
    assert words(metadata) == {
        "model_type": "deepseek2", "num_hidden_layers": 61, "num_attention_heads": 128, "num_key_value_heads": 128,
        "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128,
    }  # fmt: skip


def test_a_hybrid_of_latent_and_linear_attention() -> None:
    metadata = under(
        "kimi-linear", attention__head_count=32, attention__head_count_kv=(0, 0, 0, 1), attention__kv_lora_rank=512,
        rope__dimension_count=64,
    )  # fmt: skip
    assert words(metadata)["num_key_value_heads"] == (0, 0, 0, 32)


def test_gemma4() -> None:
    metadata = under(
        "gemma4", block_count=3, attention__key_length=512, attention__key_length_swa=256, attention__sliding_window=1024,
        attention__sliding_window_pattern=(True, True, False), attention__shared_kv_layers=1,
    )  # fmt: skip
    assert words(metadata) == {
        "model_type": "gemma4_text", "num_hidden_layers": 3, "head_dim": 256, "global_head_dim": 512, "sliding_window": 1024,
        "num_kv_shared_layers": 1, "layer_types": ("sliding_attention", "sliding_attention", "full_attention"),
    }  # fmt: skip


def test_a_pattern_that_is_a_number() -> None:
    found = words(under("gemma3", block_count=6, attention__sliding_window_pattern=3))
    assert found["layer_types"] == ("sliding_attention", "sliding_attention", "full_attention") * 2


@pytest.mark.parametrize("pattern", [(), (True,), 0, -1, "x", 2.5, True])
def test_a_pattern_that_is_none(pattern: object) -> None:
    assert "layer_types" not in words(under("gemma3", block_count=6, attention__sliding_window_pattern=pattern))


def test_predicting_blocks_are_no_layers() -> None:
    found = words(under("glm4moe", block_count=47, nextn_predict_layers=1))
    assert (found["num_hidden_layers"], found["num_nextn_predict_layers"]) == (46, 1)


def test_state_space() -> None:
    found = words(under("mamba2", ssm__conv_kernel=4, ssm__inner_size=5120, ssm__state_size=128, ssm__group_count=1))
    assert found == {
        "model_type": "mamba2", "ssm_conv_kernel": 4, "ssm_inner_size": 5120, "ssm_state_size": 128, "ssm_group_count": 1,
    }  # fmt: skip


def test_values_of_another_type_are_left_out() -> None:
    assert words(under("llama", block_count="32", attention__head_count=True, context_length=None)) == {"model_type": "llama"}
    assert words({}) == words({"general.architecture": 7}) == {}


def test_no_model_type_is_written_twice() -> None:
    assert len(set(MODEL_TYPES.values())) == len(MODEL_TYPES)


class TestTiedOutput:
    def tensors(self, *names: str) -> Iterable[TensorInfo]:
        return [TensorInfo(name=name, dtype=GGML_BY_NAME["Q6_K"], shape=(4, 256), offset=0, nbytes=840) for name in names]

    def test_tied(self) -> None:
        tied = tied_output(self.tensors("token_embd.weight", "output_norm.weight"), "qwen3")
        assert tied is not None
        assert (tied.name, tied.nbytes) == ("token_embd.weight", 840)

    def test_stored(self) -> None:
        assert tied_output(self.tensors("token_embd.weight", "output.weight"), "qwen3") is None

    def test_no_embedding(self) -> None:
        assert tied_output(self.tensors("blk.0.ffn_up.weight"), "qwen3") is None

    @pytest.mark.parametrize("architecture", [*sorted(HEADLESS), None])
    def test_no_output(self, architecture: str | None) -> None:
        assert tied_output(self.tensors("token_embd.weight"), architecture) is None
