"""How each header-only fixture is made: model class on the meta device, stored names, layout in files.

A recipe reads the ``config.json`` that is kept in the fixture's folder and returns the files of the checkpoint.
Nothing is downloaded and no weight is allocated: the meta device has shapes only.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from fixture_headers import INDEX_NAME, Spec, Tensors, by_weight_map, number_shards, plan_shards
from fixture_quantized import compressed_tensors, gptq

GB = 10**9
SINGLE = "model.safetensors"
STORED = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64"}
Files = dict[str, Tensors]


@dataclass(frozen=True)
class Recipe:
    """One fixture; the totals are known from elsewhere, so making it is also checking it."""

    repository: str
    build: Callable[[Path], Files]
    elements: int
    size: int
    files: int = 1
    library: str = "transformers"
    aliases: tuple[str, ...] = ()
    # Whether the published header opens with ``__metadata__``; timm's does not.
    metadata: bool = True


def stored(model: torch.nn.Module, dtype: str) -> Tensors:
    """Names and shapes of a state dict; a tied tensor is kept under its first name only, as save_pretrained does."""
    seen: set[int] = set()
    tensors: Tensors = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            kind = dtype if tensor.is_floating_point() else STORED[tensor.dtype]
            tensors[name] = Spec(kind, tuple(tensor.shape))
    return tensors


def on_meta(folder: Path, class_name: str, dtype: str) -> Tensors:
    """The tensors of a transformers class built from the fixture's own config."""
    import transformers

    config = transformers.AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = getattr(transformers, class_name)(config)
    return stored(model, dtype)


def renamed(tensors: Tensors, rules: Mapping[str, str]) -> Tensors:
    """Apply regular expressions to every name."""
    result: Tensors = {}
    for name, spec in tensors.items():
        new_name = name
        for pattern, replacement in rules.items():
            new_name = re.sub(pattern, replacement, new_name)
        result[new_name] = spec
    if len(result) != len(tensors):
        raise ValueError("two tensors got the same name")
    return result


