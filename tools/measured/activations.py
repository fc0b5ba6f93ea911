"""Recipes of activations against torch's own count, as `python -m tools.activations` recorded it."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parents[2] / "fixtures" / "activations" / "peaks.json"


def section() -> Iterator[str]:
    """The lines of the document."""
    record = json.loads(RECORD.read_text())
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in record["proven"]:
        rows[row["family"]].append(row)
    yield "| family | modes | cases | worst by MemTracker | worst by storages |"
    yield "|---|---:|---:|---:|---:|"
    for family, found in rows.items():
        tracker, storages = _worst(found, "worst_by_mem_tracker"), _worst(found, "worst_by_storages")
        yield f"| {family} | {len(found)} | {sum(row['cases'] for row in found)} | {tracker} | {storages} |"
    yield ""
    yield "Types without a recipe take the nearest one, and are assumed; memscan's figure was so much of the count:"
    yield ""
    yield "| type | least | most |"
    yield "|---|---:|---:|"
    for row in record["nearest"]:
        yield f"| {row['family']} | {row['least']:.2f} | {row['most']:.2f} |"


def _worst(rows: list[dict[str, Any]], key: str) -> str:
    errors = [row[key] for row in rows if row[key] is not None]
    return f"{100 * max(errors):.2f} %" if errors else "none"
