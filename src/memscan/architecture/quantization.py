"""How the weights of a checkpoint are quantized, as its config declares it.

Sources: `QuantizationConfigMixin` and its classes in
https://github.com/huggingface/transformers/blob/main/src/transformers/utils/quantization_config.py; `QuantizationConfig` of
https://github.com/vllm-project/compressed-tensors (`config_groups`); `hf_quant_config.json` of
https://github.com/NVIDIA/TensorRT-Model-Optimizer; the `quantization` of https://github.com/ml-explore/mlx-lm.

A declaration comes from strangers: a field of the wrong type counts as absent, for the shapes decide in the end.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from memscan.architecture.dequantizing import DEQUANTIZES

UNNAMED = "an unnamed method"
BITS = ("bits", "num_bits", "w_bit", "nbits", "weight_bits")
# Bits that a method has without saying so, by the words that it does say.
BITS_OF = {
    "int8": 8, "float8": 8, "mxfp8": 8, "mxfp6": 6, "mxfp4": 4, "nvfp4": 4, "fp8": 8, "int4": 4, "int2": 2, "w4a": 4, "w8a": 8,
}  # fmt: skip
OVERRIDES = ("quantized_layers", "extra_config", "dynamic")  # of ModelOpt, AutoRound and GPTQModel: by the module's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How the weights of some modules are stored."""

    bits: int | None = None
    """Of one weight; None where the config does not say."""
    group_size: int | None = None
    """Weights that share a scale along the input; None where a whole channel does, or the config does not say."""
    format: str | None = None
    """The packing, as its library calls it: `pack-quantized`, `NVFP4`, `auto_round:auto_gptq`."""
    targets: tuple[str, ...] = ()
    """The modules: names, patterns, classes; empty for all that no other scheme names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """What a checkpoint declares of its quantization."""

    method: str
    """The `quant_method`, as declared or as its fields tell it."""
    default: Scheme
    schemes: tuple[Scheme, ...] = ()
    """What differs from the default, for the modules that each names."""
    fp4_experts: bool = False
    """Whether routed experts hold two values in a byte, whatever the rest does (DeepSeek-V4's `expert_dtype`)."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """All that was declared, word for word."""

    @property
    def dequantizes(self) -> str | None:
        """When transformers holds the weights dense all the same, in one sentence; None where it never does so unasked."""
        return DEQUANTIZES.get(self.method)

    @classmethod
    def parse(cls, settings: Mapping[str, object], *, fp4_experts: bool = False) -> "Quantization":
        """What `quantization_config` says: an object that is not empty."""
        method = _method(settings)
        default = _default(settings, method)
        return cls(
            method=method, default=default, schemes=tuple(_schemes(settings, default)),
            fp4_experts=fp4_experts or settings.get("expert_dtype") == "fp4", settings=settings,
        )  # fmt: skip

    @classmethod
    def parse_modelopt(cls, settings: Mapping[str, object]) -> "Quantization | None":
        """What `hf_quant_config.json` says: `{"quantization": {"quant_algo": "NVFP4", ...}}`; None where that is empty."""
        declared = settings.get("quantization")
        if not isinstance(declared, dict) or not declared.get("quant_algo"):
            return None
        return cls.parse({"quant_method": "modelopt", **declared})

    @classmethod
    def parse_mlx(cls, settings: Mapping[str, object]) -> "Quantization":
        """What MLX writes as `quantization`: `{"group_size": 64, "bits": 4, "lm_head": {"bits": 6, ...}, ...}`."""
        default = Scheme(bits=_whole(settings, "bits"), group_size=_group_size(settings), format=_text(settings, "mode"))
        schemes = (_override(name, value, default) for name, value in settings.items() if isinstance(value, dict))
        return cls(method="mlx", default=default, schemes=tuple(schemes), settings=settings)


def _method(settings: Mapping[str, object]) -> str:
    """The declared method, or that of transformers (`AutoQuantizationConfig.from_dict`) for configs older than the field."""
    declared = _text(settings, "quant_method")
    if declared:
        return declared
    if settings.get("load_in_4bit") is True or settings.get("load_in_8bit") is True:
        return "bitsandbytes"
    if "config_groups" in settings:
        return "compressed-tensors"
    return "modelopt" if "quant_algo" in settings else UNNAMED


def _default(settings: Mapping[str, object], method: str) -> Scheme:
    hqq = _child(_child(settings, "quant_config"), "weight_quant_params")
    if hqq:
        return Scheme(bits=_whole(hqq, "nbits"), group_size=_group_size(hqq))
    layout = next((text for key in ("format", "packing_format", "quant_algo", "version") if (text := _text(settings, key))), None)
    return Scheme(bits=_bits(settings, method, layout), group_size=_group_size(settings), format=layout)


def _bits(settings: Mapping[str, object], method: str, layout: str | None) -> int | None:
    found = next((bits for key in BITS if (bits := _whole(settings, key)) is not None), None)
    if found is not None:
        return found
    if settings.get("load_in_4bit") is True:
        return 4
    if settings.get("load_in_8bit") is True:
        return 8
    words = (_text(settings, "weights"), _text(settings, "weight_dtype"), method, layout)
    known = (bits for word in words if word for name, bits in BITS_OF.items() if name in word.lower())
    return next(known, None)


def _schemes(settings: Mapping[str, object], default: Scheme) -> Iterator[Scheme]:
    for group in _child(settings, "config_groups").values():
        weights = _child(group, "weights")
        if isinstance(group, dict) and weights:
            yield Scheme(
                bits=_whole(weights, "num_bits"), group_size=_group_size(weights),
                format=_text(group, "format") or default.format, targets=_texts(group.get("targets")),
            )  # fmt: skip
    for key in OVERRIDES:
        for name, value in _child(settings, key).items():
            if isinstance(value, dict):
                yield _override(name, value, default)


def _override(name: str, value: Mapping[str, object], default: Scheme) -> Scheme:
    """What is said of one module; what is not said is as for all."""
    layout = _text(value, "quant_algo") or _text(value, "mode") or default.format
    bits = _bits(value, "", layout) or default.bits
    group = _group_size(value) if "group_size" in value else default.group_size
    return Scheme(bits=bits, group_size=group, format=layout, targets=(name,))


def _group_size(settings: Mapping[str, object]) -> int | None:
    found = next((size for key in ("group_size", "q_group_size") if (size := _whole(settings, key)) is not None), None)
    return found if found is not None and found > 0 else None  # -1: one for a whole channel


def _child(settings: object, key: str) -> Mapping[str, object]:
    value = settings.get(key) if isinstance(settings, Mapping) else None
    return value if isinstance(value, dict) else {}


def _text(settings: Mapping[str, object], key: str) -> str | None:
    value = settings.get(key)
    return value if isinstance(value, str) and value else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _whole(settings: Mapping[str, object], key: str) -> int | None:
    value = settings.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
