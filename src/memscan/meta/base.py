"""What a library is asked to build, and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memscan.document import Document
from memscan.note import Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One model to build."""

    raw: bytes
    """The bytes of its config.json."""
    config: Document
    """The same, decoded."""
    repo_id: str | None
    folder: Path | None
    """The folder on this machine that it stands in, where it stands in one: its code is read there."""
    commit: str | None
    token: str | None
    trust_remote_code: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A module whose tensors are on the meta device."""

    module: Any
    """A torch.nn.Module."""
    by: str
    """The library that built it, with its version."""
    notes: tuple[Note, ...] = ()
    held_in: Callable[[str], Any] | None = None
    """The torch dtype that loading gives a floating tensor of that name, or None where it keeps its own."""


def in_short(error: BaseException) -> str:
    """What a library said, on one line and no longer than a line of a terminal or two."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= SAID else f"{text[: SAID - 3]}..."


SAID = 200
