"""Make `src/memscan/fit/module_order.json`: the modules of transformers' classes in the order in which they are defined.

A device map is filled in that order, a module that is not to be split is placed as one, and modules without tensors have places
too. The architecture table knows tensors, and a checkpoint is in an order of its own. Format: `memscan.fit.module_order`.

    .venv/bin/python tools/build_module_order.py [MODEL_TYPE ...]

Needs torch and transformers; nothing is downloaded, and no model has data. Model types that are named are made anew, the others
are kept.
"""

import json
import logging
import os
import sys
import warnings
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "oracle")]

OUTPUT = Path(__file__).parents[1] / "src/memscan/fit/module_order.json"
TABLE = Path(__file__).parent / "architectures/table"
WORKERS = int(os.environ.get("WORKERS", "1"))
WHOLE, PART, BARE, LACKED = "!", "@", "-", "~"
VARIATIONS = 3  # of the config, so that what a default config has not is seen too


def main(asked: list[str]) -> None:
    """Write the file."""
    import torch
    import transformers

    from architectures.classes import families
    from architectures.observe import skip_initialization
    from architectures.workers import run

    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    skip_initialization()
    known = {family.model_type: family for family in families()}
    types = json.loads(OUTPUT.read_text())["types"] if asked and OUTPUT.exists() else {}
    wanted = asked or [path.stem for path in sorted(TABLE.glob("*.json")) if path.stem in known]

    def described(name: str) -> tuple[dict[str, Any], dict[str, str]]:
        return _described(known[name])

    for name, (made, failed), seconds in run(wanted, described, WORKERS):
        types[name] = made
        print(f"{name} {len(made)} {seconds:.0f} s {failed or ''}", flush=True)
    document = {"transformers": transformers.__version__, "types": {name: types[name] for name in sorted(types) if types[name]}}
    OUTPUT.write_text(json.dumps(document, separators=(",", ":")).replace('},"', '},\n"') + "\n")
    print(f"{len(document['types'])} model types, {OUTPUT.stat().st_size:,} bytes")


def _described(family: Any) -> tuple[dict[str, Any], dict[str, str]]:
    entries = json.loads((TABLE / f"{family.model_type}.json").read_text())["classes"]
    made, failed = {}, {}
    for name, kind in family.classes.items():
        if name in entries:
            parts = tuple(part["at"] for part in entries[name].get("parts", ()))
            models, reason = _built(family, kind)
            if models:
                made[name] = _merged([_order(model, parts) for model in models])
            else:
                failed[name] = reason
    return made, failed


def _built(family: Any, kind: Any) -> tuple[list[Any], str]:
    """`kind` built from the defaults of its config, or from a small one, and from variations; why not, where from none."""
    from architectures.family import SEED, small
    from architectures.observe import build
    from architectures.probes import make, variations

    found: list[Any] = []
    reason = "no config can be built"
    for is_small in (False, True):
        tree = small(family, kind) if is_small else {}
        if tree is None or found:
            continue
        try:
            found.append(build(kind, make(family.config, {}, tree)))
            changes = variations(family.config, SEED, tree)
        except Exception as error:  # noqa: BLE001 -- whatever it was: the class has no entry then
            reason = f"{type(error).__name__}: {error}"[:160]
            continue
        for changed in changes:
            with suppress(Exception):
                found.append(build(kind, make(family.config, changed, tree)))
            if len(found) > VARIATIONS:
                break
    return found, reason


def _order(model: Any, parts: tuple[str, ...], whole: frozenset[str] | None = None) -> dict[str, str]:
    """The patterns of the modules in order, with their marks; without what stands below one that has a mark."""
    from architectures.names import starred

    whole = frozenset(model._no_split_modules or ()) if whole is None else whole  # noqa: SLF001
    modules = dict(model.named_modules(remove_duplicate=False))
    alike: dict[str, list[str]] = {}
    for name in modules:
        alike.setdefault(starred(name), []).append(name)
    found: dict[str, str] = {}
    closed: set[str] = set()
    for name, module in modules.items():
        if not name or any(name.startswith(f"{one}.") for one in closed):
            continue
        above, dot, last = name.rpartition(".")
        mark = _mark(module, whole)
        if mark != WHOLE and starred(name) in parts:
            mark = PART
        if mark:
            closed.add(name)
        # The number of one without tensors is its name: what stands beside it may have some.
        pattern = f"{starred(above)}{dot}{last}" if mark == BARE else starred(name)
        if mark == BARE and not all(f"{one}{dot}{last}" in modules for one in alike[starred(above)]):
            continue  # in some of the layers only
        found[pattern] = found.get(pattern) or mark
        if mark == PART:
            found.update({f"{pattern}.{inner}": each for inner, each in _different(module, whole).items()})
    return found


def _mark(module: Any, whole: frozenset[str]) -> str:
    if type(module).__name__ in whole:
        return WHOLE
    return "" if any(True for _ in (*module.parameters(), *module.buffers())) else BARE


def _different(module: Any, whole: frozenset[str]) -> dict[str, str]:
    """What is marked otherwise in a class inside another, whose modules that stay `whole` count, than in that class by itself."""
    from architectures.observe import build

    try:
        alone = _order(build(type(module), deepcopy(module.config)), ())
    except Exception:  # noqa: BLE001 -- it cannot be built by itself
        return {}
    here = _order(module, (), whole)
    lacked = {pattern: LACKED for pattern, mark in alone.items() if mark == BARE and pattern not in here}
    return lacked | {pattern: mark for pattern, mark in here.items() if mark in (WHOLE, BARE) and alone.get(pattern) != mark}


def _merged(orders: list[dict[str, str]]) -> list[str]:
    """One order of all, what only some have behind what it follows in them."""
    merged = list(orders[0])
    for order in orders[1:]:
        before = ""
        for pattern in order:
            if pattern not in merged:
                merged.insert(merged.index(before) + 1 if before else 0, pattern)
            before = pattern
    return [pattern + _agreed(pattern, orders) for pattern in merged]


def _agreed(pattern: str, orders: list[dict[str, str]]) -> str:
    """The mark of `pattern`; a module that has tensors, or is absent, in some configs is not sure to be there without any."""
    above = pattern.rpartition(".")[0]
    marks = {order[pattern] for order in orders if pattern in order}
    if BARE not in marks:
        return next((mark for mark in (PART, WHOLE, LACKED) if mark in marks), "")
    return BARE if all(order.get(pattern) == BARE for order in orders if not above or above in order) else ""


if __name__ == "__main__":
    main(sys.argv[1:])
