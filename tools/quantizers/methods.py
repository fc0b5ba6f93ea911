"""Every method by the library that carries it out: a folder with a dense model in, the bytes of each tensor out.

No GPU is needed. Where a library's loader wants one, its own module or packing classes are used on the real shapes instead.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch
from dense import tied
from models import Recipe
from torch import nn
from transformers import AwqConfig, BitsAndBytesConfig, FineGrainedFP8Config, PreTrainedModel
from transformers.quantizers.auto import AUTO_QUANTIZER_MAPPING
from transformers.quantizers.base import HfQuantizer
from transformers.quantizers.quantizer_finegrained_fp8 import FineGrainedFP8HfQuantizer

GROUP = 128
IGNORED = ["re:.*lm_head$", r"re:.*\.gate$", "re:.*shared_expert_gate$", "re:.*router$"]


@dataclass(slots=True)
class Made:
    """What a library made of a model."""

    nbytes: Counter[str] = field(default_factory=Counter)
    """By the name of the dense tensor."""
    refused: set[str] = field(default_factory=set)
    """Modules that the library does not take for their shape."""


class Fp8OnCpu(FineGrainedFP8HfQuantizer):
    """The quantizer of transformers, without its check that a GPU is there: quantizing needs none."""

    def validate_environment(self, *_: object, **__: object) -> None:
        """Nothing to check."""


AUTO_QUANTIZER_MAPPING["fp8"] = Fp8OnCpu


def bitsandbytes(config: BitsAndBytesConfig) -> Callable[[Recipe, Path], Made]:
    """`from_pretrained` with bitsandbytes: the parameters, their quantization state and the row maxima of int8."""

    def run(recipe: Recipe, folder: Path) -> Made:
        model = recipe.load().from_pretrained(folder, quantization_config=config)
        made = Made()
        for name, tensor in _tensors(model):
            made.nbytes[name] += tensor.nbytes
            state = getattr(tensor, "quant_state", None)
            if state is not None:
                held = [value for value in state.as_dict().values() if isinstance(value, torch.Tensor)]
                held += [] if state.offset is None else [state.offset]
                made.nbytes[name] += sum(value.nbytes for value in held)
            if getattr(tensor, "SCB", None) is not None:
                made.nbytes[name] += tensor.SCB.nbytes
        return made

    return run


def fp8_block(recipe: Recipe, folder: Path) -> Made:
    """`from_pretrained` with transformers' own FP8 in blocks."""
    model = recipe.load().from_pretrained(folder, quantization_config=FineGrainedFP8Config())
    made = Made()
    for name, tensor in _tensors(model):
        made.nbytes[name.removesuffix("_scale_inv")] += tensor.nbytes
    return made


def compressed_tensors(scheme: str) -> Callable[[Recipe, Path], Made]:
    """llm-compressor's experts as linear layers, and compressed-tensors' own compressors on every linear layer."""
    from compressed_tensors.compressors.base import compress_module
    from compressed_tensors.quantization import (
        QuantizationConfig,
        QuantizationMetadata,
        apply_quantization_config,
        preset_name_to_scheme,
    )
    from llmcompressor.modeling.moe.linearize import linearize_moe

    def run(recipe: Recipe, folder: Path) -> Made:
        model = recipe.load().from_pretrained(folder)
        linearize_moe(model)
        groups = {"all": preset_name_to_scheme(scheme, ["Linear"])}
        ignored = [*IGNORED, *sorted(tied(model))]
        apply_quantization_config(model, QuantizationConfig(config_groups=groups, ignore=ignored), show_progress=False)
        made = Made()
        for name, module in model.named_modules():
            if getattr(module, "quantization_scheme", None) is None:
                continue
            for key, value in module.named_parameters():
                if key.endswith("_scale"):
                    value.data.fill_(1.0)
            try:
                compress_module(module)
            except ValueError:  # a shape that the format does not hold
                made.refused.add(name)
                QuantizationMetadata.clear_quantization(module)
        for name, tensor in _tensors(model):
            made.nbytes[_fused(_plain(name))] += tensor.nbytes
        return made

    return run


def _plain(name: str) -> str:
    module, _, leaf = name.rpartition(".")
    return f"{module}.weight" if leaf.startswith(("weight_", "input_global_scale")) else name


FUSED = {"gate_proj": "gate_up_proj", "up_proj": "gate_up_proj", "down_proj": "down_proj"}


def _fused(name: str) -> str:
    parts = name.split(".")
    if len(parts) < 4 or parts[-4] != "experts" or not parts[-3].isdecimal():
        return name
    bias = "_bias" if parts[-1] == "bias" else ""
    return ".".join([*parts[:-3], FUSED[parts[-2]] + bias])


def mxfp4(recipe: Recipe, folder: Path) -> Made:
    """Transformers' own module of gpt-oss experts in MXFP4; compressed-tensors for any other model."""
    from transformers.integrations.mxfp4 import Mxfp4GptOssExperts
    from transformers.models.gpt_oss.modeling_gpt_oss import GptOssMLP

    if recipe.cls != "GptOssForCausalLM":
        return compressed_tensors("MXFP4A16")(recipe, folder)
    model = recipe.load().from_pretrained(folder)
    scales: Counter[str] = Counter()
    for name, module in list(model.named_modules()):
        if isinstance(module, GptOssMLP):
            module.experts = Mxfp4GptOssExperts(model.config)
            for key in ("gate_up_proj", "down_proj"):
                # One byte of scale for 16 bytes of values: the kernel makes them, and its hub is not asked here.
                scales[f"{name}.experts.{key}"] = getattr(module.experts, key).nbytes // 16
    return Made(nbytes=_counted(model) + scales)


