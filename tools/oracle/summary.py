"""The counts of a run, from the folders it left."""

import json
from pathlib import Path
from typing import Any

from declared import installed
from saved import FAILED, write


def summarise(out: Path) -> dict[str, Any]:
    """Write ``summary.json``: how many types, classes and cases are known, built and failed, and why."""
    known = installed()
    pairs = [(name, found.__name__) for name, declared in known.types.items() for found in declared.classes]
    built, failed, repeated = set(), {}, 0
    for path in sorted(out.glob("*/*/*/truth.json")):
        model_type, name, variant = path.parts[-4:-1]
        built.add((model_type, name, variant))
    for path in sorted(out.glob(f"*/*/*/{FAILED}")):
        model_type, name, variant = path.parts[-4:-1]
        if why := json.loads(path.read_text())["reason"]:
            failed[f"{model_type}/{name}/{variant}"] = why
        else:
            repeated += 1
    own = {(model_type, name) for model_type, name, _ in built}
    tried = own | {tuple(case.split("/")[:2]) for case in failed}
    summary: dict[str, Any] = {
        "types_known": len(known.types),
        "types_with_classes": len({model_type for model_type, _ in pairs}),
        "types_built": len({model_type for model_type, _ in own}),
        "classes_known": len(pairs),
        "classes_tried": len(tried),
        "classes_built": len(own),
        "cases_built": len(built),
        "cases_failed": len(failed),
        "cases_repeating_another": repeated,
        "failed": failed,
        "classes_not_built": sorted("/".join(pair) for pair in tried - own),
        "types_without_a_class": sorted(name for name, declared in known.types.items() if not declared.classes),
        "not_importable": dict(known.broken),
    }
    write(out / "summary.json", summary)
    return summary
