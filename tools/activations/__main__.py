"""Peaks of activations against what torch counts, over a wider sample than the tests take: a table as JSON.

    OMP_NUM_THREADS=1 .venv/bin/python -m tools.activations --count 5 --output activations.json

One row a family and mode: how many cases, and the largest error against `MemTracker` (null for LoRA, which it cannot count) and
against a count of storages, each over forward and backward. Then one row for each other type that is computed as the nearest: the
least and the largest share of the count. About a minute for each in `--count`.
"""

import argparse
import json
import sys
import warnings
from pathlib import Path

from tests.activations.cases import ADAPTED, CLASSES, MODES, Case, Mode, case, ours
from tools.activations.others import OTHERS

NEAREST = ("inference", "training", "checkpointing")


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2, help="cases for each family and mode")
    parser.add_argument("--output", type=Path, help="a file; the terminal without")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = [proven(family, mode, arguments.count) for family in CLASSES for mode in MODES.values()]
    rows += [proven(family, mode, arguments.count) for family in ("llama", "qwen3", "gpt2", "gemma") for mode in ADAPTED.values()]
    table = {"proven": rows, "nearest": [nearest(family) for family in OTHERS]}
    text = json.dumps(table, indent=1) + "\n"
    if arguments.output is None:
        sys.stdout.write(text)
    else:
        arguments.output.write_text(text)


def proven(family: str, mode: Mode, count: int) -> dict[str, object]:
    """A family in one mode."""
    by_torch: list[float] = []
    by_storage: list[float] = []
    for index in range(count):
        tracked, stored, computed = compared(case(family, f"{mode.name} {index}"), mode, CLASSES[family])
        by_torch += [abs(computed[part] / nbytes - 1) for part, nbytes in tracked.items()]
        by_storage += [abs(computed[part] / nbytes - 1) for part, nbytes in stored.items()]
    return {
        "family": family, "mode": mode.name, "cases": count,
        "worst_by_mem_tracker": round(max(by_torch), 5) if by_torch else None, "worst_by_storages": round(max(by_storage), 5),
    }  # fmt: skip


def nearest(family: str) -> dict[str, object]:
    """A family without a recipe: what the nearest one makes of it."""
    class_name, config = OTHERS[family]
    shares = []
    for name in NEAREST:
        one = Case(family=family, config=config, sequences=2, tokens=200)
        try:
            _, stored, computed = compared(one, MODES[name], class_name)
        except ValueError:  # a class that cannot be checkpointed
            continue
        shares += [computed[part] / nbytes for part, nbytes in stored.items()]
    return {"family": family, "least": round(min(shares), 2), "most": round(max(shares), 2)}


def compared(one: Case, mode: Mode, class_name: str) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """Bytes by MemTracker, by storages and by memscan."""
    from tests.activations import counting
    from tests.activations.models import build, inputs

    model, config = build(one, mode, class_name)
    given = inputs(one, mode, model)
    how = {"training": mode.training, "autocast": mode.autocast}
    tracked = {} if mode.adapter is not None else counting.tracked(model, given, **how)
    return tracked, counting.stored(model, given, **how), ours(one, mode, config, class_name)


if __name__ == "__main__":
    main()
