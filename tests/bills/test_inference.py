"""The bill of an inference."""

import json
from dataclasses import replace

import pytest

from memscan import scan
from memscan.bills import Answer, Workload, estimate_inference, inference_bill, prepare, spread
from memscan.devices import builtin, parse_device
from memscan.errors import UsageError
from memscan.estimate import estimate_weights
from memscan.item import Basis
from memscan.parallel import Degrees
from tests.bills.models import DEEPSEEK_V3, GPT_OSS, LLAMA, MIXTRAL, report_of
from tests.estimate.fixtures import REPOSITORIES, load

ENGINES = ("transformers", "vllm", "llama.cpp")


def bill(values=LLAMA, device=None, **words):
    return estimate_inference(report_of(values), device=device, **{"dtype": "bf16", "context": 1024, **words})


def line(found, word):
    (item,) = [item for item in found.items if word in item.name]
    return item


def stored(repository):
    return estimate_weights(load(repository), dtypes=None, scope="auto")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("repository", REPOSITORIES)
def test_every_fixture_has_a_bill(repository, engine):
    found = estimate_inference(stored(repository), engine=engine, device="h100")
    assert found.peak.low <= found.peak.nbytes <= found.peak.high
    assert all(item.formula or item.nbytes in (0, None) for item in found.items), [
        item for item in found.items if not item.formula
    ]
    assert all((item.nbytes is None) == (item.basis is Basis.UNKNOWN) for item in found.items)
    assert all(item.note for item in found.unknown)
    assert found.rule.startswith({"transformers": "transformers 5", "vllm": "vLLM 0", "llama.cpp": "llama.cpp"}[engine])


def test_the_weights_are_those_of_the_table():
    report = stored("meta-llama/Llama-3.1-8B")
    weights = line(estimate_inference(report), "weights")
    assert (weights.nbytes, weights.basis) == (2 * 8_030_261_248, Basis.MEASURED)
    half = line(estimate_inference(report, dtype="fp16"), "weights")
    assert (half.nbytes, half.basis) == (weights.nbytes, Basis.DERIVED)


def test_a_cache_grows_with_context_and_batch():
    # 131,072 bytes a token: https://huggingface.co/blog/llama31
    assert line(bill(context=1024), "KV cache").nbytes == 1024 * 131_072
    assert line(bill(context=1024, batch=3), "KV cache").nbytes == 3 * 1024 * 131_072
    assert line(bill(context=1024, kv_dtype="fp8", engine="vllm"), "KV cache").nbytes == 1024 * 131_072 // 2


@pytest.mark.parametrize(("tied", "nbytes"), [(False, 1_105_408), (True, 848_896)])
def test_a_rank_of_transformers_holds_a_share_of_the_embedding(tied, nbytes):
    # The parameters of the first of two ranks (gloo) after from_pretrained(distributed_config=DistributedConfig(tp_size=2)),
    # transformers 5.23; a head that is tied to the embedding is that share itself.
    tiny = {
        "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 4,
        "max_position_embeddings": 256, "vocab_size": 1001, "tie_word_embeddings": tied,
    }  # fmt: skip
    found = line(bill({**LLAMA, **tiny}, context=256, dtype="fp32", tp=2, allocator=0), "weights")
    assert (found.nbytes, found.basis) == (nbytes, Basis.DERIVED)