def split_experts(tensors: Tensors, names: tuple[str, str, str]) -> Tensors:
    """Undo the fusing of experts in transformers 5: ``names`` are those of the gate, up and down matrices.

    The up matrix comes first, because with this order the shards of Qwen3-30B-A3B are cut where the published ones are.
    """
    gate, up, down = names
    result: Tensors = {}
    for name, spec in tensors.items():
        if not name.endswith("experts.gate_up_proj"):
            if not name.endswith("experts.down_proj"):
                result[name] = spec
            continue
        prefix = name.removesuffix("gate_up_proj")
        experts, doubled, hidden = spec.shape
        if tensors[f"{prefix}down_proj"].shape != (experts, hidden, doubled // 2):
            raise ValueError(f"{prefix} has an unexpected shape")
        wide, narrow = (doubled // 2, hidden), (hidden, doubled // 2)
        for expert in range(experts):
            for part, shape in ((up, wide), (gate, wide), (down, narrow)):
                result[f"{prefix}{expert}.{part}.weight"] = Spec(spec.dtype, shape)
    return result


def sharded(class_name: str, dtype: str, max_bytes: int) -> Callable[[Path], Files]:
    """A recipe for a checkpoint that save_pretrained has cut in shards of at most ``max_bytes``."""
    return lambda folder: number_shards(plan_shards(on_meta(folder, class_name, dtype), max_bytes))


def bert(folder: Path) -> Files:
    """The published file has the heads of pre-training and still the names LayerNorm.gamma and LayerNorm.beta."""
    tensors = on_meta(folder, "BertForPreTraining", "F32")
    return {SINGLE: renamed(tensors, {r"LayerNorm\.weight$": "LayerNorm.gamma", r"LayerNorm\.bias$": "LayerNorm.beta"})}


def resnet50(_folder: Path) -> Files:
    """BatchNorm statistics are persistent buffers: two of F32 and a counter of I64 for each of the 53 layers."""
    import timm

    with torch.device("meta"):
        return {SINGLE: stored(timm.create_model("resnet50"), "F32")}


def gpt2(folder: Path) -> Files:
    """The published file has the names of GPT2Model, no head, and the causal masks that old releases stored."""
    tensors = on_meta(folder, "GPT2Model", "F32")
    config = json.loads((folder / "config.json").read_text())
    positions = config["n_positions"]
    for layer in range(config["n_layer"]):
        tensors[f"h.{layer}.attn.bias"] = Spec("F32", (1, 1, positions, positions))
    return {SINGLE: tensors}


def t5(folder: Path) -> Files:
    """The published file has one more tensor, which transformers ignores on loading."""
    tensors = on_meta(folder, "T5ForConditionalGeneration", "F32")
    own = tensors["decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    tensors["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"] = own
    return {SINGLE: tensors}


def mixtral(folder: Path) -> Files:
    """Names and layout of the published index, which stays in the folder as it is."""
    fused = on_meta(folder, "MixtralForCausalLM", "BF16")
    tensors = renamed(split_experts(fused, ("w1", "w3", "w2")), {r"\.mlp\.": ".block_sparse_moe."})
    index = json.loads((folder / INDEX_NAME).read_text())
    return by_weight_map(tensors, index["weight_map"])


def qwen3_moe(folder: Path) -> Files:
    """Per-expert names as published, in shards of at most 4 GB."""
    fused = on_meta(folder, "Qwen3MoeForCausalLM", "BF16")
    tensors = split_experts(fused, ("gate_proj", "up_proj", "down_proj"))
    return number_shards(plan_shards(tensors, 4 * GB))


def bloom(folder: Path) -> Files:
    """One file for the embeddings, one for each layer, one for the last norm; the names have no prefix."""
    tensors = on_meta(folder, "BloomModel", "BF16")
    layers = json.loads((folder / "config.json").read_text())["n_layer"]
    shards: list[Tensors] = [{} for _ in range(layers + 2)]
    for name, spec in tensors.items():
        layer = re.match(r"h\.(\d+)\.", name)
        place = int(layer[1]) + 1 if layer else (0 if name.startswith("word_embeddings") else layers + 1)
        shards[place][name] = spec
    return number_shards(shards, "model_{:05d}-of-{:05d}.safetensors")


def llama_gptq(folder: Path) -> Files:
    """AutoGPTQ's layout over the shapes of the dense Llama 2, with the biases of zeros that it stores."""
    return {SINGLE: gptq(on_meta_dense(folder, "F16"), bits=4, group=128)}


def llama_w4a16(folder: Path) -> Files:
    """The pack-quantized layout of compressed-tensors over the shapes of the dense Llama 3.1."""
    packed = compressed_tensors(on_meta_dense(folder, "BF16"), bits=4, group=128)
    return number_shards(plan_shards(packed, 5 * GB))


def on_meta_dense(folder: Path, dtype: str) -> Tensors:
    """The dense Llama behind a quantized one: the same config without its quantization."""
    import transformers

    fields = json.loads((folder / "config.json").read_text())
    del fields["quantization_config"]
    with torch.device("meta"):
        return stored(transformers.LlamaForCausalLM(transformers.LlamaConfig(**fields)), dtype)


def single(class_name: str, dtype: str) -> Callable[[Path], Files]:
    """A recipe for a checkpoint of one file."""
    return lambda folder: {SINGLE: on_meta(folder, class_name, dtype)}


RECIPES = {
    "bert": Recipe("google-bert/bert-base-cased", bert, elements=108_932_934, size=435_731_736, aliases=("bert-base-cased",)),
    "resnet50": Recipe(
        "timm/resnet50.a1_in1k",
        resnet50,
        elements=25_557_032 + 53_173,
        size=102_441_032,
        library="timm",
        metadata=False,
    ),
    "idefics": Recipe(
        "HuggingFaceM4/idefics-80b-instruct",
        # The published limit is not known; this one gives the published number of files.
        sharded("IdeficsForVisionText2Text", "BF16", 8_700_000_000),
        elements=79_967_843_624,
        size=159_935_687_248,
        files=19,
    ),
    "llama": Recipe(
        "meta-llama/Llama-3.1-8B",
        sharded("LlamaForCausalLM", "BF16", 5 * GB),
        elements=8_030_261_248,
        size=16_060_522_496,
        files=4,
    ),
    "mixtral": Recipe("mistralai/Mixtral-8x7B-v0.1", mixtral, elements=46_702_792_704, size=93_405_585_408, files=19),
    "qwen3moe": Recipe("Qwen/Qwen3-30B-A3B", qwen3_moe, elements=30_532_122_624, size=61_064_245_248, files=16),
    "gpt2": Recipe("openai-community/gpt2", gpt2, elements=137_022_720, size=548_090_880, aliases=("gpt2",)),
    "qwen2": Recipe("Qwen/Qwen2.5-0.5B", single("Qwen2ForCausalLM", "BF16"), elements=494_032_768, size=988_065_536),
    "bloom": Recipe("bigscience/bloom", bloom, elements=176_247_271_424, size=352_494_542_848, files=72),
    "t5": Recipe("google-t5/t5-small", t5, elements=60_506_880, size=242_027_520, aliases=("t5-small",)),
    "gptq": Recipe("TheBloke/Llama-2-7B-GPTQ", llama_gptq, elements=1_131_327_488, size=3_896_582_144),
    "w4a16": Recipe(
        "RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16",
        llama_w4a16,
        elements=1_977_881_024,
        size=5_700_595_200,
        files=2,
    ),
}
