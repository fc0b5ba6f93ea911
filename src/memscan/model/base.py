"""A model as memscan found it: the target, the checkpoint, the config."""

from dataclasses import dataclass

from memscan.architecture import Config
from memscan.checkpoint import Checkpoint
from memscan.note import Note

# Libraries whose models are numbered blocks of a transformer; of others memscan knows only leaf modules.
BLOCK_LIBRARIES = frozenset({"transformers", "sentence-transformers", "setfit", "peft", "diffusers", "mlx"})


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
class Model:
    """One model, read."""

    origin: Origin
    checkpoint: Checkpoint
    config: Config | None
    """None where there is no config.json."""
    notes: tuple[Note, ...] = ()

    @property
    def quantization(self) -> str | None:
        """The method that the stored weights are quantized with, if any."""
        return None if self.config is None else self.config.quantization

    @property
    def has_blocks(self) -> bool:
        """Whether numbered blocks stay whole on one device."""
        return self.origin.library in BLOCK_LIBRARIES
