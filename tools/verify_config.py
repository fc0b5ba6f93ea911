"""Holds the architecture table to what torch makes of configs that it has not seen, class by class.

    python tools/verify_config.py observe FOLDER [MODEL_TYPE ...]     # builds; what is in the folder is not built again
    python tools/verify_config.py judge FOLDER [MODEL_TYPE ...]       # compares, and says what is not exact
    python tools/verify_config.py publish FOLDER [MODEL_TYPE ...]     # the same, and writes into the table what was verified
    python tools/verify_config.py report FOLDER                       # writes docs/accuracy-config.md
    python tools/verify_config.py counterexamples FOLDER MODEL_TYPE ...    # keeps configs that the next table has to be right for

SEED=WORD in the environment draws other configs: a table that was made of counterexamples is held to those of another seed. To
build needs torch and transformers, the rest does not, but to choose counterexamples; nothing is downloaded, and no model has
data. A class of which nothing is in the folder counts as not verified. See docs/architectures.md.
"""

import json
import lzma
import os
import sys
import warnings
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "oracle")]

WORKERS = int(os.environ.get("WORKERS", "1"))


def main(command: str, folder: Path, asked: list[str]) -> None:
    """Build, or compare."""
    if command == "observe":
        observe(folder, asked)
    elif command in ("judge", "publish"):
        from verification.verdicts import judge_all, publish_all

        (judge_all if command == "judge" else publish_all)(folder, asked)
    elif command == "counterexamples":
        from verification.counterexamples import write_counterexamples

        write_counterexamples(folder, asked)
    elif command == "report":
        from verification.document import write as write_document

        write_document(folder)
    else:
        raise SystemExit(__doc__)


def observe(folder: Path, asked: list[str]) -> None:
    """Write down what the classes of the model types hold, one file a type."""
    import torch
    import transformers

    from architectures.classes import families, with_classes
    from architectures.observe import mark_auto_classes, skip_initialization
    from architectures.packed import SOURCE
    from architectures.trace import watch
    from architectures.workers import Described, run
    from verification.describe import describe

    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    known = {family.model_type: family for family in families()}
    classes = {name: kind for family in known.values() for name, kind in family.classes.items()}
    mark_auto_classes()
    skip_initialization()
    watch()
    folder.mkdir(parents=True, exist_ok=True)
    types: dict[str, list[str]] = json.loads((SOURCE / "index.json").read_text())["types"]
    done = {path.name.removesuffix(".json.xz") for path in folder.glob("*.json.xz")}

    def described(name: str) -> Described:
        wanted = [kind for kind in types.get(name, ()) if kind in known[name].classes or kind in classes]
        more = {kind: classes[kind] for kind in wanted if kind not in known[name].classes}
        family = with_classes(known[name], more)
        return describe(family, wanted)

    wanted = [name for name in (asked or types) if name in known and (asked or name not in done)]
    for name, (found, failed), seconds in run(wanted, described, WORKERS):
        write(folder / f"{name}.json.xz", {"configs": [], "classes": {}, **found, "failed": failed})
        print(f"{name} {len(found.get('classes', ()))} {seconds:.0f} s {failed or ''}", flush=True)


def write(path: Path, values: dict[str, Any]) -> None:
    """A record, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_bytes(lzma.compress(json.dumps(values, separators=(",", ":")).encode(), preset=1))
    part.replace(path)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
