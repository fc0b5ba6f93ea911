"""Headers of published checkpoints, made from the fields of their configs: names and shapes as their classes have them.

gpt-oss: https://huggingface.co/openai/gpt-oss-20b (config and index); Kimi-K2.5: https://huggingface.co/moonshotai/Kimi-K2.5
(config; the vision tower and projector by its dimensions, their names not compared). The counts that they must give are those of
the Hub's own counter, as the tests of https://github.com/huggingface/huggingface.js state them
(`parse-safetensors-metadata.spec.ts`).
"""

from collections.abc import Iterator, Mapping

Spec = tuple[str, tuple[int, ...]]
LLAMA_8B = {"hidden": 4096, "intermediate": 14336, "layers": 32, "kv": 1024, "vocab": 128256}
LLAMA_70B = {"hidden": 8192, "intermediate": 28672, "layers": 80, "kv": 1024, "vocab": 128256}


def llama(*, hidden: int, intermediate: int, layers: int, kv: int, vocab: int) -> Iterator[tuple[str, Spec]]:
    """Llama 3: the untied dense model in BF16."""
    sizes = {
        "self_attn.q_proj": (hidden, hidden), "self_attn.k_proj": (kv, hidden), "self_attn.v_proj": (kv, hidden),
        "self_attn.o_proj": (hidden, hidden), "mlp.gate_proj": (intermediate, hidden), "mlp.up_proj": (intermediate, hidden),
        "mlp.down_proj": (hidden, intermediate), "input_layernorm": (hidden,), "post_attention_layernorm": (hidden,),
    }  # fmt: skip
    yield "model.embed_tokens.weight", ("BF16", (vocab, hidden))
    for layer in range(layers):
        for name, shape in sizes.items():
            yield f"model.layers.{layer}.{name}.weight", ("BF16", shape)
    yield "model.norm.weight", ("BF16", (hidden,))
    yield "lm_head.weight", ("BF16", (vocab, hidden))


