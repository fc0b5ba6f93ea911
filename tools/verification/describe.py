"""What all classes of one model type hold for configs that its table has not seen."""

import os
import zlib
from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel

from architectures.classes import Family
from architectures.family import accepts, asked, small
from architectures.probes import Probe, Tree, flat
from verification.observed import WAYS, observed, written
from verification.samples import sampler

WANTED = 24  # configs of a class; 20 at the least are judged
FEWEST = 3
SEED = os.environ.get("SEED", "verified")


def describe(family: Family, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The record of the classes `names` of `family`, and for each of which there is none the reason."""
    draws: list[tuple[Tree, tuple[Probe, ...]]] = []
    found: dict[str, Any] = {"configs": [], "classes": {}}
    failed: dict[str, str] = {}
    preferred = [name for name in family.auto.get("AutoModel", ()) if name in names]
    for name in dict.fromkeys((*preferred, *names)):
        kind = family.classes[name]
        best: list[tuple[int, Any]] = []
        reason = ""
        for tree, probes in draws:
            made, reason = _record(kind, probes, tree, found["configs"])
            best = max(best, made, key=len)
            if len(best) >= WANTED * 4 // 5:
                break
        if len(best) < WANTED * 4 // 5 and len(draws) < FEWEST:
            try:
                tree, probes, word = _samples(family, kind)
            except Exception as error:  # noqa: BLE001 -- a config class that cannot be made
                tree, probes, word = {}, (), f"{type(error).__name__}: {error}"[:160]
            made, reason = _record(kind, probes, tree, found["configs"]) if probes else ([], word)
            best = max(best, made, key=len)
            if len(made) >= WANTED * 4 // 5:
                draws.append((tree, probes))
        if len(best) < FEWEST:
            failed[name] = reason or "too few configs can be built"
            continue
        found["classes"][name] = {"seen": best}
    return found, failed


def _samples(family: Family, kind: type[PreTrainedModel]) -> tuple[Tree, tuple[Probe, ...], str]:
    reason = "no config can be built"
    for is_small in (False, True):
        tree = small(family, kind) if is_small else {}
        if tree is None:
            continue
        try:
            wishes = asked(family, kind, tree)
            drawn = sampler(family.config, accepts(kind), f"{SEED}/{family.model_type}/{kind.__name__}", tree, wishes)
            probes = tuple(drawn.samples(WANTED))
        except Exception as error:  # noqa: BLE001 -- a class that does not build from its defaults
            reason = f"{type(error).__name__}: {error}"[:160]
            continue
        if len(probes) >= FEWEST:
            return tree, probes, ""
    return {}, (), reason


def _property(config: PreTrainedConfig, path: str) -> Any:
    """A field that the config class computes, and does not write; None for one that is no number."""
    value: Any = config
    for step in path.split("."):
        value = getattr(value, step, None)
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _record(
    kind: type[PreTrainedModel], probes: Sequence[Probe], tree: Tree, configs: list[Any]
) -> tuple[list[tuple[int, Any]], str]:
    """What `kind` is in each of `probes` that it takes, by the place of the config among `configs`."""
    made: list[tuple[int, Any]] = []
    reason = ""
    for index, probe in enumerate(probes):
        try:
            seen, record = observed(kind, probe.config)
        except Exception as error:  # noqa: BLE001 -- a config that one class refuses
            reason = f"{type(error).__name__}: {error}"[:160]
            if index > 5 and not made:
                break
            continue
        values = written(probe.config, probe.changed, tree, WAYS[zlib.crc32(f"{kind.__name__}{index}".encode()) % len(WAYS)])
        values = {key: value for key, value in values.items() if key not in ("transformers_version", "architectures")}
        seen["reads"], seen["texts"] = sorted(record.reads), {path: sorted(words) for path, words in record.texts.items()}
        usual = flat(probe.config)
        seen["full"] = {path: usual[path] if path in usual else _property(probe.config, path) for path in record.reads}
        if values not in configs:
            configs.append(values)
        made.append((configs.index(values), seen))
    return made, reason
