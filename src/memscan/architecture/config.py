"""`config.json`, as far as memscan asks it: what the model is, and how its weights are stored.

Fields as `PreTrainedConfig` of transformers writes them (https://huggingface.co/docs/transformers/main_classes/configuration),
and those by which timm and diffusers are known.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from memscan.document import Document

MAX_CONFIG = 20_000_000  # bytes; the largest are a few hundred kB (label maps)
NESTED = ("text_config", "llm_config", "language_config")


@dataclass(frozen=True, slots=True)
class Config:
    """What `config.json` declares; every field may be absent."""

    document: Document

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
    def quantization(self) -> str | None:
        """The name of the quantization that the weights are stored in; None where they are not quantized.

        Multimodal models declare it below their language model's config (Kimi-K2.5); early compressed-tensors
        checkpoints call it `compression_config`.
        """
        nested = (self.document.child(key) for key in NESTED if isinstance(self.document.values.get(key), dict))
        for place in (self.document, *(document for document in nested if document is not None)):
            for key in ("quantization_config", "compression_config"):
                declared = place.child(key)
                if declared is not None and declared.values:
                    return declared.text("quant_method") or "an unnamed method"
        return None
