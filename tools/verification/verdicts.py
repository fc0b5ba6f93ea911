"""All classes of a folder of observations beside the table: their verdicts, in sum and one by one."""

import json
import lzma
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from architectures.packed import SOURCE, pack
from memscan.architecture import layout
from memscan.architecture.fields import Fields
from memscan.architecture.table import block, family, packed
from verification.judge import EXACT, TOTAL, UNKNOWN, WRONG, Verdict, judge
from verification.narrowed import narrowed
from verification.publish import Seen, parts, published

SUFFIX = ".json.xz"
PARTLY = "partly"
SHOWN = 3  # reasons of one class
FEWEST = 20  # configs that a class is judged by


def judge_all(folder: Path, asked: Sequence[str]) -> None:
    """Print what is not exact, and how many classes are what."""
    summary: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    for model_type, record in records(folder, asked):
        for name, several in seen_in(model_type, record).items():
            words = Counter(one.verdict.word for one in several)
            answers += words
            summary[word_of(words)] += 1
            if words[EXACT] != len(several):
                print(f"{model_type} {name}: {dict(words)}")
                reasons = Counter((one.verdict.word, one.verdict.reason) for one in several if one.verdict.word != EXACT)
                for (word, reason), times in reasons.most_common(SHOWN):
                    print(f"    {times} {word}: {reason[:220]}")
    print(f"classes: {dict(summary)}; configs: {dict(answers)}")


def publish_all(folder: Path, asked: Sequence[str]) -> None:
    """Write into each file of the table what was verified of its classes; one that is wrong all the same is taken out again."""
    pack()  # the files may have been changed since
    _forget()
    types = list(asked or packed().places)
    found = verified({model_type: seen_in(model_type, record) for model_type, record in records(folder, types)})
    for model_type in types:
        values = _read(model_type)
        values.pop("verified", None)
        if found.get(model_type):
            values["verified"] = narrowed(model_type, found[model_type])
        _write(model_type, values)
    pack()
    while wrong := list(_wrong(folder, types)):
        for model_type, names in wrong:
            values = _read(model_type)
            for name in names:
                del values["verified"]["classes"][name]
            _write(model_type, values)
            print(f"{model_type}: {', '.join(names)} wrong, and not published")
        pack()


def verified(seen: Mapping[str, Mapping[str, Sequence[Seen]]]) -> dict[str, dict[str, Any]]:
    """What may be published of each model type, by the configs of its classes."""
    files = {model_type: _read(model_type) for model_type in seen}
    elsewhere: dict[str, list[Seen]] = {}
    for model_type, classes in seen.items():
        for several in classes.values():
            for other, found in parts(several, inside(files[model_type]), _type_inside(model_type)).items():
                elsewhere.setdefault(other, []).extend(found)
    return {
        model_type: published(classes, inside(files[model_type]), elsewhere.get(model_type, ()), ties=_may_tie(files[model_type]))
        for model_type, classes in seen.items()
    }


def _type_inside(model_type: str) -> Callable[[Seen, str], str]:
    kind = family(model_type)
    return lambda one, head: "" if kind is None else Fields(kind, one.config).type_inside(head)


def _may_tie(values: Mapping[str, Any]) -> bool:
    """Whether a class ties anything, and the config class leaves the choice."""
    ties = any(entry.get("tied") for entry in values["classes"].values())
    return ties and values["config"].get("ties") not in ("always", "never")


def _wrong(folder: Path, types: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The classes of each type of which memscan would say something wrong."""
    _forget()
    for model_type, record in records(folder, types):
        answers = answers_in(model_type, record)
        names = [name for name, verdicts in answers.items() if any(one.word == WRONG for one in verdicts)]
        if names:
            yield model_type, names


def _forget() -> None:
    """Read the table anew."""
    family.cache_clear()
    packed.cache_clear()
    block.cache_clear()


def _read(model_type: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((SOURCE / f"{model_type}.json").read_text())
    return values


def _write(model_type: str, values: Mapping[str, Any]) -> None:
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=True)
    (SOURCE / f"{model_type}.json").write_text(f"{text}\n", encoding="ascii")


def records(folder: Path, asked: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What was written down of each model type."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        name = path.name.removesuffix(SUFFIX)
        if (not asked or name in asked) and family(name) is not None:
            yield name, json.loads(lzma.decompress(path.read_bytes()))


def seen_in(model_type: str, record: Mapping[str, Any]) -> dict[str, tuple[Seen, ...]]:
    """The configs of each class with their verdicts."""
    configs = [{**config, "model_type": model_type} for config in record["configs"]]
    return {
        name: tuple(Seen(configs[i], observed["full"], judge(name, configs[i], observed)) for i, observed in values["seen"])
        for name, values in record["classes"].items()
    }


def answers_in(model_type: str, record: Mapping[str, Any]) -> dict[str, tuple[Verdict, ...]]:
    """What memscan says of the same configs: what was not verified is not known."""
    found: dict[str, tuple[Verdict, ...]] = {}
    for name, values in record["classes"].items():
        verdicts: list[Verdict] = []
        for number, observed in values["seen"]:
            config = {**record["configs"][number], "model_type": model_type}
            made = layout(name, model_type, config, sure=True)
            unsure = None if made is None else next(iter(made.unsure), None)
            verdicts.append(judge(name, config, observed) if unsure is None else Verdict(UNKNOWN, unsure))
        found[name] = tuple(verdicts)
    return found


def word_of(words: Mapping[str, int]) -> str:
    """One word for a class: wrong where one config is, partly where not all are exact."""
    if words.get(WRONG):
        return WRONG
    right = words.get(EXACT, 0) + words.get(TOTAL, 0)
    if right == sum(words.values()):
        return TOTAL if words.get(TOTAL) else EXACT
    return PARTLY if right else UNKNOWN


def inside(values: Mapping[str, Any]) -> frozenset[str]:
    """The configs inside whose models are described by entries of their own."""
    inlined = {path.partition(".")[0] for one in values["classes"].values() for path in one.get("inlined", ())}
    return frozenset(values["config"].get("subs", {})) - inlined
