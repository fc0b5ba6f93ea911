"""Lines of the bill: their names, bases and notes, and what a request changes."""

import re
from typing import Any

import pytest

from memscan.architecture.gguf_keys import words as gguf_words
from memscan.architecture.settings import Settings
from memscan.cache import ENGINES, KV_DTYPES, CacheRequest, Cross, Latent, kept, specs
from memscan.errors import FormatError, UsageError
from memscan.item import Basis, Item

LLAMA = {"model_type": "llama", "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096}
DEEPSEEK = {
    "model_type": "deepseek_v3",
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
}
GEMMA = {
    "model_type": "gemma3_text",
    "num_hidden_layers": 26,
    "num_attention_heads": 4,
    "num_key_value_heads": 1,
    "head_dim": 256,
    "sliding_window": 512,
}
QWEN3_NEXT = {
    "model_type": "qwen3_next",
    "num_hidden_layers": 48,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "head_dim": 256,
}


def lines(values: dict[str, Any], **asked: Any) -> tuple[Item, ...]:
    asked = {"engine": "transformers", "tokens": 1024, "sequences": 1, "model_dtype": "bfloat16", **asked}
    return kept(Settings(values.get("model_type"), values), CacheRequest(**asked))


def line(values: dict[str, Any], **asked: Any) -> Item:
    (found,) = lines(values, **asked)
    return found


def names(items: tuple[Item, ...]) -> list[str]:
    return [item.name for item in items]


class TestRequest:
    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            ({"engine": "ollama"}, "unknown engine 'ollama'; expected one of transformers, vllm, llama.cpp"),
            ({"dtype": "q8_0"}, "transformers has no KV cache of dtype 'q8_0'"),
            ({"engine": "llama.cpp", "dtype": "fp8"}, "expected one of f32, f16"),
            ({"model_dtype": "int4"}, "no model runs in 'int4'"),
            ({"tokens": 0}, "tokens is 0, expected at least 1"),
            ({"sequences": -1}, "sequences is -1"),
            ({"tensor_parallel": 0}, "tensor_parallel is 0"),
            ({"encoder_tokens": -5}, "encoder_tokens is -5"),
            ({"tensor_parallel": 3}, "8 KV heads cannot be shared by 3 ranks"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, asked: dict[str, Any], words: str) -> None:
        with pytest.raises(UsageError, match=re.escape(words)):
            lines(LLAMA, **asked)

    def test_engines_name_the_version_of_their_rule(self) -> None:
        assert {name: engine.version for name, engine in ENGINES.items()} == {
            "transformers": "transformers 5.23.0 DynamicCache",
            "vllm": "vLLM 0.33.0 KV cache manager",
            "llama.cpp": "llama.cpp of llama-cpp-python 0.3.36 llama_kv_cache",
        }
        assert {name: engine.dtypes for name, engine in ENGINES.items()} == KV_DTYPES

    @pytest.mark.parametrize(("engine", "dtype"), [(engine, dtype) for engine, dtypes in KV_DTYPES.items() for dtype in dtypes])
    def test_every_dtype_gives_a_line(self, engine: str, dtype: str) -> None:
        values = DEEPSEEK if dtype.endswith("ds_mla") else LLAMA
        assert all(item.nbytes for item in lines(values, engine=engine, dtype=dtype))

    def test_a_batch_is_so_many_sequences(self) -> None:
        for engine in ENGINES:
            one, four = line(LLAMA, engine=engine), line(LLAMA, engine=engine, sequences=4)
            assert (one.nbytes or 0) * 4 == four.nbytes


class TestLines:
    def test_kinds_of_layers_have_a_line_each(self) -> None:
        items = lines(GEMMA)
        assert names(items) == ["KV cache: 22 layers, sliding window 512", "KV cache: 4 layers, full attention"]
        assert [item.nbytes for item in items] == [22 * 511 * 512 * 2, 4 * 1024 * 512 * 2]

    def test_states_are_the_same_for_any_number_of_tokens(self) -> None:
        short, long = lines(QWEN3_NEXT, tokens=1), lines(QWEN3_NEXT, tokens=100_000)
        assert names(short) == [
            "convolution state: 36 layers",
            "recurrent state: 36 layers",
            "KV cache: 12 layers, full attention",
        ]
        assert [item.nbytes for item in short[:2]] == [item.nbytes for item in long[:2]]
        assert short[1].nbytes == 36 * 32 * 128 * 128 * 4  # float32
        assert "same for any number of tokens" in short[0].note

    def test_a_layer_type_that_is_not_known_is_a_line_without_bytes(self) -> None:
        types = ["full_attention"] * 2 + ["quantum_attention"] * 6
        items = lines({**LLAMA, "num_hidden_layers": 8, "layer_types": types})
        assert names(items) == ["KV cache: 2 layers, full attention", "unknown: 6 layers of type quantum_attention"]
        assert (items[1].nbytes, items[1].basis) == (None, Basis.UNKNOWN)
        assert items[1].note.startswith("not counted: no rule says")

    @pytest.mark.parametrize(
        "values",
        [
            {"model_type": "bert"},
            {"model_type": "vit"},
            {"model_type": "clip"},
            {"model_type": "t5", "architectures": ["T5EncoderModel"]},
            {"model_type": "modernbert"},
            {"model_type": "openai-gpt"},
        ],
    )
    def test_a_model_that_keeps_nothing_says_so(self, values: dict[str, Any]) -> None:
        for engine in ENGINES:
            found = line(values, engine=engine)
            assert (found.name, found.nbytes, found.basis) == ("KV cache: none", 0, Basis.DERIVED)
            assert found.note

    def test_bert_as_a_decoder_keeps_all(self) -> None:
        assert line({"model_type": "bert", "is_decoder": True}, tokens=1).nbytes == 12 * 2 * 768 * 2

    def test_a_model_type_that_is_not_known_is_assumed_to_be_attention(self) -> None:
        found = line({**LLAMA, "model_type": "brand_new"})
        assert (found.nbytes, found.basis) == (line(LLAMA).nbytes, Basis.ASSUMED)
        assert "the model type brand_new is not known" in found.note

    def test_but_not_where_its_config_speaks_of_states(self) -> None:
        found = line({**LLAMA, "model_type": "brand_new", "mamba_chunk": 256})
        assert found.name == "unknown: 32 layers of type full_attention"
        assert found.nbytes is None

    def test_a_config_without_layers_is_not_counted(self) -> None:
        found = line({"model_type": "brand_new"})
        assert (found.nbytes, found.basis) == (None, Basis.UNKNOWN)
        assert "num_hidden_layers" in found.note

    def test_layers_that_use_the_cache_of_others_keep_none(self) -> None:
        items = lines({"model_type": "gemma3n_text"}, tokens=100)
        assert items[-1].name == "KV cache: 15 layers without"
        assert items[-1].note == "it uses the keys and values of an earlier layer"

    def test_a_sliding_layer_without_a_window_is_not_full_attention(self) -> None:
        found = line({**LLAMA, "layer_types": ["sliding_attention"] * 32})
        assert found.name == "unknown: 32 layers of type sliding_attention"
        assert found.note == "not counted: the config gives no window for it"

    def test_no_heads_are_no_cache_but_a_mistake(self) -> None:
        with pytest.raises(FormatError, match="nothing to keep: a field is 0"):
            lines({**LLAMA, "num_key_value_heads": 0})

    @pytest.mark.parametrize("engine", ENGINES)
    @pytest.mark.parametrize("values", [LLAMA, GEMMA, DEEPSEEK, QWEN3_NEXT, {"model_type": "t5"}, {"model_type": "falcon_h1"}])
    def test_a_formula_gives_the_bytes(self, values: dict[str, Any], engine: str) -> None:
        for item in lines(values, engine=engine, tokens=1000, sequences=3):
            product = re.sub(r"bytes \(.*", "", item.formula.replace(",", ""))
            words = re.sub(r"(?<![\w])[A-Za-z]\w*", "", product.replace(" x ", " * "))
            assert eval(words) == item.nbytes, item.formula
            assert item.source or not item.nbytes


class TestParallel:
    @pytest.mark.parametrize("engine", ENGINES)
    @pytest.mark.parametrize(("ranks", "share"), [(1, 1), (2, 2), (8, 8), (16, 8), (64, 8)])
    def test_heads_are_shared_and_then_replicated(self, engine: str, ranks: int, share: int) -> None:
        whole = line(LLAMA, engine=engine).nbytes or 0
        assert line(LLAMA, engine=engine, tensor_parallel=ranks).nbytes == whole // share

    @pytest.mark.parametrize("engine", ENGINES)
    def test_latents_are_on_every_rank(self, engine: str) -> None:
        assert line(DEEPSEEK, engine=engine, tensor_parallel=8).nbytes == line(DEEPSEEK, engine=engine).nbytes

    def test_states_are_shared_and_their_groups_replicated(self) -> None:
        mamba = {"model_type": "mamba2", "num_hidden_layers": 1}
        one, four = lines(mamba), lines(mamba, tensor_parallel=16)
        assert (one[1].nbytes or 0) == 16 * (four[1].nbytes or 0)
        assert one[0].nbytes == (8192 + 2 * 8 * 128) * 4 * 2
        assert four[0].nbytes == (8192 // 16 + 2 * 128) * 4 * 2  # eight groups, one for each of sixteen ranks

    def test_a_plan_may_leave_heads_and_states_whole_on_each_rank(self) -> None:
        assert line(LLAMA, tensor_parallel=3, heads_whole=True).nbytes == line(LLAMA).nbytes
        assert "all KV heads on every rank" in line(LLAMA, tensor_parallel=3, heads_whole=True).note
        mamba = {"model_type": "mamba2", "num_hidden_layers": 1}
        assert [one.nbytes for one in lines(mamba, tensor_parallel=16, states_whole=True)] == [one.nbytes for one in lines(mamba)]

    def test_a_stage_keeps_its_layers(self) -> None:
        items = lines(GEMMA, layers=range(12))
        assert names(items) == ["KV cache: 10 layers, sliding window 512", "KV cache: 2 layers, full attention"]


class TestDtypes:
    @pytest.mark.parametrize(
        ("engine", "dtype", "of_token"),
        [
            ("transformers", None, 2 * 1024 * 2),
            ("transformers", "float32", 2 * 1024 * 4),
            ("vllm", "fp8", 2 * 1024),
            ("vllm", "fp8_e5m2", 2 * 1024),
            ("vllm", "int8_per_token_head", 2 * (1024 + 8 * 4)),
            ("vllm", "int4_per_token_head", 2 * (512 + 8 * 4)),
            ("vllm", "nvfp4", 2 * (512 + 64)),
            ("llama.cpp", None, 2 * 1024 * 2),
            ("llama.cpp", "f32", 2 * 1024 * 4),
            ("llama.cpp", "q8_0", 2 * 1024 // 32 * 34),
            ("llama.cpp", "q4_0", 2 * 1024 // 32 * 18),
            ("llama.cpp", "q5_1", 2 * 1024 // 32 * 24),
        ],
    )
    def test_bytes_of_a_token_of_one_layer(self, engine: str, dtype: str | None, of_token: int) -> None:
        found = line({**LLAMA, "num_hidden_layers": 1}, engine=engine, dtype=dtype)
        assert found.nbytes == 1024 * of_token

    @pytest.mark.parametrize(("dtype", "of_token"), [("fp8_ds_mla", 656), ("nvfp4_ds_mla", 352), ("fp8", 576), (None, 1152)])
    def test_latents_in_vllm(self, dtype: str | None, of_token: int) -> None:
        assert line(DEEPSEEK, engine="vllm", dtype=dtype).nbytes == 61 * 1024 * of_token

    @pytest.mark.parametrize(
        ("values", "engine", "dtype"),
        [
            (LLAMA, "vllm", "fp8_ds_mla"),
            (DEEPSEEK, "vllm", "int8_per_token_head"),
            (GEMMA, "transformers", "fp8"),
            (DEEPSEEK, "transformers", "quanto-int4"),
            ({**LLAMA, "num_key_value_heads": 1, "head_dim": 80}, "llama.cpp", "q8_0"),
        ],
    )
    def test_what_an_engine_does_not_do_is_refused(self, values: dict[str, Any], engine: str, dtype: str) -> None:
        with pytest.raises(UsageError):
            lines(values, engine=engine, dtype=dtype)

    def test_index_keys_of_vllm_are_float8_with_their_scales(self) -> None:
        values = {**DEEPSEEK, "model_type": "deepseek_v32", "index_head_dim": 128}
        latents, keys = lines(values, engine="vllm")
        assert (latents.nbytes, keys.nbytes) == (61 * 1024 * 1152, 61 * 1024 * 132)


class TestEngines:
    def test_a_falcon_of_transformers_keeps_repeated_heads(self) -> None:
        falcon = {"model_type": "falcon", "num_hidden_layers": 2, "num_attention_heads": 8, "num_kv_heads": 2, "hidden_size": 64}
        falcon["new_decoder_architecture"] = True
        assert line(falcon).nbytes == 4 * (line(falcon, engine="vllm").nbytes or 0)
        assert "repeated" in line(falcon).note

    def test_whisper_sees_1500_tokens_unless_it_is_told_otherwise(self) -> None:
        whisper = {"model_type": "whisper", "decoder_layers": 4, "decoder_attention_heads": 20, "d_model": 1280}
        _, cross = lines(whisper, tokens=448)
        assert cross.nbytes == 4 * 1500 * 2 * 1280 * 2
        assert lines(whisper, encoder_tokens=100)[1].nbytes == 4 * 100 * 2 * 1280 * 2
        assert lines(whisper, engine="vllm")[1].nbytes == 4 * 94 * 16 * 2 * 1280 * 2
        assert lines(whisper, engine="llama.cpp")[1].nbytes == 0

    def test_an_encoder_is_as_long_as_the_decoder_unless_it_is_told_otherwise(self) -> None:
        own, cross = lines({"model_type": "t5"})
        assert own.nbytes == cross.nbytes
        assert (
            lines({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}, encoder_tokens=2)[1].nbytes is not None
        )

    def test_llama_cpp_keeps_every_token_where_its_architecture_has_no_window(self) -> None:
        mistral = {**LLAMA, "model_type": "mistral", "sliding_window": 256}
        found = line(mistral, engine="llama.cpp", tokens=4096)
        assert found.nbytes == 32 * 4096 * 2 * 1024 * 2
        assert "whatever their window" in found.note

    def test_cells_are_padded(self) -> None:
        assert line(LLAMA, engine="llama.cpp", tokens=257).nbytes == line(LLAMA, engine="llama.cpp", tokens=512).nbytes

    def test_a_window_of_llama_cpp_holds_a_micro_batch_too(self) -> None:
        local, whole = lines(GEMMA, engine="llama.cpp", tokens=8192)
        assert (local.nbytes, whole.nbytes) == (22 * (512 + 512) * 512 * 2, 4 * 8192 * 512 * 2)


class TestStructure:
    def test_text_models_inside_others_are_found(self) -> None:
        inner = {key: value for key, value in LLAMA.items() if key != "model_type"}
        for whole in (
            {"model_type": "llava", "text_config": {"model_type": "llama", **inner}},
            {"model_type": "some_remote_code", "llm_config": LLAMA},
        ):
            assert line(whole).nbytes == line(LLAMA).nbytes

    def test_a_kimi_of_transformers_keeps_latents_and_one_of_remote_code_does_not(self) -> None:
        kimi = {**DEEPSEEK, "model_type": "kimi_k2"}
        whole = {"model_type": "kimi_k25", "text_config": kimi}
        assert line(whole).nbytes == line(DEEPSEEK).nbytes
        assert line(kimi).nbytes == 61 * 1024 * 128 * (192 + 128) * 2
        assert line(kimi).basis is Basis.ASSUMED

    def test_latents_are_told_from_heads(self) -> None:
        found = specs(Settings("deepseek_v3", DEEPSEEK))
        assert len(found) == 61
        assert found[0].parts == (Latent(rank=512, rotary=64, heads=128, key=192, value=128),)

    def test_nemotron_nas_says_it_block_by_block(self) -> None:
        blocks = [
            {"attention": {"no_op": False, "n_heads_in_group": 8}},
            {"attention": {"no_op": True, "n_heads_in_group": None}},
            {"attention": {"no_op": False, "n_heads_in_group": 4}},
        ]
        values = {**LLAMA, "model_type": "nemotron-nas", "num_hidden_layers": 3, "block_configs": blocks}
        items = lines({**values, "num_key_value_heads": None}, tokens=1)
        assert [item.nbytes for item in items] == [4 * 2 * 128 * 2, 8 * 2 * 128 * 2, 0]

    def test_layers_of_openelm_have_heads_of_their_own(self) -> None:
        values = {
            "model_type": "openelm",
            "num_transformer_layers": 3,
            "num_query_heads": [12, 12, 16],
            "num_kv_heads": [3, 3, 4],
        }
        assert sum(item.nbytes or 0 for item in lines({**values, "head_dim": 64}, tokens=1)) == 10 * 2 * 64 * 2

    def test_a_list_that_is_too_short_for_the_layers_is_refused(self) -> None:
        with pytest.raises(FormatError, match="num_kv_heads has 2 entries, none of them a count for layer 2"):
            lines({"model_type": "openelm", "num_transformer_layers": 3, "num_kv_heads": [3, 3], "head_dim": 64})

    def test_layers_of_llama_32_vision_that_look_at_the_image(self) -> None:
        vision = {"image_size": 560, "patch_size": 14, "max_num_tiles": 4}
        text = {**LLAMA, "model_type": "mllama_text_model", "num_hidden_layers": 40, "cross_attention_layers": [3, 8, 13]}
        found = specs(Settings("mllama", {"model_type": "mllama", "text_config": text, "vision_config": vision}))
        assert found[3].parts == (Cross(heads=8, key=128, value=128, tokens=6404),)
        assert sum(isinstance(spec.parts[0], Cross) for spec in found) == 3

    @pytest.mark.parametrize(
        ("model_type", "fields", "of_token"),
        [
            (
                "chatglm",
                {"num_layers": 28, "multi_query_attention": True, "multi_query_group_num": 2, "kv_channels": 128},
                28 * 2 * 256,
            ),
            ("chatglm", {"num_layers": 28, "multi_query_attention": False, "kv_channels": 128}, 28 * 32 * 256),
            ("qwen", {"num_hidden_layers": 32, "kv_channels": 128}, 32 * 32 * 256),
            ("baichuan", {"num_hidden_layers": 32}, 32 * 32 * 256),
            ("internlm2", {"num_hidden_layers": 32, "num_key_value_heads": 8}, 32 * 8 * 256),
            ("gpt_bigcode", {"n_layer": 40, "n_head": 48, "n_embd": 6144, "multi_query": True}, 40 * 256),
            ("falcon", {"num_hidden_layers": 32, "num_attention_heads": 71, "hidden_size": 4544, "multi_query": True}, 32 * 128),
            ("dbrx", {"n_layers": 40, "n_heads": 48, "d_model": 6144, "attn_config": {"kv_n_heads": 8}}, 40 * 8 * 256),
            ("minicpm3", {"num_hidden_layers": 62, "kv_lora_rank": 256, "qk_rope_head_dim": 32}, 62 * 288),
        ],
    )
    def test_older_and_remote_configs(self, model_type: str, fields: dict[str, Any], of_token: int) -> None:
        values = {"model_type": model_type, "num_attention_heads": 32, "hidden_size": 4096, **fields}
        assert line(values, tokens=1).nbytes == 2 * of_token


class TestGguf:
    def of(self, architecture: str, **keys: Any) -> list[tuple[str, int | None]]:
        metadata = {"general.architecture": architecture, **{f"{architecture}.{key}": value for key, value in keys.items()}}
        return [(item.name, item.nbytes) for item in lines(dict(gguf_words(metadata)), engine="llama.cpp")]

    def test_layers_without_kv_heads_have_a_state(self) -> None:
        found = self.of(
            "kimi-linear",
            **{
                "block_count": 4,
                "attention.head_count": 32,
                "attention.head_count_kv": (0, 0, 0, 1),
                "attention.kv_lora_rank": 512,
                "attention.key_length": 576,
                "attention.value_length": 512,
                "attention.key_length_mla": 192,
                "attention.value_length_mla": 128,
                "rope.dimension_count": 64,
                "kda.head_dim": 128,
                "ssm.conv_kernel": 4,
            },
        )
        assert found == [
            ("convolution state: 3 layers", 3 * 3 * 3 * 32 * 128 * 4),
            ("recurrent state: 3 layers", 3 * 32 * 128 * 128 * 4),
            ("KV cache: 1 layer, latent attention", 1024 * 576 * 2),
        ]

    def test_states_of_a_hybrid_with_an_interval(self) -> None:
        found = self.of(
            "qwen3next",
            **{
                "block_count": 8,
                "attention.head_count_kv": 2,
                "attention.head_count": 16,
                "attention.key_length": 256,
                "attention.value_length": 256,
                "full_attention_interval": 4,
                "ssm.conv_kernel": 4,
                "ssm.inner_size": 4096,
                "ssm.state_size": 128,
                "ssm.group_count": 16,
            },
        )
        assert found == [
            ("convolution state: 6 layers", 6 * 3 * (4096 + 2 * 16 * 128) * 4),
            ("recurrent state: 6 layers", 6 * 4096 * 128 * 4),
            ("KV cache: 2 layers, full attention", 2 * 1024 * 2 * 256 * 2 * 2),
        ]

    def test_nemotron_h_has_layers_without_either(self) -> None:
        found = self.of(
            "nemotron_h",
            **{
                "block_count": 4,
                "attention.head_count_kv": (0, 8, 0, 0),
                "attention.head_count": 32,
                "attention.key_length": 128,
                "attention.value_length": 128,
                "feed_forward_length": (0, 0, 15680, 0),
                "ssm.conv_kernel": 4,
                "ssm.inner_size": 7680,
                "ssm.state_size": 128,
                "ssm.group_count": 8,
            },
        )
        assert found == [
            ("convolution state: 2 layers", 2 * 3 * (7680 + 2 * 8 * 128) * 4),
            ("recurrent state: 2 layers", 2 * 7680 * 128 * 4),
            ("KV cache: 1 layer, full attention", 1024 * 2 * 8 * 128 * 2),
            ("KV cache: 1 layer without", 0),
        ]


def test_deepseek_v4_has_vectors_for_several_tokens() -> None:
    values = {"model_type": "deepseek_v4", "num_hidden_layers": 3, "compress_ratios": [0, 4, 128], "head_dim": 512}
    values |= {"num_attention_heads": 64, "num_key_value_heads": 1, "sliding_window": 128, "index_head_dim": 128}
    found = {item.name: item for item in lines(values, engine="vllm", tokens=1280, dtype="fp8")}
    assert {name: item.nbytes for name, item in found.items()} == {
        "KV cache: 3 layers, sliding window 128": 3 * 9 * 16 * 584,
        "compressed keys: 1 layer, one for 4 tokens": 320 * 584,
        "indexer keys: 1 layer, one for 4 tokens": 320 * 132,
        "compressed keys: 1 layer, one for 128 tokens": 10 * 584,
    }
    assert {item.basis for item in found.values()} == {Basis.ASSUMED}