def bitsandbytes(dense: Mapping[str, Spec]) -> Iterator[tuple[str, Spec]]:
    """NF4 with double quantization, as bitsandbytes 0.50.2 stores it (`fixtures/packing/bitsandbytes.json`)."""
    for name, (dtype, shape) in dense.items():
        if len(shape) != 2 or ".layers." not in name:
            yield name, (dtype, shape)
            continue
        elements = shape[0] * shape[1]
        yield name, ("U8", (elements // 2, 1))
        yield f"{name}.absmax", ("U8", (elements // 64,))
        yield f"{name}.nested_absmax", ("F32", (elements // 64 // 256,))
        yield f"{name}.nested_quant_map", ("F32", (256,))
        yield f"{name}.quant_map", ("F32", (16,))
        yield f"{name}.quant_state.bitsandbytes__nf4", ("U8", (170,))


def pack_quantized(dense: Mapping[str, Spec], bits: int, group: int) -> Iterator[tuple[str, Spec]]:
    """compressed-tensors, every Linear of the decoder but the head."""
    for name, (dtype, shape) in dense.items():
        if len(shape) != 2 or ".layers." not in name:
            yield name, (dtype, shape)
            continue
        yield f"{name}_packed", ("I32", (shape[0], shape[1] * bits // 32))
        yield f"{name}_scale", (dtype, (shape[0], shape[1] // group))
        yield f"{name}_shape", ("I64", (2,))


def gptq(dense: Mapping[str, Spec], bits: int, group: int, *, bias: bool) -> Iterator[tuple[str, Spec]]:
    """AutoGPTQ, with the biases of zeros that it writes, or without."""
    for name, (dtype, shape) in dense.items():
        if len(shape) != 2 or ".layers." not in name:
            yield name, (dtype, shape)
            continue
        (rows, columns), module = shape, name.removesuffix(".weight")
        yield f"{module}.qweight", ("I32", (columns * bits // 32, rows))
        yield f"{module}.qzeros", ("I32", (columns // group, rows * bits // 32))
        yield f"{module}.scales", ("F16", (columns // group, rows))
        yield f"{module}.g_idx", ("I32", (columns,))
        if bias:
            yield f"{module}.bias", ("F16", (rows,))


def gpt_oss(*, layers: int, experts: int) -> Iterator[tuple[str, Spec]]:
    """gpt-oss as published, in MXFP4."""
    hidden, heads, kv, vocab = 2880, 64 * 64, 8 * 64, 201088
    for layer in range(layers):
        at = f"model.layers.{layer}"
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield f"{at}.{norm}.weight", ("BF16", (hidden,))
        for name, rows, columns in (
            ("q_proj", heads, hidden), ("k_proj", kv, hidden), ("v_proj", kv, hidden), ("o_proj", hidden, heads),
        ):  # fmt: skip
            yield f"{at}.self_attn.{name}.weight", ("BF16", (rows, columns))
            yield f"{at}.self_attn.{name}.bias", ("BF16", (rows,))
        yield f"{at}.self_attn.sinks", ("BF16", (64,))
        yield f"{at}.mlp.router.weight", ("BF16", (experts, hidden))
        yield f"{at}.mlp.router.bias", ("BF16", (experts,))
        for name, rows in (("gate_up_proj", 2 * hidden), ("down_proj", hidden)):
            yield f"{at}.mlp.experts.{name}_bias", ("BF16", (experts, rows))
            yield f"{at}.mlp.experts.{name}_blocks", ("U8", (experts, rows, hidden // 32, 16))
            yield f"{at}.mlp.experts.{name}_scales", ("U8", (experts, rows, hidden // 32))
    yield "model.embed_tokens.weight", ("BF16", (vocab, hidden))
    yield "model.norm.weight", ("BF16", (hidden,))
    yield "lm_head.weight", ("BF16", (vocab, hidden))


KIMI_ATTENTION = {
    "q_a_proj": (1536, 7168), "q_a_layernorm": (1536,), "q_b_proj": (64 * 192, 1536), "kv_a_proj_with_mqa": (576, 7168),
    "kv_a_layernorm": (512,), "kv_b_proj": (64 * 256, 512), "o_proj": (7168, 64 * 128),
}  # fmt: skip
KIMI_VISION = {
    "norm0": (1152,), "norm1": (1152,), "wqkv": (3 * 1152, 1152), "wo": (1152, 1152),
    "mlp.fc0": (4304, 1152), "mlp.fc1": (1152, 4304),
}  # fmt: skip


def kimi(experts: int = 384) -> Iterator[tuple[str, Spec]]:
    """Kimi-K2.5: routed experts packed at 4 bits in groups of 32, all else in BF16, the router's correction in F32."""
    for layer in range(61):
        at = f"language_model.model.layers.{layer}"
        for name, shape in KIMI_ATTENTION.items():
            yield f"{at}.self_attn.{name}.weight", ("BF16", shape)
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield f"{at}.{norm}.weight", ("BF16", (7168,))
        if layer == 0:
            yield from _gated(f"{at}.mlp", 18432)
            continue
        yield f"{at}.mlp.gate.weight", ("BF16", (experts, 7168))
        yield f"{at}.mlp.gate.e_score_correction_bias", ("F32", (experts,))
        yield from _gated(f"{at}.mlp.shared_experts", 2048)
        for expert in range(experts):
            yield from pack_quantized(dict(_gated(f"{at}.mlp.experts.{expert}", 2048)), 4, 32)
    for name in ("model.embed_tokens", "lm_head"):
        yield f"language_model.{name}.weight", ("BF16", (163840, 7168))
    yield "language_model.model.norm.weight", ("BF16", (7168,))
    yield from _kimi_vision()


def _gated(at: str, width: int) -> Iterator[tuple[str, Spec]]:
    for name in ("gate_proj", "up_proj"):
        yield f"{at}.{name}.weight", ("BF16", (width, 7168))
    yield f"{at}.down_proj.weight", ("BF16", (7168, width))


def _kimi_vision() -> Iterator[tuple[str, Spec]]:
    linears: dict[str, tuple[int, ...]] = {
        "vision_tower.patch_embed.proj": (1152, 3, 14, 14),
        "vision_tower.encoder.final_layernorm": (1152,),
        "mm_projector.pre_norm": (1152,),
        "mm_projector.proj.0": (4608, 4608),
        "mm_projector.proj.2": (7168, 4608),
    }
    for block in range(27):
        linears |= {f"vision_tower.encoder.blocks.{block}.{name}": shape for name, shape in KIMI_VISION.items()}
    yield "vision_tower.patch_embed.pos_emb.weight", ("BF16", (64, 64, 1152))
    for name, shape in linears.items():
        yield f"{name}.weight", ("BF16", shape)
        yield f"{name}.bias", ("BF16", shape[:1])
