"""Small models of every family at random sizes, and the ways of running them that are compared."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass

from memscan.activations import Adapter, Pass
from memscan.activations.choice import chosen
from memscan.activations.run import BACKWARD, FORWARD, LOGITS, PREFILL, run_forward, run_training
from memscan.architecture.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One way of running a model."""

    name: str
    training: bool = True
    dtype: str = "bfloat16"
    attention: str = "sdpa"
    checkpointing: bool = False
    autocast: bool = False
    cached: bool = False
    adapter: Adapter | None = None

    @property
    def precision(self) -> str:
        """As `training` names it."""
        return "bf16-mixed" if self.autocast else "fp32" if self.dtype == "float32" else "bf16"


MODES = {
    mode.name: mode
    for mode in (
        Mode(name="inference", training=False, cached=True),
        Mode(name="inference-eager", training=False, attention="eager", cached=True),
        Mode(name="inference-plain-fp32", training=False, dtype="float32"),
        Mode(name="training"),
        Mode(name="training-eager", attention="eager"),
        Mode(name="training-fp32", dtype="float32"),
        Mode(name="training-mixed", dtype="float32", autocast=True),
        Mode(name="checkpointing", checkpointing=True),
        Mode(name="checkpointing-eager-fp32", checkpointing=True, attention="eager", dtype="float32"),
        Mode(name="checkpointing-mixed", dtype="float32", autocast=True, checkpointing=True),
    )
}
ADAPTED = {
    mode.name: mode
    for mode in (
        Mode(name="lora", adapter=Adapter(rank=8)),
        Mode(name="lora-fp32", adapter=Adapter(rank=4), dtype="float32"),
        Mode(name="lora-checkpointing", adapter=Adapter(rank=8), checkpointing=True),
        Mode(name="lora-some", adapter=Adapter(rank=4, targets=frozenset({"q_proj", "v_proj", "c_attn"}), dropout=0.1)),
        Mode(name="lora-mixed", adapter=Adapter(rank=8), autocast=True),
    )
}

