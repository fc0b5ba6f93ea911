"""Write the JSON Schema of budget files from the keys that the reader takes: `.venv/bin/python tools/build_budget_schema.py`."""

import json
from pathlib import Path

from memscan.bills.recipe import FSDP, OFFLOADS, PRECISIONS, QLORA
from memscan.bills.workload import ATTENTIONS, AUTO, ENGINES
from memscan.budget.figures import SUBJECTS
from memscan.budget.file import FLAGS, FLOATS, KEYS, MANY, NUMBERS, TEXTS
from memscan.budget.verdicts import UNKNOWNS
from memscan.model import SCOPES
from memscan.optimizers import OPTIMIZERS
from memscan.quantizers import DTYPES

OUTPUT = Path(__file__).parents[1] / "src/memscan/budget/budget.schema.json"
CHOICES = {
    "what": SUBJECTS, "unknown": UNKNOWNS, "engine": (AUTO, *ENGINES), "attention": ATTENTIONS, "precision": PRECISIONS,
    "optimizer": tuple(OPTIMIZERS), "fsdp": tuple(FSDP), "qlora": tuple(QLORA), "offload": OFFLOADS, "scope": ("auto", *SCOPES),
}  # fmt: skip
WORDS = {
    "target": "a model on the Hub, a URL, a folder or file here, a snapshot",
    "max-memory": "the limit: 24GB (10^9) or 24GiB (2^30)",
    "device": "the limit is what can be used of it: rtx-4090, 4xh100, 24GiB",
    "dtype": f"what the weights are loaded in: {', '.join(DTYPES)}; as stored where it is absent",
    "baseline": "a target or a snapshot whose figure this one is compared with",
    "max-growth": "how much more than the baseline: 5%, 500MB, 0",
}


def main() -> None:
    """Write the file."""
    OUTPUT.write_text(json.dumps(schema(), indent=2) + "\n")


def schema() -> dict[str, object]:
    """The schema of memscan.toml; of pyproject.toml it is that of `tool.memscan`."""
    entry = {"type": "object", "additionalProperties": False, "properties": {key: _property(key) for key in KEYS}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Budgets of memscan",
        "description": "memscan.toml, or [tool.memscan] of pyproject.toml; see docs/budgets.md",
        "type": "object",
        "additionalProperties": False,
        "required": ["budget"],
        "properties": {
            "defaults": {"$ref": "#/$defs/budget", "description": "what every budget has that does not say otherwise"},
            "budget": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/budget"}},
        },
        "$defs": {"budget": entry},
    }


def _property(key: str) -> dict[str, object]:
    if key in MANY:
        return {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string"},
            "description": f"several of `{MANY[key]}`: a budget for each",
        }
    kind: dict[str, object] = {"type": "string", "minLength": 1}
    if key in NUMBERS:
        kind = {"type": "integer", "minimum": 0}
    elif key in FLOATS:
        kind = {"type": "number"}
    elif key in FLAGS:
        kind = {"type": "boolean"}
    elif key in CHOICES:
        kind = {"enum": list(CHOICES[key])}
    assert key in (*TEXTS, *NUMBERS, *FLOATS, *FLAGS)
    return kind | ({"description": WORDS[key]} if key in WORDS else {})


if __name__ == "__main__":
    main()