def gptq(recipe: Recipe, folder: Path) -> Made:
    """The modules that optimum puts in for GPTQ, with GPTQModel's layout."""
    from optimum.gptq import GPTQQuantizer

    model = recipe.load().from_pretrained(folder)
    GPTQQuantizer(bits=4, group_size=GROUP, dataset=[]).convert_model(model)
    return Made(nbytes=_packed(model))


def awq(recipe: Recipe, folder: Path) -> Made:
    """The modules that transformers puts in for AWQ, with GPTQModel's layout."""
    from gptqmodel.nn_modules.qlinear.torch_awq import AwqTorchLinear
    from optimum.gptq.utils import get_block_name_with_pattern
    from transformers.integrations.awq import replace_with_awq_linear

    model = recipe.load().from_pretrained(folder)
    blocks = get_block_name_with_pattern(model)  # AutoAWQ packs these, and lists what else the loader would replace
    outside = {name for name, module in model.named_modules() if isinstance(module, nn.Linear) and not name.startswith(blocks)}
    made = Made()
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and name not in outside:
            fits, _ = AwqTorchLinear.validate(
                bits=4, group_size=GROUP, sym=False, desc_act=False, in_features=module.in_features,
                out_features=module.out_features, pack_dtype=torch.int32,
            )  # fmt: skip
            if not fits or module.in_features % GROUP:
                made.refused.add(name)
    in_float32 = model._keep_in_fp32_modules  # noqa: SLF001 - where transformers' own quantizers read it
    unpacked = sorted(made.refused | outside)
    skipped = HfQuantizer.get_modules_to_not_convert(model, unpacked, in_float32, add_default_skips=True)
    config = AwqConfig(bits=4, group_size=GROUP, backend="torch_awq")
    with suppress(UnboundLocalError):  # a slip of transformers 5.23 where there is nothing to replace
        replace_with_awq_linear(model, quantization_config=config, modules_to_not_convert=skipped, device_map={"": "cpu"})
    made.nbytes = _packed(model)
    return made


PACKED = ("qweight", "qzeros", "scales", "g_idx")


def _packed(model: PreTrainedModel) -> Counter[str]:
    counted: Counter[str] = Counter()
    for name, tensor in _tensors(model):
        module, _, leaf = name.rpartition(".")
        if leaf.startswith("wf_unsqueeze"):  # what one kernel unpacks with, no part of the layout
            continue
        counted[f"{module}.weight" if leaf in PACKED else name] += tensor.nbytes
    return counted


def hqq(recipe: Recipe, folder: Path) -> Made:
    """Hqq's own linear layer in the place of each that hqq would take, in the dtype of the model."""
    from hqq.core.quantize import BaseQuantizeConfig, HQQLinear
    from hqq.models.base import _IGNORE_LINEAR, get_linear_tags_from_model, name_to_linear_tag

    model = recipe.load().from_pretrained(folder)
    tags = set(get_linear_tags_from_model(model, ignore=_IGNORE_LINEAR))
    made = Made()
    for name, module in list(model.named_modules()):
        if type(module) is not nn.Linear or name_to_linear_tag(name) not in tags or name in tied(model):
            continue
        config = BaseQuantizeConfig(nbits=4, group_size=64, axis=1)
        try:
            packed = HQQLinear(module, config, compute_dtype=recipe.dtype, device="cpu", del_orig=False)
        except (AssertionError, RuntimeError):
            made.refused.add(name)
            continue
        if packed.W_q.numel() * 2 != module.weight.numel():  # an odd number of groups, and values lost
            made.refused.add(name)
            continue
        held = [packed.W_q, *(value for value in packed.meta.values() if isinstance(value, torch.Tensor))]
        made.nbytes[f"{name}.weight"] = sum(value.nbytes for value in held) - module.weight.nbytes
        if packed.bias is not None:
            made.nbytes[f"{name}.bias"] = packed.bias.nbytes - module.bias.nbytes
    made.nbytes.update(_counted(model))
    return made


def _counted(model: PreTrainedModel) -> Counter[str]:
    return Counter({name: tensor.nbytes for name, tensor in _tensors(model)})


def _tensors(model: PreTrainedModel) -> Iterator[tuple[str, torch.Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


METHODS: Mapping[str, Callable[[Recipe, Path], Made]] = {
    "bnb-int8": bitsandbytes(BitsAndBytesConfig(load_in_8bit=True)),
    "bnb-nf4": bitsandbytes(BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")),
    "bnb-nf4-dq": bitsandbytes(BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)),
    "gptq-4bit-g128": gptq,
    "awq-4bit-g128": awq,
    "fp8": compressed_tensors("FP8_DYNAMIC"),
    "fp8-block": fp8_block,
    "mxfp4": mxfp4,
    "nvfp4": compressed_tensors("NVFP4"),
    "hqq-4bit-g64": hqq,
    "int4-g128": compressed_tensors("W4A16"),
}
"""What carries out each of memscan's methods."""

warnings.filterwarnings("ignore")