CLASSES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "granite": "GraniteForCausalLM",
    "mixtral": "MixtralForCausalLM",
    "qwen2_moe": "Qwen2MoeForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
    "gemma": "GemmaForCausalLM",
    "gemma2": "Gemma2ForCausalLM",
    "gemma3_text": "Gemma3ForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "gpt_neox": "GPTNeoXForCausalLM",
    "opt": "OPTForCausalLM",
    "bert": "BertForMaskedLM",
    "roberta": "RobertaForMaskedLM",
    "xlm-roberta": "XLMRobertaForMaskedLM",
    "camembert": "CamembertForMaskedLM",
    "t5": "T5ForConditionalGeneration",
    "vit": "ViTForImageClassification",
    "mamba": "MambaForCausalLM",
}
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One model and one batch."""

    family: str
    config: Mapping[str, object]
    sequences: int
    tokens: int


def case(family: str, seed: str, **more: object) -> Case:
    """A random one; the same for the same seed."""
    draw = random.Random(f"{family} {seed}")
    heads, width = draw.choice((2, 4, 6)), draw.choice((8, 16, 32))
    hidden, inner = heads * width, draw.randrange(64, 384, 8)
    sizes = {
        "hidden_size": hidden, "intermediate_size": inner, "num_attention_heads": heads,
        "num_hidden_layers": draw.randrange(1, 7), "vocab_size": draw.randrange(97, 1500), **SPECIAL,
    }  # fmt: skip
    tokens = draw.randrange(160, 300)
    config = {**_CONFIGS.get(family, _decoder)(draw, sizes), **more}
    if family == "mamba":
        tokens = draw.randrange(24, 60)  # a loop over the tokens, which is slow
    return Case(family=family, config=config, sequences=draw.randrange(1, 4), tokens=tokens)


def _decoder(draw: random.Random, sizes: dict[str, object]) -> dict[str, object]:
    heads = sizes["num_attention_heads"]
    pairs = draw.choice([one for one in range(1, heads + 1) if heads % one == 0])
    width = draw.choice((8, 16, 32))
    experts = draw.randrange(4, 9)
    return {
        **sizes, "num_key_value_heads": pairs, "head_dim": width, "hidden_size": 8 * heads * draw.randrange(1, 24 // heads + 1),
        "moe_intermediate_size": draw.randrange(24, 96, 8), "shared_expert_intermediate_size": draw.randrange(24, 96, 8),
        "num_experts": experts, "num_local_experts": experts, "num_experts_per_tok": draw.randrange(1, 4),
        "tie_word_embeddings": draw.random() < 0.5, "attention_bias": draw.random() < 0.5,
        **draw.choice(({"sliding_window": None}, {"sliding_window": 50, "use_sliding_window": True, "max_window_layers": 2})),
    }  # fmt: skip


def _phi3(draw: random.Random, sizes: dict[str, object]) -> dict[str, object]:
    made = _decoder(draw, sizes)
    del made["attention_bias"]
    made.pop("head_dim")
    made["hidden_size"] = sizes["hidden_size"]
    return {**made, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 1.0}}


def _gemma(draw: random.Random, sizes: dict[str, object]) -> dict[str, object]:
    made = _decoder(draw, sizes)
    return {**made, "sliding_window": draw.choice((50, 4096)), "use_sliding_window": False}


def _gpt2(draw: random.Random, sizes: dict[str, object]) -> dict[str, object]:
    # Without dropout of attention, so that the processor has its fused kernel too.
    return {
        "n_embd": sizes["hidden_size"], "n_layer": sizes["num_hidden_layers"], "n_head": sizes["num_attention_heads"],
        "n_positions": 512, "vocab_size": sizes["vocab_size"], "attn_pdrop": 0.0, "resid_pdrop": draw.choice((0.0, 0.1)),
        **SPECIAL,
    }  # fmt: skip


def _neox(draw: random.Random, sizes: dict[str, object]) -> dict[str, object]:
    return {**sizes, "use_parallel_residual": draw.random() < 0.5, "hidden_dropout": draw.choice((0.0, 0.1))}


def _opt(draw: random.Random, sizes: dict[str, object]) -> dict[str, object]:
    outer = draw.choice((sizes["hidden_size"], 48))
    return {
        **sizes, "ffn_dim": sizes["intermediate_size"], "max_position_embeddings": 512, "word_embed_proj_dim": outer,
        "do_layer_norm_before": draw.random() < 0.7,
    }  # fmt: skip


def _bert(draw: random.Random, sizes: dict[str, object]) -> dict[str, object]:
    share = draw.choice((0.0, 0.1))
    return {**sizes, "max_position_embeddings": 512, "hidden_dropout_prob": share, "attention_probs_dropout_prob": share}


def _t5(draw: random.Random, sizes: dict[str, object]) -> dict[str, object]:
    return {
        "d_model": sizes["hidden_size"], "d_kv": draw.choice((8, 16)), "d_ff": sizes["intermediate_size"],
        "num_layers": sizes["num_hidden_layers"], "num_decoder_layers": draw.randrange(1, 5),
        "num_heads": sizes["num_attention_heads"],
        "vocab_size": sizes["vocab_size"], "dropout_rate": draw.choice((0.0, 0.1)), "decoder_start_token_id": 0,
        "feed_forward_proj": draw.choice(("relu", "gated-gelu")), **SPECIAL,
    }  # fmt: skip


def _vit(draw: random.Random, sizes: dict[str, object]) -> dict[str, object]:
    names = ("hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers")
    patch = draw.choice((4, 8))
    return {name: sizes[name] for name in names} | {"image_size": patch * draw.randrange(10, 16), "patch_size": patch}


def _mamba(draw: random.Random, sizes: dict[str, object]) -> dict[str, object]:
    return {
        "hidden_size": sizes["hidden_size"], "num_hidden_layers": min(sizes["num_hidden_layers"], 4),
        "state_size": draw.choice((4, 8)),
        "vocab_size": sizes["vocab_size"], "time_step_rank": draw.choice((2, 4)), "expand": 2, **SPECIAL,
    }  # fmt: skip


_CONFIGS = {
    "phi3": _phi3, "gemma": _gemma, "gemma2": _gemma, "gemma3_text": _gemma, "gpt2": _gpt2, "gpt_neox": _neox, "opt": _opt,
    "bert": _bert, "roberta": _bert, "xlm-roberta": _bert, "camembert": _bert, "t5": _t5, "vit": _vit, "mamba": _mamba,
}  # fmt: skip


def ours(one: Case, mode: Mode, config: str, class_name: str) -> dict[str, int]:
    """What memscan computes for it, with the config as the library writes it: bytes at the peak up to the end of each part."""
    settings = Settings(one.family, json.loads(config))
    asked = Pass(
        tokens=one.tokens, sequences=one.sequences, dtype=mode.dtype, attention=mode.attention, target=one.tokens, counted=True
    )
    found = chosen(settings, class_name)
    asked = found.adjusted(asked)
    if not mode.training:
        ledger = run_forward(found.recipe, found.settings, asked, head=found.head, cached=mode.cached).ledger
        return {FORWARD: max(ledger.peak(PREFILL).total, ledger.peak(LOGITS).total)}
    ledger = run_training(
        found.recipe, found.settings, asked, precision=mode.precision, checkpointing=mode.checkpointing, adapter=mode.adapter,
        head=found.head,
    ).ledger  # fmt: skip
    first = ledger.peak(FORWARD).total
    return {FORWARD: first, BACKWARD: max(first, ledger.peak(BACKWARD).total)}
