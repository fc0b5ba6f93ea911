"""`config.json`, as far as memscan asks it: what the model is, and how its weights are stored.

Fields as `PreTrainedConfig` of transformers writes them (https://huggingface.co/docs/transformers/main_classes/configuration),
and those by which timm and diffusers are known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memscan.architecture.quantization import Quantization
from memscan.document import Document

MAX_CONFIG = 20_000_000  # bytes; the largest are a few hundred kB (label maps)
Changes = Sequence[tuple[str, str]]
"""Dotted paths of fields to change, each with its value as JSON."""
NESTED = ("text_config", "llm_config", "language_config")


@dataclass(frozen=True, slots=True)
class Config:
    """What `config.json` declares; every field may be absent."""

    document: Document
    modelopt: Document | None = None
    """`hf_quant_config.json`, which ModelOpt writes beside it."""

    @classmethod
    def parse(cls, raw: bytes) -> "Config":
        """Read the file's bytes; FormatError where they are not a JSON object."""
        return cls(Document.parse(raw, "config.json", strict=False))

    @classmethod
    def of_words(cls, words: Mapping[str, object], path: str) -> "Config":
        """The same of words that another place gives: GGUF keys."""
        return cls(Document(path, words))

    @property
    def architecture(self) -> str | None:
        """The class that saved the checkpoint: `architectures[0]`, timm's `architecture`, or the `_class_name` of diffusers."""
        declared = self.document.texts("architectures")
        if declared:
            return declared[0]
        name = self.document.values.get("_class_name")
        if isinstance(name, list) and name:  # the file of a pipeline of one's own, and its class
            name = name[-1]
        return self.document.text("architecture") or (name if isinstance(name, str) and name else None)

    @property
    def model_type(self) -> str | None:
        """The word by which transformers finds its classes."""
        return self.document.text("model_type")

    @property
    def library(self) -> str | None:
        """The library whose config this looks like."""
        values = self.document.values
        if "model_type" in values:
            return "transformers"
        if "_diffusers_version" in values:
            return "diffusers"
        return "timm" if "pretrained_cfg" in values else None

    @property
    def quantization(self) -> Quantization | None:
        """How the stored weights are quantized; None where they are not.

        Multimodal models declare it below their language model's config (Kimi-K2.5); early compressed-tensors checkpoints call
        it `compression_config`, MLX `quantization`. Where none of them is there, `hf_quant_config.json` may say it.
        """
        nested = (self.document.child(key) for key in NESTED if isinstance(self.document.values.get(key), dict))
        for place in (self.document, *(document for document in nested if document is not None)):
            found = _declared(place)
            if found is not None:
                return found
        return None if self.modelopt is None else Quantization.parse_modelopt(self.modelopt.values)


def _declared(place: Document) -> Quantization | None:
    """What one object declares. MLX writes its words twice, once under transformers' name and without a method."""
    mlx = place.values.get("quantization")
    for key in ("quantization_config", "compression_config"):
        declared = place.child(key)
        if declared is not None and declared.values and not ("quant_method" not in declared.values and declared.values == mlx):
            # DeepSeek-V4 says beside it, not in it, that its experts are narrower.
            return Quantization.parse(declared.values, fp4_experts=place.values.get("expert_dtype") == "fp4")
    return Quantization.parse_mlx(mlx) if isinstance(mlx, dict) and "bits" in mlx else None
