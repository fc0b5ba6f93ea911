"""Record how quantization libraries store weights: `fixtures/packing/LIBRARY.json`, names, dtypes and shapes without values.

    pip install --no-deps aqlm==1.1.7 auto-round==0.16.1 autoawq==0.2.7.post3 hqq==0.2.8.post1 optimum-quanto==0.2.7
    pip install bitsandbytes==0.50.2 compressed-tensors==0.20.0 torchao==0.18.0 transformers==5.23.0 torch==2.13.0 \
        accelerate datasets einops loguru ninja py-cpuinfo termcolor
    python tools/record_packed.py [LIBRARY ...]

Each library stores a small Llama, or one Linear where it has no writer that runs without a GPU. A record holds the
`quantization_config` that goes with it, the metadata of the header, what is stored, and the dense weights that it was made of.
"""

import json
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

OUT = Path(__file__).resolve().parents[1] / "fixtures" / "packing"
ROWS, COLUMNS = 192, 128
Record = dict[str, object]
NAMES = {
    torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16",
    torch.int32: "I32", torch.int64: "I64", torch.bool: "BOOL", torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2",
    torch.float8_e8m0fnu: "F8_E8M0", torch.uint32: "U32",
}  # fmt: skip


def table(tensors: dict[str, torch.Tensor]) -> dict[str, list[object]]:
    return {name: [NAMES[tensor.dtype], list(tensor.shape)] for name, tensor in sorted(tensors.items())}


def header(path: Path) -> tuple[dict[str, list[object]], dict[str, str]]:
    raw = path.read_bytes()
    fields = json.loads(raw[8 : 8 + struct.unpack("<Q", raw[:8])[0]])
    metadata = fields.pop("__metadata__", {})
    return {name: [one["dtype"], one["shape"]] for name, one in fields.items()}, metadata


