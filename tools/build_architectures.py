"""Writes the architecture table: what every class of the installed transformers holds, as package data.

    python tools/build_architectures.py [MODEL_TYPE ...]

Needs torch and transformers; nothing is downloaded, and no model has data. Format: docs/architectures.md.
"""

import json
import os
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

# The oracle knows how to find a small config for a class that does not build from the defaults of its own.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "oracle")]

TABLE = Path(__file__).parents[1] / "src" / "memscan" / "architecture" / "table"
WORKERS = int(os.environ.get("WORKERS", "2"))


def main(asked: list[str]) -> None:
    """Write the files of `asked` model types, or of all; name those that have none, and why."""
    TABLE.mkdir(exist_ok=True)
    index_file = TABLE / "index.json"
    index: dict[str, Any] = json.loads(index_file.read_text()) if asked and index_file.exists() else {"types": {}, "failed": {}}
    index["renames"] = _legacy()
    with ProcessPoolExecutor(WORKERS, initializer=_start) as pool:
        names = asked or _names()
        jobs = {pool.submit(_describe, name): name for name in names}
        for job in as_completed(jobs):
            name = jobs[job]
            try:
                made, failed = job.result()
            except Exception as error:  # noqa: BLE001 -- one model type must not stop the others
                made, failed = {}, {"": f"{type(error).__name__}: {error}"[:200]}
            index["failed"].pop(name, None)
            if failed:
                index["failed"][name] = failed
            if made.get("classes"):
                text = json.dumps(made, separators=(",", ":"), ensure_ascii=True)
                (TABLE / f"{name}.json").write_text(f"{text}\n", encoding="ascii")
                index["types"][name] = sorted(made["classes"])
            print(name, len(made.get("classes", ())), failed or "", flush=True)
    import transformers

    index["transformers"] = transformers.__version__
    index["types"] = dict(sorted(index["types"].items()))
    index["failed"] = dict(sorted(index["failed"].items()))
    index_file.write_text(f"{json.dumps(index, separators=(',', ':'))}\n", encoding="ascii")


_state: dict[str, Any] = {}


def _start() -> None:
    import torch
    import transformers

    from architectures.classes import families
    from architectures.observe import Observer, mark_auto_classes, skip_initialization

    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    _state["families"] = {family.model_type: family for family in families()}
    known = {name: kind for family in _state["families"].values() for name, kind in family.classes.items()}
    _state["observer"] = Observer(known)
    mark_auto_classes()
    skip_initialization()


def _names() -> list[str]:
    from architectures.classes import families

    return [family.model_type for family in families()]


def _describe(name: str) -> tuple[dict[str, Any], dict[str, str]]:
    from architectures.family import describe

    made, failed = describe(_state["families"][name], _state["observer"])
    return made, dict(failed)


def _legacy() -> list[list[Any]]:
    """What loading renames for every class: asked of one small model."""
    from transformers import BertConfig, BertModel

    from architectures.entry import legacy_renames
    from architectures.observe import build

    return legacy_renames(build(BertModel, BertConfig(num_hidden_layers=1)))


if __name__ == "__main__":
    main(sys.argv[1:])
