"""Writes the architecture table: what every class of the installed transformers holds, as package data.

    python tools/build_architectures.py [MODEL_TYPE ...]

Needs torch and transformers; nothing is downloaded, and no model has data. Format: docs/architectures.md.
"""

import json
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The oracle knows how to find a small config for a class that does not build from the defaults of its own.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "oracle")]

TABLE = Path(__file__).parent / "architectures" / "table"
WORKERS = int(os.environ.get("WORKERS", "2"))


def main(asked: list[str]) -> None:
    """Write the files of `asked` model types, or of all; name those that have none, and why."""
    import torch
    import transformers

    from architectures.classes import families, with_classes
    from architectures.family import describe
    from architectures.observe import Observer, mark_auto_classes, skip_initialization
    from architectures.packed import pack
    from architectures.trace import watch
    from architectures.workers import Described, run

    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    known = {family.model_type: family for family in families()}
    classes = {name: kind for family in known.values() for name, kind in family.classes.items()}
    observer = Observer(classes)
    mark_auto_classes()
    skip_initialization()
    watch()
    TABLE.mkdir(exist_ok=True)
    index_file = TABLE / "index.json"
    index = _index(index_file, asked)
    index["renames"] = _legacy()
    wanted, tried = asked or list(known), set()
    inside: dict[str, set[str]] = {}

    def described(name: str) -> Described:
        more = {kind: classes[kind] for kind in sorted(inside.get(name, ()))}
        return describe(with_classes(known[name], more), observer)

    while wanted:
        inside.update(_inside())
        tried |= {(name, kind) for name in wanted for kind in inside.get(name, ())}
        for name, (made, failed), seconds in run(wanted, described, WORKERS):
            _keep(index, name, made, failed)
            print(f"{name} {len(made.get('classes', ()))} {seconds:.0f} s {failed or ''}", flush=True)
        missing = {(name, kind) for name, kinds in _inside().items() for kind in kinds - set(index["types"].get(name, ()))}
        wanted = sorted({name for name, _ in missing - tried})
        if not wanted and missing:
            observer.inseparable |= {kind for _, kind in missing}
            wanted = sorted(_with_parts({kind for _, kind in missing}))
    index["transformers"] = transformers.__version__
    _write(index_file, {key: dict(sorted(value.items())) if isinstance(value, dict) else value for key, value in index.items()})
    pack()


def _keep(index: dict[str, Any], name: str, made: dict[str, Any], failed: dict[str, str]) -> None:
    """Write the file of a model type, or remove it, and change the index."""
    path = TABLE / f"{name}.json"
    path.unlink(missing_ok=True)
    index["failed"].pop(name, None)
    index["types"].pop(name, None)
    if failed:
        index["failed"][name] = failed
    if made.get("classes"):
        _write(path, made)
        index["types"][name] = sorted(made["classes"])


def _index(path: Path, asked: list[str]) -> dict[str, Any]:
    """That of the table as it is, where only some of it is made again."""
    if asked and path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    for old in TABLE.glob("*.json"):
        old.unlink()
    return {"types": {}, "failed": {}}


def _inside() -> dict[str, set[str]]:
    """For each model type the classes that other classes build from its config, whosever they are: `BertModel` in DPR."""
    files = {path.stem: json.loads(path.read_text()) for path in TABLE.glob("*.json") if path.name != "index.json"}
    found: dict[str, set[str]] = {}
    for name, values in files.items():
        for kind in values["classes"].values():
            for part in kind.get("parts", ()):
                owner: str | None = name
                for step in filter(None, part["config"].split(".")):
                    owner = files[owner]["config"].get("subs", {}).get(step) if owner in files else None
                if owner is not None and "class" in part:
                    found.setdefault(owner, set()).add(part["class"])
    return found


def _with_parts(kinds: set[str]) -> Iterator[str]:
    """The model types with a class that has one of `kinds` inside it."""
    for path in TABLE.glob("*.json"):
        classes = json.loads(path.read_text()).get("classes", {}).values()
        if any(part.get("class") in kinds for one in classes for part in one.get("parts", ())):
            yield path.stem


def _write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(f"{json.dumps(values, separators=(',', ':'), ensure_ascii=True)}\n", encoding="ascii")


def _legacy() -> list[list[Any]]:
    """What loading renames for every class: asked of one small model."""
    from transformers import BertConfig, BertModel

    from architectures.entry import legacy_renames
    from architectures.observe import build

    return legacy_renames(build(BertModel, BertConfig(num_hidden_layers=1)))


if __name__ == "__main__":
    main(sys.argv[1:])
