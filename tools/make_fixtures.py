"""Make the header-only fixtures: ``python tools/make_fixtures.py bert llama``, or ``all``.

Needs torch and transformers (timm and torchvision for ``resnet50``); memscan itself needs none of them.
"""

import argparse
from pathlib import Path

from fixture_headers import FORMAT, total_bytes, total_elements, write_heads, write_index, write_json
from fixture_recipes import RECIPES, Recipe

HUB = Path(__file__).resolve().parent.parent / "fixtures" / "hub"
# The index of this one is the published file, kept byte for byte.
KEEPS_INDEX = {"mistralai/Mixtral-8x7B-v0.1"}


def make(recipe: Recipe, hub: Path) -> str:
    """Build one fixture, compare it with the known totals, write it and return a line about it."""
    folder = hub / recipe.repository
    files = recipe.build(folder)
    elements = sum(total_elements(tensors) for tensors in files.values())
    size = sum(total_bytes(tensors) for tensors in files.values())
    made, expected = (elements, size, len(files)), (recipe.elements, recipe.size, recipe.files)
    if made != expected:
        raise SystemExit(f"{recipe.repository}: elements, bytes, files are {made}, not {expected}; nothing written")
    write_heads(folder, files, FORMAT if recipe.metadata else None)
    if len(files) > 1 and recipe.repository not in KEEPS_INDEX:
        write_index(folder, files)
    write_json(folder / "repository.json", {"library": recipe.library, "aliases": list(recipe.aliases)})
    return f"{recipe.repository}: {elements:,} elements, {size:,} bytes in {len(files)} file(s)"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Make header-only fixtures on torch's meta device.")
    parser.add_argument("names", nargs="+", choices=[*RECIPES, "all"], metavar="NAME", help=", ".join(RECIPES))
    parser.add_argument("--hub", type=Path, default=HUB, help="folder that holds ORG/NAME folders with a config.json")
    arguments = parser.parse_args()
    for name in RECIPES if "all" in arguments.names else arguments.names:
        print(make(RECIPES[name], arguments.hub))


if __name__ == "__main__":
    main()
