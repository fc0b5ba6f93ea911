"""What the table says of one model type: its classes, and where the fields of its config come from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy

from transformers import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel

from architectures.classes import Family
from architectures.config_class import SEED, config_of
from architectures.counterexamples import counterexamples
from architectures.entry import Entry, entry
from architectures.fit import Fitter
from architectures.names import starred
from architectures.observe import Observation, Observer, build
from architectures.places import Places, reads_of
from architectures.probes import Asked, Probe, Prober, Tree, flat, make
from architectures.trace import traced

FEWEST = 3  # probes; fewer are too few to fit anything to
SMALL_HEAD = 12  # tensors
MANY = 48  # probes of a head


def describe(family: Family, observer: Observer) -> tuple[Entry, Mapping[str, str]]:
    """The file of `family`, and for each of its classes that has no entry the reason."""
    failed: dict[str, str] = {}
    probes, base = _probes(family)
    classes: dict[str, Entry] = {}
    for name, kind in family.classes.items():
        own = probes
        observed = _observed(kind, own, observer)
        if isinstance(observed, str):
            own, _ = _probes_of(family, kind)
            observed = _observed(kind, own, observer)
        if isinstance(observed, str):
            failed[name] = observed
        else:
            places = Places(observed, [flat(probe.config) for probe in own], _fitter(own, observed))
            classes[name] = entry(kind, observed, places, deepcopy(own[min(observed)].config))
    made: Entry = {
        "config": config_of(family, classes, base) if probes else {},
        "auto": {
            auto: kept for auto, names in sorted(family.auto.items()) if (kept := [name for name in names if name in classes])
        },
        "classes": classes,
    }
    return made, failed


def _observed(kind: type[PreTrainedModel], probes: Sequence[Probe], observer: Observer) -> Mapping[int, Observation] | str:
    """What `kind` is in each probe that it takes, or why it takes too few of them."""
    refused: frozenset[str] = frozenset()
    while True:
        observed, reason = _observed_once(kind, probes, observer, refused)
        if len(observed) < FEWEST:
            return reason
        # What is a part in one probe and none in another is none.
        places = {part.at for one in observed.values() for part in one.parts}
        mixed = places & frozenset().union(*(one.refused for one in observed.values()))
        if not mixed:
            return observed
        refused |= mixed


def _observed_once(
    kind: type[PreTrainedModel], probes: Sequence[Probe], observer: Observer, refused: frozenset[str]
) -> tuple[Mapping[int, Observation], str]:
    observed: dict[int, Observation] = {}
    reason = "no config can be built"
    for index, probe in enumerate(probes):
        if len(observed) > MANY and index % 3 and not probe.is_needed and all(_is_outer(one) for one in observed.values()):
            continue  # a head: what is its own is little, and seen soon
        try:
            observed[index] = observer.observe(kind, deepcopy(probe.config), refused)
        except Exception as error:  # noqa: BLE001 -- one config that one class refuses
            reason = f"{type(error).__name__}: {error}"[:160]
    return observed, reason


def _fitter(probes: Sequence[Probe], observed: Mapping[int, Observation]) -> Fitter:
    """One that knows which fields the code of a class reads, and what it compares."""
    comparisons = {text: rule for one in observed.values() for text, rule in one.asked.items()}
    return Fitter([flat(probe.config) for probe in probes], reads_of(observed), comparisons.values())


def _is_outer(one: Observation) -> bool:
    """Whether nearly all of it is other classes."""
    return bool(one.parts) and len(one.tensors) < SMALL_HEAD


def _probes(family: Family) -> tuple[Sequence[Probe], Tree]:
    """The probes of a family, and what was given to make its classes build: nothing, where their defaults do."""
    preferred = [*family.auto.get("AutoModel", ()), *family.classes]
    tried = False  # the search for a small config takes its time
    for name in dict.fromkeys(name for name in preferred if name in family.classes):
        found, base = _probes_of(family, family.classes[name], 2 if not tried else 1)
        tried = True
        if found:
            return (*found, *_counterexamples(family)), base
    return (), {}


def _counterexamples(family: Family) -> Iterator[Probe]:
    """What tables before were wrong about, where this config class takes it."""
    for values in counterexamples(family.model_type):
        try:
            yield Probe(family.config(**deepcopy(values)), {}, is_needed=True)
        except Exception:  # noqa: BLE001 -- a config class of another release
            continue


def _probes_of(family: Family, kind: type[PreTrainedModel], tries: int = 2) -> tuple[Sequence[Probe], Tree]:
    """Those that one class takes: from the defaults of its config, or from a small config that it can be built with."""
    for is_small in (False, True)[:tries]:
        tree = small(family, kind) if is_small else {}
        if tree is None:
            continue
        try:
            found = tuple(Prober(family.config, accepts(kind), SEED, tree, asked(family, kind, tree)).probes())
        except Exception:  # noqa: BLE001 -- the config class cannot be made so
            continue
        if len(found) >= FEWEST:
            return found, tree
    return (), {}


def asked(family: Family, kind: type[PreTrainedModel], tree: Tree) -> Asked:
    """What the code of a class asks for when it is built."""
    config = make(family.config, {}, tree)
    with traced(config) as record:
        build(kind, config)
    texts = {path: frozenset(words) for path, words in record.texts.items()}
    rules = [rule for rule in record.asked.values() if isinstance(rule, list) and rule[0] in ("==", "!=")]
    compared = {(left, right) for _, left, right in rules if isinstance(left, str) and isinstance(right, str) and left != right}
    return Asked(sorted(record.missing), sorted(compared), texts)


def accepts(kind: type[PreTrainedModel]) -> Callable[[PreTrainedConfig], frozenset[str] | None]:
    """Builds `kind` and tells the patterns of its tensors; None where it does not build."""

    def accepts(config: PreTrainedConfig) -> frozenset[str] | None:
        try:
            return frozenset(map(starred, build(kind, deepcopy(config)).state_dict()))
        except Exception:  # noqa: BLE001 -- whatever it was, this config is not to be built
            return None

    return accepts


def small(family: Family, kind: type[PreTrainedModel]) -> Tree | None:
    """Keyword arguments of a config that builds, as the oracle finds them."""
    from declared import installed
    from small_configs import UnbuildableError, small_config

    declared = installed().types.get(family.model_type)
    if declared is None or kind not in declared.classes:
        return None
    try:
        return small_config(declared, (kind,), seed=family.model_type).tree
    except UnbuildableError:
        return None
