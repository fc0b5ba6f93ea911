"""A model as memscan found it: the target, the checkpoint, the config."""

from dataclasses import dataclass
from enum import StrEnum

from memscan.architecture import Config, Quantization
from memscan.checkpoint import Checkpoint, Verdict
from memscan.dtype import Kind
from memscan.note import Note
from memscan.tensor import kinds_of

# Libraries whose models are numbered blocks of a transformer; of others memscan knows only leaf modules.
BLOCK_LIBRARIES = frozenset({"transformers", "sentence-transformers", "setfit", "peft", "diffusers", "mlx", "gguf"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a model was read."""

    requested: str
    """The user's own word, without the secret parts of a URL."""
    name: str
    """The canonical name: `org/name`, a path, a URL."""
    repo_id: str | None = None
    revision: str | None = None
    commit: str | None = None
    library: str | None = None
    """The library that loads it: the user's word, the Hub's, or the config's; None where none says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """The same model in another quantization, complete in itself."""

    label: str
    checkpoint: Checkpoint


class Role(StrEnum):
    """What a part is to its model."""

    COMPONENT = "component"
    """Of a diffusers pipeline."""
    MODULE = "module"
    """Of a sentence-transformers model."""
    ADAPTER = "adapter"
    """Of PEFT."""
    BASE = "base"
    """The model that an adapter adapts."""
    PROJECTOR = "mmproj"
    """Of a GGUF model, for images or sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a model that has weight files of its own; its tensors are among the model's."""

    name: str
    role: Role
    class_name: str | None
    """The class that loads it, as the repository declares it."""
    library: str | None
    checkpoint: Checkpoint
    """Its tensors, under the names that they have in the model."""
    quantized: Quantization | None = None
    """As its config declares it."""
    label: str | None = None
    """What its blocks are called, where it is the GGUF model that an adapter adapts."""

    @property
    def quantization(self) -> str | None:
        """The method that its weights are quantized with, if any, in one word."""
        return self.label or (None if self.quantized is None else self.quantized.method)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSurvey:
    """The weight files at a place, and what a loader would take of them."""

    origin: Origin
    verdicts: tuple[Verdict, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model, read."""

    origin: Origin
    checkpoint: Checkpoint
    label: str | None = None
    """The quantization that the name of a GGUF file states."""
    alternatives: tuple[Alternative, ...] = ()
    config: Config | None
    """None where there is no config.json."""
    parts: tuple[Part, ...] = ()
    """Where the model is made of several; they make up the checkpoint."""
    notes: tuple[Note, ...] = ()

    @property
    def quantization(self) -> str | None:
        """The method that the stored weights are quantized with, if any: as the config declares it, or GGUF's block types."""
        if not self.checkpoint.shards:
            return None  # built from the config, and so built dense
        if self.has_blocks_of_quants:
            return self.label or self.checkpoint.format
        declared = [part.quantization for part in self.parts if part.quantization is not None]
        return declared[0] if declared else None if self.quantized is None else self.quantized.method

    @property
    def quantized(self) -> Quantization | None:
        """As the config declares it; where the model is made of parts, each may have its own."""
        if not self.checkpoint.shards or self.config is None:
            return None  # built from the config, and so built dense
        return self.config.quantization

    @property
    def has_blocks_of_quants(self) -> bool:
        """Whether tensors are of a quantized dtype, whose shapes count logical elements: GGUF's blocks, torch's qint8."""
        return Kind.QUANTIZED in kinds_of(self.checkpoint.tensors)

    @property
    def has_blocks(self) -> bool:
        """Whether numbered blocks stay whole on one device."""
        return self.origin.library in BLOCK_LIBRARIES