def by_transformers(cases: dict[str, object]) -> Iterator[tuple[str, Record]]:
    """A Llama of one layer, quantized by `from_pretrained` and written by `save_pretrained`."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=96, hidden_size=COLUMNS, intermediate_size=ROWS, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=2, attention_bias=True, tie_word_embeddings=False,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
        dense, _ = header(Path(folder, "model.safetensors"))
        for name, quantization in cases.items():
            with tempfile.TemporaryDirectory() as out:
                LlamaForCausalLM.from_pretrained(folder, quantization_config=quantization).save_pretrained(out)
                stored, metadata = header(Path(out, "model.safetensors"))
                declared = json.loads(Path(out, "config.json").read_text())["quantization_config"]
            yield name, {"config": declared, "metadata": metadata, "stored": stored, "dense": dense}


def one_linear(config: Record, tensors: dict[str, torch.Tensor], *, bias: bool = True) -> Record:
    """`tensors` are what the library stores of a Linear called `model.layer`."""
    stored = table({f"model.layer.{name}": tensor for name, tensor in tensors.items()})
    dense = {"model.layer.weight": ["F32", [ROWS, COLUMNS]]}
    if bias:
        dense["model.layer.bias"] = ["F32", [ROWS]]
    return {"config": config, "metadata": {}, "stored": stored, "dense": dense}


def bitsandbytes() -> Iterator[tuple[str, Record]]:
    from transformers import BitsAndBytesConfig

    yield from by_transformers(
        {
            "nf4": BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4"),
            "fp4": BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="fp4"),
            "nf4-nested-in-bfloat16": BitsAndBytesConfig(
                load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_quant_storage="bfloat16"
            ),
            "int8": BitsAndBytesConfig(load_in_8bit=True),
        }
    )


def torchao() -> Iterator[tuple[str, Record]]:
    from torchao.quantization import Float8WeightOnlyConfig, Int8WeightOnlyConfig, IntxWeightOnlyConfig
    from transformers import TorchAoConfig

    yield from by_transformers(
        {
            "int8": TorchAoConfig(Int8WeightOnlyConfig()),
            "float8": TorchAoConfig(Float8WeightOnlyConfig()),
            "int4-in-int8": TorchAoConfig(IntxWeightOnlyConfig(weight_dtype=torch.int4)),
        }
    )


def quanto() -> Iterator[tuple[str, Record]]:
    from optimum.quanto import QLinear, qfloat8, qint2, qint4, qint8

    for name, kind in {"int8": qint8, "int4": qint4, "int2": qint2, "float8": qfloat8}.items():
        layer = QLinear.from_module(nn.Linear(COLUMNS, ROWS), weights=kind)
        layer.freeze()
        yield name, one_linear({"quant_method": "quanto", "weights": name, "activations": None}, layer.state_dict())


def hqq() -> Iterator[tuple[str, Record]]:
    from hqq.core.quantize import BaseQuantizeConfig, HQQLinear

    for bits, axis in ((8, 1), (4, 1), (3, 1), (2, 1), (1, 1), (4, 0), (2, 0)):
        settings = BaseQuantizeConfig(nbits=bits, group_size=64, axis=axis)
        layer = HQQLinear(nn.Linear(COLUMNS, ROWS), settings, compute_dtype=torch.float16, device="cpu")
        config = {"quant_method": "hqq", "quant_config": settings, "skip_modules": ["lm_head"]}
        yield f"{bits}-bit-axis-{axis}", one_linear(config, layer.state_dict())


def aqlm() -> Iterator[tuple[str, Record]]:
    import aqlm

    for books, bits, group in ((1, 16, 8), (2, 8, 8)):
        settings = {"in_group_size": group, "out_group_size": 1, "num_codebooks": books, "nbits_per_codebook": bits}
        layer = aqlm.QuantizedLinear(COLUMNS, ROWS, **settings, bias=True, device="meta", dtype=torch.float16)
        yield f"{books}x{bits}", one_linear({"quant_method": "aqlm", **settings}, layer.state_dict())


def autoawq() -> Iterator[tuple[str, Record]]:
    from awq.modules.linear.gemm import WQLinear_GEMM
    from awq.modules.linear.gemv import WQLinear_GEMV
    from awq.modules.linear.gemv_fast import WQLinear_GEMVFast

    for name, kind in {"gemm": WQLinear_GEMM, "gemv": WQLinear_GEMV, "gemv_fast": WQLinear_GEMVFast}.items():
        config = {"quant_method": "awq", "bits": 4, "group_size": 32, "version": name, "zero_point": True}
        layer = kind(4, 32, COLUMNS, ROWS, bias=True, dev="cpu")
        yield name, one_linear(config, layer.state_dict())


def auto_round() -> Iterator[tuple[str, Record]]:
    """AutoRound's Linear has the layout of AutoGPTQ."""
    from auto_round_extension.torch.qlinear_torch import QuantLinear

    for method in ("gptq", "auto-round"):
        for bits in (2, 3, 4, 8):
            config = {"quant_method": method, "bits": bits, "group_size": 32, "packing_format": "auto_round:auto_gptq"}
            yield f"{method}-{bits}-bit", one_linear(config, QuantLinear(bits, 32, COLUMNS, ROWS, bias=True).state_dict())


def compressed_tensors() -> Iterator[tuple[str, Record]]:
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationScheme, initialize_module_for_quantization

    integer, real = {"type": "int", "symmetric": True}, {"type": "float", "symmetric": True}
    micro = {**real, "strategy": "group", "group_size": 32, "scale_dtype": "torch.uint8"}
    for name, layout, weights in (
        ("int4-group", "pack-quantized", {**integer, "num_bits": 4, "strategy": "group", "group_size": 32}),
        (
            "int4-asymmetric",
            "pack-quantized",
            {"type": "int", "symmetric": False, "num_bits": 4, "strategy": "group", "group_size": 32},
        ),
        ("int4-channel", "pack-quantized", {**integer, "num_bits": 4, "strategy": "channel"}),
        ("int8-channel", "pack-quantized", {**integer, "num_bits": 8, "strategy": "channel"}),
        ("int3-group", "pack-quantized", {**integer, "num_bits": 3, "strategy": "group", "group_size": 64}),
        ("int2-group", "pack-quantized", {**integer, "num_bits": 2, "strategy": "group", "group_size": 64}),
        ("int8", "int-quantized", {**integer, "num_bits": 8, "strategy": "channel"}),
        ("float8", "float-quantized", {**real, "num_bits": 8, "strategy": "channel"}),
        ("float8-blocks", "float-quantized", {**real, "num_bits": 8, "strategy": "block", "block_structure": [64, 64]}),
        ("nvfp4", "nvfp4-pack-quantized", {**real, "num_bits": 4, "strategy": "tensor_group", "group_size": 16}),
        ("mxfp4", "mxfp4-pack-quantized", {**micro, "num_bits": 4}),
        ("mxfp6", "mxfp6-pack-quantized", {**micro, "num_bits": 6}),
    ):
        layer = nn.Linear(COLUMNS, ROWS)
        scheme = QuantizationScheme(targets=["Linear"], weights=weights)
        initialize_module_for_quantization(layer, scheme)
        state = {key: torch.ones_like(value) if "scale" in key else value for key, value in layer.state_dict().items()}
        tensors = BaseCompressor.get_value_from_registry(layout).compress(state, scheme)
        group = {"targets": ["Linear"], "weights": weights}
        config = {
            "quant_method": "compressed-tensors",
            "format": layout,
            "config_groups": {"group_0": group},
            "ignore": ["lm_head"],
        }
        yield name, one_linear(config, tensors)


