"""What the libraries make of small models: ``python tools/quantizers`` writes fixtures/quantizers/libraries.json.

Needs the dependency group ``quantization``; memscan itself needs none of it.
"""

import argparse
import json
import tempfile
from importlib.metadata import version
from pathlib import Path

from dense import described
from methods import METHODS
from models import MODELS, Recipe

OUTPUT = Path(__file__).resolve().parents[2] / "fixtures" / "quantizers" / "libraries.json"
LIBRARIES = (
    "bitsandbytes", "compressed-tensors", "gptqmodel", "hqq", "llmcompressor", "optimum", "torch", "transformers",
)  # fmt: skip


def record(recipe: Recipe, methods: list[str]) -> dict[str, object]:
    """The dense model, and for each method the bytes that differ from it, or why the library refuses."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe.save(folder)
        dense = described(recipe, folder)
        before = {one["name"]: one["nbytes"] for one in dense["weights"]}
        return {**dense, "methods": {method: _made(recipe, folder, method, before) for method in methods}}


def _made(recipe: Recipe, folder: Path, method: str, before: dict[str, int]) -> dict[str, object]:
    try:
        made = METHODS[method](recipe, folder)
    except Exception as error:  # noqa: BLE001 - what a library says is the record
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"}
    names = set(made.nbytes) ^ set(before)
    if names:
        raise SystemExit(f"{recipe.cls}, {method}: tensors without a partner: {sorted(names)[:8]}")
    changed = {name: size for name, size in made.nbytes.items() if size != before[name]}
    return {"changed": changed, "refused": sorted(made.refused), "total": sum(made.nbytes.values())}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Record what quantization libraries make of small models.")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), metavar="MODEL")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    models = {name: record(MODELS[name], arguments.methods) for name in arguments.models}
    versions = {name: version(name) for name in LIBRARIES}
    arguments.output.write_text(_json({"versions": versions, "models": models}), encoding="utf-8")


def _json(value: dict[str, object]) -> str:
    text = json.dumps(value, separators=(",", ":"))
    # One line a tensor or a method: short enough to read, and a change shows where it is.
    return text.replace('},{"name"', '},\n{"name"').replace('"methods":{', '"methods":{\n').replace('},"', '},\n"') + "\n"


if __name__ == "__main__":
    main()
