"""What the libraries said of small models: fixtures/quantizers/libraries.json, written by tools/quantizers."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memscan.dtype import TORCH
from memscan.quantizers.base import Dense, Weight

RECORD = Path(os.environ.get("MEMSCAN_LIBRARIES") or Path(__file__).resolve().parents[2] / "fixtures/quantizers/libraries.json")
MODELS: Mapping[str, Any] = json.loads(RECORD.read_bytes())["models"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One model and one method, with what the library made of it."""

    model: str
    method: str
    dense: Dense
    error: str | None
    changed: Mapping[str, int]
    """Bytes by name, where they are not those of the dense model."""
    refused: tuple[str, ...]
    total: int | None


def dense(model: str, *, modules: bool = True) -> Dense:
    """The dense model; without `modules`, as a header alone shows it."""
    record = MODELS[model]
    weights = [
        Weight(
            name=one["name"],
            shape=tuple(one["shape"]),
            dtype=TORCH[one["dtype"]],
            nbytes=one["nbytes"],
            module=one["module"] if modules else None,
            buffer=one["buffer"],
        )
        for one in record["weights"]
    ]
    return Dense(
        weights=tuple(weights), kept=frozenset(record["kept"]), last=record["last"], model_type=record["model_type"], config={}
    )


def cases() -> list[Case]:
    """Every model with every method."""
    return [
        Case(
            model=model,
            method=method,
            dense=dense(model),
            error=said.get("error"),
            changed=said.get("changed", {}),
            refused=tuple(said.get("refused", ())),
            total=said.get("total"),
        )
        for model, record in MODELS.items()
        for method, said in record["methods"].items()
    ]