def modules() -> Iterator[tuple[str, Record]]:
    """Linears of transformers' own integrations, as their constructors lay them out."""
    from transformers.integrations.bitnet import BitLinear
    from transformers.integrations.eetq import EetqLinear
    from transformers.integrations.fbgemm_fp8 import FbgemmFp8Linear
    from transformers.integrations.finegrained_fp8 import FP8Linear
    from transformers.integrations.higgs import HiggsLinear
    from transformers.integrations.metal_quantization import MetalLinear

    with torch.device("meta"):
        yield "bitnet", one_linear({"quant_method": "bitnet"}, BitLinear(COLUMNS, ROWS, True).state_dict())
        yield "eetq", one_linear({"quant_method": "eetq", "weights": "int8"}, EetqLinear(COLUMNS, ROWS, bias=True).state_dict())
        yield "fbgemm_fp8", one_linear({"quant_method": "fbgemm_fp8"}, FbgemmFp8Linear(COLUMNS, ROWS, bias=True).state_dict())
        for name, size in (("fp8-blocks", (64, 64)), ("fp8-tensor", None)):
            config = {"quant_method": "fp8", "activation_scheme": "static", "weight_block_size": size}
            yield (
                name,
                one_linear(
                    config, FP8Linear(COLUMNS, ROWS, block_size=size, activation_scheme="static", has_bias=True).state_dict()
                ),
            )
        for bits in (2, 3, 4):
            config = {"quant_method": "higgs", "bits": bits, "group_size": 64}
            layer = HiggsLinear(COLUMNS, ROWS, bits, bias=True, dtype=torch.float16, device="meta", group_size=64)
            yield f"higgs-{bits}-bit", one_linear(config, layer.state_dict())
        for bits in (2, 4, 8):
            config = {"quant_method": "metal", "bits": bits, "group_size": 64}
            yield (
                f"metal-{bits}-bit",
                one_linear(config, MetalLinear(COLUMNS, ROWS, bias=True, bits=bits, group_size=64).state_dict()),
            )


LIBRARIES: dict[str, tuple[str, Callable[[], Iterator[tuple[str, Record]]]]] = {
    "aqlm": ("aqlm", aqlm),
    "auto_round": ("auto-round", auto_round),
    "autoawq": ("autoawq", autoawq),
    "bitsandbytes": ("bitsandbytes", bitsandbytes),
    "compressed_tensors": ("compressed-tensors", compressed_tensors),
    "hqq": ("hqq", hqq),
    "modules": ("transformers", modules),
    "quanto": ("optimum-quanto", quanto),
    "torchao": ("torchao", torchao),
}


def main(names: list[str]) -> None:
    OUT.mkdir(exist_ok=True)
    for name in names or LIBRARIES:
        package, record = LIBRARIES[name]
        versions = {one: version(one) for one in dict.fromkeys((package, "torch", "transformers"))}
        content = {"made_with": versions, "cases": dict(record())}
        lines = json.dumps(content, indent=1)
        (OUT / f"{name}.json").write_text(lines + "\n", encoding="utf-8", newline="\n")
        print(name, list(content["cases"]))


if __name__ == "__main__":
    main(sys.argv[1:])