@pytest.mark.parametrize(
    ("model_type", "architecture", "share"),
    [("llama", "LlamaForCausalLM", 2), ("phi3", "Phi3ForCausalLM", 1), ("olmo2", "Olmo2ForCausalLM", 1)],
)
def test_kv_heads_are_divided_where_the_plan_of_the_class_divides_them(model_type, architecture, share):
    # Two ranks of transformers 5.23 (gloo) keep keys of [1, 4, tokens, 16] in a phi3 and an olmo2 of 4 KV heads, [1, 2, ...] in a
    # llama: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/distributed/tensor_parallel.py
    values = {**LLAMA, "model_type": model_type, "architectures": [architecture], "pad_token_id": 0}
    one, two = (line(bill(values, tp=tp), "KV cache").nbytes for tp in (1, 2))
    assert (one, two) == (1024 * 131_072, 1024 * 131_072 // share)
    assert line(bill(values, tp=2, engine="vllm"), "KV cache").nbytes == one // 2
    made = bill(values, tp=2, context=8192, attention="eager").items
    prefill = next(item for item in made if item.name == "activations" and item.phases == {"prefill"})
    assert f" {32 // share} heads x " in prefill.formula


@pytest.mark.parametrize(
    ("model_type", "architecture", "share"), [("llama", "LlamaForCausalLM", 2), ("olmo2", "Olmo2ForCausalLM", 1)]
)
def test_what_a_quantized_cache_makes_dense_is_shared_as_the_cache_is(model_type, architecture, share):
    values = {**LLAMA, "model_type": model_type, "architectures": [architecture], "pad_token_id": 0}
    made = (bill(values, tp=tp, context=8192, kv_dtype="fp8").items for tp in (1, 2))
    one, two = (next(one.nbytes for one in items if one.name == "activations" and one.phases == {"decode"}) for items in made)
    assert two == pytest.approx(one / share, rel=0.02)


def test_recurrent_states_are_whole_where_a_plan_cuts_only_the_rest():
    one, two = (bill({"model_type": "qwen3_next", "architectures": ["Qwen3NextForCausalLM"]}, tp=tp) for tp in (1, 2))
    assert line(two, "KV cache").nbytes * 2 == line(one, "KV cache").nbytes
    assert line(two, "recurrent state").nbytes == line(one, "recurrent state").nbytes
    assert line(two, "convolution state").nbytes == line(one, "convolution state").nbytes


def test_a_head_tied_to_a_shared_embedding_is_on_the_last_stage_too(tmp_path):
    # https://huggingface.co/google-t5/t5-small/blob/main/config.json: 32,128 tokens of 512 values,
    # which encoder, decoder and head share
    small = {
        "model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "num_layers": 6, "d_model": 512, "d_ff": 2048,
        "num_heads": 8, "d_kv": 64, "vocab_size": 32128, "n_positions": 512,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(small))
    report = scan(tmp_path / "config.json")
    (one,) = prepare(report, Workload(dtype="float32")).model.stages
    two = prepare(report, Workload(degrees=Degrees(pipeline=2), dtype="float32")).model.stages
    held = sum(tensor.nbytes for stage in two for tensor in stage.tensors)
    assert held - sum(tensor.nbytes for tensor in one.tensors) == 32_128 * 512 * 4
    assert all("shared.weight" in [tensor.name for tensor in stage.tensors] for stage in two)


def test_latents_are_on_every_rank():
    alone, four = (line(bill(DEEPSEEK_V3, engine="vllm", tp=tp), "latent").nbytes for tp in (1, 4))
    assert alone == four == 1024 * 70_272  # 68.6 KiB a token


def test_the_context_is_the_models_where_that_is_shorter():
    assert "1 sequence of 8,192 tokens" in bill(context=None).title
    assert "1 sequence of 512 tokens" in estimate_inference(stored("google-bert/bert-base-cased")).title


def test_the_sampler_of_vllm_is_as_large_as_it_was_seen_to_be():
    # "Tried to allocate 786.00 MiB" for gpt-oss on an H100: https://github.com/vllm-project/vllm/issues/27508
    found = line(bill(GPT_OSS, engine="vllm", max_num_seqs=1024), "sampler")
    assert found.nbytes * 4 // 6 == 1024 * 201_088 * 4 == 823_656_448  # 785.5 MiB


def test_vllm_takes_its_share_of_a_device():
    found = bill(engine="vllm", device="24GiB", gpu_memory_utilization=0.5)
    assert line(found, "kept free").nbytes == 12 << 30
    assert found.verdict.answer is Answer.NO


def test_ranks_share_the_layers():
    alone, two = (bill(engine="vllm", tp=tp, cuda_context=0, allocator=0) for tp in (1, 2))
    assert line(two, "KV cache").nbytes * 2 == line(alone, "KV cache").nbytes
    assert alone.devices == 1
    assert two.devices == 2
    halves, whole = 2 * line(two, "weights").nbytes, line(alone, "weights").nbytes
    assert whole < halves < whole + 2 * 65 * 4096 * 2 + 1  # the norms are on both


def test_stages_share_the_layers_out_and_the_fullest_decides():
    found = bill(engine="vllm", pp=4)
    assert [share.name for share in found.shares] == [f"stage {n}: layers {8 * n}-{8 * n + 7}" for n in range(4)]
    assert found.peak.nbytes == max(share.nbytes for share in found.shares)
    assert "KV cache: 8 layers" in line(found, "KV cache").name


def test_experts_are_shared_out_whole_and_the_rest_is_copied():
    alone, four = (bill(MIXTRAL, engine="vllm", ep=ep, batch=8) for ep in (1, 4))
    assert line(four, "routed").nbytes == line(alone, "routed").nbytes // 4
    assert line(four, "KV cache").nbytes == line(alone, "KV cache").nbytes // 4  # four copies serve two sequences each
    both = [item for item in four.items if item.name == "weights"]
    assert both[0].nbytes == next(item.nbytes for item in alone.items if item.name == "weights")


def test_experts_on_the_cpu_leave_one_layer_in_work():
    found = bill(MIXTRAL, offload_experts=True)
    (host,) = found.host
    assert host.nbytes == 2 * 32 * 8 * 3 * 4096 * 14336
    assert line(found, "experts in work").nbytes == 2 * 8 * 3 * 4096 * 14336
    assert any("8 experts, 2 active" in fact for fact in found.facts)
    assert any(note.code == "no-experts" for note in bill(offload_experts=True).notes)


@pytest.mark.parametrize("engine", ["transformers", "llama.cpp"])
@pytest.mark.parametrize("device", ["m4-pro-24gb", "gb10", "cpu:24GiB"])
def test_what_the_cpu_holds_is_in_the_memory_that_it_shares_with_the_device(device, engine):
    apart = bill(MIXTRAL, offload_experts=True, engine=engine, device="24GiB")
    shared = bill(MIXTRAL, offload_experts=True, engine=engine, device=device)
    assert apart.host
    assert shared.host == ()
    assert [item for item in shared.items if item in apart.host] == list(apart.host)
    overhead = sum(item.nbytes for item in apart.items if "CUDA" in item.name or "allocator" in item.name)
    if device != "gb10":  # has a CUDA context of its own
        assert shared.peak.nbytes == apart.peak.nbytes - overhead + sum(item.nbytes for item in apart.host)
        assert shared.verdict.answer is Answer.NO


def test_llama_cpp_leaves_the_embedding_on_the_cpu():
    found = bill(engine="llama.cpp")
    (host,) = found.host
    assert host.nbytes == 2 * 128256 * 4096
    assert line(found, "weights").nbytes == 2 * (8_030_261_248 - 128256 * 4096)
    inside = bill(engine="llama.cpp", device="cpu:64GiB")
    assert not inside.host
    assert not [item for item in inside.items if "CUDA" in item.name]
    assert sum(item.nbytes for item in inside.items if "weights" in item.name) == 2 * 8_030_261_248


def test_a_gguf_is_of_llama_cpp():
    report = report_of(LLAMA)
    model = replace(report.model, checkpoint=replace(report.model.checkpoint, format="gguf"))
    assert inference_bill(replace(report, model=model), Workload(context=8)).rule.startswith("llama.cpp")


def test_a_linear_layer_is_made_dense_at_a_time():
    # OctoCoder's fp4: 6,144 x 24,576 in float32 beside 8.604 GiB of weights
    # (https://huggingface.co/docs/transformers/llm_tutorial_optimization)
    found = line(bill(dtype="bnb-nf4"), "dequantization")
    assert found.nbytes == 14336 * 4096 * 4
    assert not [item for item in bill(dtype="bnb-int8").items if "dequantization" in item.name]


def test_several_devices_are_spread_over():
    report = report_of(LLAMA)
    assert spread(report, Workload(), 4).degrees == Degrees(tensor=4)
    assert spread(report, Workload(engine="vllm"), 16).degrees == Degrees(tensor=16)
    assert spread(report, Workload(), 3).degrees == Degrees(pipeline=3)
    assert spread(report, Workload(engine="llama.cpp"), 4).degrees == Degrees(pipeline=4)
    asked = Workload(degrees=Degrees(tensor=2))
    assert spread(report, asked, 1) == spread(report, asked, 2) == asked
    with pytest.raises(UsageError, match="--device names 4 devices, and --tp, --pp, --ep ask for 2"):
        spread(report, asked, 4)
    assert "tp 4: 4 devices" in estimate_inference(report, device="4xh100").title


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"context": 200_000}, "--context 200000 is beyond the 131,072 tokens that a model was made for"),
        ({"context": 0}, "context is 0, expected 1 to"),
        ({"batch": -1}, "batch is -1"),
        ({"tp": 3}, "--tp 3 does not divide the 32 attention heads"),
        ({"tp": 16}, "--tp 16 does not divide the 8 KV heads"),
        ({"pp": 40}, "--pp 40 is more than the 32 layers"),
        ({"engine": "tgi"}, "'tgi' is not an engine"),
        ({"dtype": "int3"}, "'int3' is not a dtype"),
        ({"kv_dtype": "int3"}, "int3"),
        ({"attention": "flash"}, "'flash' is not an attention"),
        ({"gpu_memory_utilization": 1.5}, "GPU memory utilization is 1.5"),
        ({"cuda_context": -1}, "CUDA context is -1 bytes"),
        ({"device": "rtx-4099"}, "no device is called 'rtx-4099'"),
        ({"ep": 2}, "--ep 2: this model has no routed experts to share"),
        ({"attention": "eager", "engine": "vllm"}, "--attention is of --engine transformers or llama.cpp, not of vllm"),
        ({"allocator": 3 << 30, "engine": "llama.cpp"}, "--allocator is of --engine transformers or vllm, not of llama.cpp"),
        ({"encoder_tokens": 500}, "--encoder-tokens is of models with cross-attention"),
        ({"max_num_seqs": 3}, "--max-num-seqs is of --engine vllm, not of transformers"),
        (
            {"gpu_memory_utilization": 0.5, "engine": "llama.cpp"},
            "--gpu-memory-utilization is of --engine vllm, not of llama.cpp",
        ),
    ],
)
def test_a_workload_that_makes_no_sense_is_an_error(words, message):
    with pytest.raises(UsageError, match=message):
        bill(**words)


