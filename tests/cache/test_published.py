"""Caches that engines printed into public logs, and those of papers and model cards."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from memscan.architecture.gguf_keys import words as gguf_words
from memscan.architecture.settings import Settings
from memscan.cache import CacheRequest, kept
from memscan.item import Basis, Item

FOLDER = Path(__file__).parents[2] / "fixtures/cache"
LLAMA_CPP: list[dict[str, Any]] = json.loads((FOLDER / "llama_cpp.json").read_text())
VLLM: list[dict[str, Any]] = json.loads((FOLDER / "vllm.json").read_text())
MIB, GIB = 1 << 20, 1 << 30


def llama(layers: int, heads: int, kv_heads: int, width: int, *, model_type: str = "llama") -> dict[str, Any]:
    return {
        "model_type": model_type,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "hidden_size": width,
    }


LLAMA_3_8B = llama(32, 32, 8, 4096)
LLAMA_3_70B = llama(80, 64, 8, 8192)
LLAMA_3_405B = llama(126, 128, 16, 16384)
MLA = {"model_type": "deepseek_v2", "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128}


def lines(values: dict[str, Any], **asked: Any) -> tuple[Item, ...]:
    asked = {"engine": "transformers", "tokens": 1, "sequences": 1, "model_dtype": "bfloat16", **asked}
    return kept(Settings(values.get("model_type"), values), CacheRequest(**asked))


def total(values: dict[str, Any], **asked: Any) -> int:
    items = lines(values, **asked)
    assert all(item.nbytes is not None for item in items)
    return sum(item.nbytes or 0 for item in items)


QWEN3_5_9B = {
    **llama(32, 16, 4, 4096, model_type="qwen3_5_text"),
    "head_dim": 256,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_conv_kernel_dim": 4,
    "full_attention_interval": 4,
    "mamba_ssm_dtype": "float32",
}


class TestLlamaCpp:
    """`llama_kv_cache: size = ...` and `llama_new_context_with_model: KV self size = ...`, to the printed hundredth of a MiB."""

    @pytest.mark.parametrize("log", LLAMA_CPP, ids=lambda log: f"{log['model']}-{log['context']}")
    def test_caches_are_as_large_as_printed(self, log: dict[str, Any]) -> None:
        keys = {key: tuple(value) if isinstance(value, list) else value for key, value in log["keys"].items()}
        asked = {"engine": "llama.cpp", "tokens": log["context"], "sequences": log["sequences"], "dtype": log["dtype"]}
        items = [item for item in lines(dict(gguf_words(keys)), **asked) if item.nbytes]
        states = sum(item.nbytes or 0 for item in items if not item.name.startswith("KV"))
        caches = sorted(item.nbytes or 0 for item in items if item.name.startswith("KV"))
        ours = [*caches, *([states] if states else [])]
        if len(log["mib"]) < len(ours):  # a log of LFM2 whose attention is not padded as it is today
            ours = [states]
        assert [round(one / MIB, 2) for one in sorted(ours)] == pytest.approx(sorted(log["mib"]), abs=0.011)

    def test_there_are_many_of_many_kinds(self) -> None:
        assert len(LLAMA_CPP) > 40
        assert len({log["keys"]["general.architecture"] for log in LLAMA_CPP}) >= 18

    def test_tables_of_a_discussion(self) -> None:
        """A discussion on the Hub about Command-R in GGUF: f16 at 2,048 tokens, in MiB."""
        models = {
            256: LLAMA_3_8B,
            640: LLAMA_3_70B,
            2560: llama(40, 64, 64, 8192),
            512: llama(64, 40, 8, 5120),
            480: llama(60, 56, 8, 7168),
        }
        for mib, one in models.items():
            assert total(one, engine="llama.cpp", tokens=2048) == mib * MIB


class TestVllm:
    """Start-up logs: the tokens that the printed GiB hold, and blocks of 4 GiB of swap space."""

    def asked(self, log: dict[str, Any], tokens: int) -> int:
        return total(
            log["config"],
            engine="vllm",
            tokens=tokens,
            model_dtype=log["dtype"],
            dtype=log.get("kv_dtype"),
            tensor_parallel=log["tensor_parallel"],
        )

    @pytest.mark.parametrize("log", [log for log in VLLM if "gib" in log], ids=lambda log: log["model"])
    def test_printed_tokens_fill_the_printed_memory(self, log: dict[str, Any]) -> None:
        block = self.asked(log, 16)
        held = self.asked(log, log["tokens"])
        assert (log["gib"] - 0.0051) * GIB - block < held <= (log["gib"] + 0.0051) * GIB

    @pytest.mark.parametrize("log", [log for log in VLLM if "cpu_blocks" in log], ids=lambda log: log["model"])
    def test_blocks_of_the_swap_space(self, log: dict[str, Any]) -> None:
        assert 4 * GIB // self.asked(log, 16) == log["cpu_blocks"]

    def test_a_hybrid_has_pages_of_one_size(self) -> None:
        """vLLM 0.19.0 on Qwen3.5-9B: blocks of 528 tokens, 0.76 % of padding, 20.27 GiB hold 165,792 tokens."""
        items = {item.name: item for item in lines(QWEN3_5_9B, engine="vllm", tokens=528)}
        attention = items["KV cache: 8 layers, full attention"]
        page = (attention.nbytes or 0) // 8
        assert page == 528 * 2 * 4 * 256 * 2
        assert "pages of 528 tokens" in attention.formula
        states = sum(item.nbytes or 0 for name, item in items.items() if "state" in name)
        assert states == 2 * 24 * page  # 24 layers in 3 tables of 8, two pages to a request
        of_state = 3 * (2 * 16 * 128 + 32 * 128) * 2 + 32 * 128 * 128 * 4
        assert round(100 * (page - of_state) / of_state, 2) == 0.76
        tables = 4
        assert int(20.27 * GIB) // (8 * page) // tables * 528 == 165_792

    def test_windows_hold_no_more_than_they_see(self) -> None:
        gemma = {**llama(12, 4, 1, 640, model_type="gemma3_text"), "head_dim": 256, "sliding_window": 512}
        items = {item.name: item.nbytes for item in lines(gemma, engine="vllm", tokens=8192)}
        page = 16 * 1 * (256 + 256) * 2
        assert items["KV cache: 2 layers, full attention"] == 512 * 2 * page
        assert items["KV cache: 10 layers, sliding window 512"] == (32 + 1) * 10 * page


class TestPapers:
    @pytest.mark.parametrize(
        ("values", "of_token"),
        [
            ({"model_type": "gpt2"}, 36_864),
            ({"model_type": "gpt2", "n_layer": 48, "n_head": 25, "n_embd": 1600}, 300 * 1024),
            ({"model_type": "opt", "num_hidden_layers": 40, "num_attention_heads": 40, "hidden_size": 5120}, 800 * 1024),
            (llama(32, 32, 32, 4096), 524_288),
            (LLAMA_3_8B, 131_072),
            (LLAMA_3_70B, 327_680),
            ({**LLAMA_3_405B, "num_key_value_heads": 8}, 516_096),
            ({**MLA, "num_hidden_layers": 60, "num_attention_heads": 128}, 69_120),
            ({**MLA, "num_hidden_layers": 27, "num_attention_heads": 16}, 31_104),
            ({**MLA, "model_type": "deepseek_v3", "num_hidden_layers": 61, "num_attention_heads": 128}, 70_272),
        ],
    )
    def test_bytes_of_a_token(self, values: dict[str, Any], of_token: int) -> None:
        """PagedAttention (arXiv:2309.06180, section 3): OPT-13B, 800 KB; GPT-2 XL, 300 KiB. DeepSeek's "Insights into
        DeepSeek-V3" (arXiv:2505.09343): 70.272 KB, beside 327.680 KB of a 70B and 516.096 KB of a 405B model."""
        assert total(values, tokens=1) == of_token

    def test_an_opt_13b_sequence(self) -> None:
        """PagedAttention, section 3: 1.6 GB for 2,048 tokens."""
        opt = {"model_type": "opt", "num_hidden_layers": 40, "num_attention_heads": 40, "hidden_size": 5120}
        assert total(opt, tokens=2048) / 1e9 == pytest.approx(1.6, abs=0.08)

    def test_latents_of_deepseek_v2(self) -> None:
        """arXiv:2405.04434, comparison of MLA and MHA: 34.6K elements of a token in the large model, 15.6K in the small."""
        assert total({**MLA, "num_hidden_layers": 60, "num_attention_heads": 128}, tokens=1) // 2 == 34_560
        assert total({**MLA, "num_hidden_layers": 27, "num_attention_heads": 16}, tokens=1) // 2 == 15_552

    def test_the_same_of_all_heads_in_remote_code(self) -> None:
        values = {**MLA, "model_type": "kimi_k2", "num_hidden_layers": 27, "num_attention_heads": 16}
        (line,) = lines(values, tokens=1)
        assert (line.nbytes, line.basis) == (276_480, Basis.ASSUMED)

    @pytest.mark.parametrize(
        ("values", "gib"),
        [(LLAMA_3_8B, (0.125, 1.95, 15.62)), (LLAMA_3_70B, (0.313, 4.88, 39.06)), (LLAMA_3_405B, (0.984, 15.38, 123.05))],
    )
    def test_table_of_the_llama_31_announcement(self, values: dict[str, Any], gib: tuple[float, ...]) -> None:
        """https://huggingface.co/blog/llama31: 1,024, 16,000 and 128,000 tokens; the largest as it was first uploaded."""
        ours = [total(values, tokens=tokens, model_dtype="float16") / GIB for tokens in (1024, 16_000, 128_000)]
        assert ours == pytest.approx(gib, abs=0.0055)

    @pytest.mark.parametrize(
        ("values", "tokens", "ranks", "gib"),
        [
            (LLAMA_3_8B, 871_371, 1, 2 * 53.18),
            (llama(48, 40, 8, 5120, model_type="qwen2"), 10_240, 2, 2 * 0.47),
            ({**MLA, "model_type": "kimi_k2", "num_hidden_layers": 61, "num_attention_heads": 64}, 2_454_421, 8, 160.63),
        ],
    )  # fmt: skip
    def test_pools_of_sglang(self, values: dict[str, Any], tokens: int, ranks: int, gib: float) -> None:
        """`KV Cache is allocated. #tokens: ..., K size: ..., V size: ...`: it keeps what vLLM keeps, without pages."""
        of_block = total(values, engine="vllm", tokens=16, tensor_parallel=ranks)
        assert of_block * tokens / 16 / GIB == pytest.approx(gib, abs=0.011)


def test_the_pool_of_quantized_tokens_is_smaller() -> None:
    """https://huggingface.co/blog/kv-cache-quantization: about 2.5 times as many tokens in int4 as in float16."""
    whole = total(LLAMA_3_8B, tokens=10_000, model_dtype="float16")
    (line,) = lines(LLAMA_3_8B, tokens=10_000, model_dtype="float16", dtype="quanto-int4")
    assert line.least is not None
    assert line.most is not None
    assert line.least < (line.nbytes or 0) < line.most
    assert 2.5 < whole / (line.nbytes or 1) < 4
    assert math.isclose(whole / 1e9, 1.31072)