def test_tokens_of_an_encoder_are_of_models_that_see_one():
    report = stored("google-t5/t5-small")
    few, many = (
        sum(item.nbytes for item in estimate_inference(report, encoder_tokens=tokens).items if "cross" in item.name)
        for tokens in (100, 200)
    )
    assert 0 < 2 * few == many
    with pytest.raises(UsageError, match="no layer that sees an encoder"):
        estimate_inference(stored("google-bert/bert-base-cased"), encoder_tokens=100)


def test_what_was_prepared_answers_for_other_contexts():
    prepared = prepare(report_of(LLAMA), Workload(context=64, dtype="bfloat16"))
    device = parse_device("h100", builtin()).device
    _, (items,) = prepared.fullest(context=2048, batch=2, device=device)
    again = estimate_inference(report_of(LLAMA), context=2048, batch=2, dtype="bfloat16", device="h100")
    assert items == again.items


def test_experts_that_ranks_cannot_share_are_an_error():
    with pytest.raises(UsageError, match="--ep 3 does not divide the 8 experts of a layer"):
        bill(MIXTRAL, ep=3)
    assert bill(MIXTRAL, ep=3, engine="vllm").devices == 3


def test_what_sees_distances_alone_takes_any_context():
    report = stored("google-t5/t5-small")
    assert "of 512 tokens" in estimate_inference(report).title
    assert "of 600 tokens" in estimate_inference(report, context=600).title


def test_a_prompt_read_in_passes_asks_all_that_was_read_before():
    def prefill(**words):
        found = bill(**{"context": 131_072, **words})
        (item,) = [item for item in found.items if item.name == "activations" and "prefill" in item.phases]
        return item.nbytes

    scores = 32 * 2048 * 131_072  # of the last pass
    assert prefill(prefill=2048, attention="eager") > scores * (2 + 4 + 4)  # and float32 in and out of the softmax
    # A mask of bools, and of numbers for the kernel; keys and values of all heads, which no kernel groups beside a mask.
    assert prefill(prefill=2048) > 2048 * 131_072 * (1 + 2) + 2 * 32 * 131_072 * 128 * 2
    assert prefill(prefill=2048, context=2048) == prefill(context=2048)
    assert prefill(prefill=8192, context=128) == prefill(context=128)
    # The most is in the last whole pass, or in what is left after it: 2,048 alone, or 2,000 that follow them.
    assert prefill(prefill=2048, context=2049) == prefill(context=2048)
    assert prefill(prefill=2048, context=4048, attention="eager") > prefill(context=2048, attention="eager")


@pytest.mark.parametrize("kv_dtype", ["fp8", "quanto-int4"])
def test_a_quantized_cache_is_made_dense_a_layer_at_a_time(kv_dtype):
    plain, found = (bill(context=32_768, batch=2, kv_dtype=dtype) for dtype in (None, kv_dtype))
    before, after = ([item for item in one.items if item.name == "activations"] for one in (plain, found))
    kept = 2 * 32_768 * 8 * 128  # elements of a layer's keys
    assert [item.phases for item in after] == [frozenset({"prefill"}), frozenset({"decode"})]
    # Keys in bfloat16, values in float32 and scaled in float32, and a byte of each as they were kept before.
    assert after[1].nbytes == kept * (2 + 8 + 2)
    for was, now in zip(before, after, strict=True):
        assert (now.basis, now.low) == (Basis.ASSUMED, was.nbytes)
        assert now.nbytes == max(was.nbytes, kept * 12)  # with sdpa
        assert now.high == was.nbytes + kept * 12 + 2 * 2 * kept
        assert "made dense" in now.note
    assert [item for item in bill(kv_dtype="float32").items if item.name == "activations"][1].basis is Basis.DERIVED


def test_a_batch_of_llama_cpp_is_no_larger_than_its_context():
    buffers = [line(bill(engine="llama.cpp", context=1024, prefill=tokens), "compute").nbytes for tokens in (1024, 8192)]
    assert buffers == [(128256 + 4096) * 1024 * 4] * 2
    assert line(bill(engine="llama.cpp", context=1024, prefill=8192, batch=8), "compute").nbytes == 8 * buffers[0]


def test_an_encoder_has_no_sampler():
    names = [item.name for item in estimate_inference(stored("google-bert/bert-base-cased"), engine="vllm").items]
    assert not [name for name in names if "sampler" in name]
