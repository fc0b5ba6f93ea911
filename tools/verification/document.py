"""`docs/accuracy-config.md`: which classes are exact from their config alone, which are not known, and how sure that is."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from memscan.architecture import observed_release
from memscan.architecture.fields import Fields
from memscan.architecture.table import Family, family
from memscan.architecture.verified import unverified
from verification.judge import EXACT, TOTAL, UNKNOWN, WRONG, Verdict
from verification.publish import Seen
from verification.verdicts import FEWEST, PARTLY, answers_in, records, seen_in, verified, word_of

OUTPUT = Path(__file__).parents[2] / "docs" / "accuracy-config.md"
ACCURACY = OUTPUT.with_name("accuracy.md")
BEGIN = "<!-- from a config alone -->"
"""What stands behind it is written here, and kept by what writes the rest."""
SUMMARY = """Made by `tools/verify_config.py report`: each class of the table from its config alone, beside its own
`state_dict` on the meta device for 24 random configs that the table was not made of. The classes by name, and why one is
not known, are in [accuracy-config.md](accuracy-config.md)."""
WIDTH = 140
SEEN = 16  # configs of a class by which its limits are found, where the others are left to try them on
ORDER = (EXACT, PARTLY, TOTAL, UNKNOWN, WRONG)
MEANING = {
    EXACT: "every config exact: every name, every shape, and the number of parameters",
    PARTLY: "some configs exact, of the others it is said that they are not known",
    TOTAL: "every shape and the total right, and not known in which layers some tensors stand: said to be not known",
    UNKNOWN: "not known, for every config",
    WRONG: "wrong for a config",
}
MADE = """Made by `tools/verify_config.py report`, not edited by hand, of the table of {release}. Each class is built on torch's
meta device from 24 random configs that the table was not made of; a third of them is written as `save_pretrained`
does, a third with every field, a third with those fields alone that were changed. What memscan says of each, with
what was not verified left out, is compared with the `state_dict`. See [config.md](config.md) for what counts as
verified."""
FEW = """Of {few:,} classes fewer than {fewest} configs could be built. A class that is neither exact nor partly exact gives no
number."""
TRIED = """The values for which a class is verified are found by the same configs. Were they found by the first {seen} of each
class, then of the other {rest:,} configs {right} would be right, {unknown} not known, and **{wrong} wrong without a
word of it**."""
Classes = Mapping[tuple[str, str], Sequence[Verdict]]


def write(folder: Path) -> None:
    """The document of the observations in `folder`."""
    found: dict[tuple[str, str], Sequence[Verdict]] = {}
    seen: dict[str, Mapping[str, Sequence[Seen]]] = {}
    failed: dict[str, str] = {}
    for model_type, record in records(folder, ()):
        for name, verdicts in answers_in(model_type, record).items():
            found[model_type, name] = verdicts
        seen[model_type] = seen_in(model_type, record)
        failed |= {f"{model_type} {name}".strip(): why for name, why in record["failed"].items()}
    OUTPUT.write_text("\n".join(_lines(found, _held_out(seen), failed)) + "\n", encoding="utf-8")
    words = {key: word_of(Counter(one.word for one in verdicts)) for key, verdicts in found.items()}
    head = ACCURACY.read_text(encoding="utf-8").partition(BEGIN)[0]
    ACCURACY.write_text("\n".join((head + BEGIN, *_summary(words))) + "\n", encoding="utf-8")


def _summary(words: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """What the document of all accuracy says of it."""
    yield from ("", "## From a config alone", "", *_wrapped(SUMMARY), "")
    yield from _table_of(words)
    wrong = [name for (_, name), word in sorted(words.items()) if word == WRONG]
    yield from ("", *_wrapped(f"Wrong: {', '.join(wrong) or 'none'}."))


def _held_out(seen: Mapping[str, Mapping[str, Sequence[Seen]]]) -> Counter[str]:
    """What would be said of the last configs of each class, were its limits found by the others.

    The limits of the models inside it are not asked for here, so that less is refused than memscan refuses.
    """
    first = verified({kind: {name: several[:SEEN] for name, several in classes.items()} for kind, classes in seen.items()})
    counts: Counter[str] = Counter()
    for model_type, classes in seen.items():
        kind = family(model_type)
        trial = Family(model_type, {**({} if kind is None else kind.values), "verified": first[model_type]})
        for name, several in classes.items():
            for one in several[SEEN:]:
                refused = next(unverified(trial, name, Fields(trial, {**one.config, "model_type": model_type})), None)
                counts[UNKNOWN if refused is not None else one.verdict.word] += 1
    return counts


def _lines(found: Classes, tried: Mapping[str, int], failed: Mapping[str, str]) -> Iterator[str]:
    words = {key: word_of(Counter(one.word for one in verdicts)) for key, verdicts in found.items()}
    yield from ("# Accuracy from a config alone", "", *_wrapped(MADE.format(release=observed_release())), "", "## Counts", "")
    yield from _counts(words, Counter(one.word for verdicts in found.values() for one in verdicts))
    few = sum(1 for verdicts in found.values() if len(verdicts) < FEWEST)
    yield from ("", *_wrapped(FEW.format(few=few, fewest=FEWEST)), "", "## On configs that had no part in it", "")
    yield from _wrapped(TRIED.format(seen=SEEN, rest=sum(tried.values()), **_shares(tried)))
    for word in (WRONG, UNKNOWN, TOTAL, PARTLY):
        yield from ("", f"## {word.capitalize()}", "")
        yield from list(_reasons(found, words, word)) or ["None."]
    exact = [name for (_, name), one in sorted(words.items()) if one == EXACT]
    yield from ("", "## Exact", "", *_wrapped(", ".join(exact) or "None."))
    yield from (
        "",
        "## Not built",
        "",
        "Classes that no config could be found for.",
        "",
        *_wrapped(", ".join(sorted(failed)) or "None."),
    )


def _counts(words: Mapping[tuple[str, str], str], configs: Mapping[str, int]) -> Iterator[str]:
    answers = sum(configs.values())
    yield from _table_of(words)
    yield from ("", "| configs | |", "|---|---:|")
    for word in (EXACT, TOTAL, UNKNOWN, WRONG):
        yield f"| {word} | {configs[word]:,} ({_share(configs[word], answers)}) |"


def _table_of(words: Mapping[tuple[str, str], str]) -> Iterator[str]:
    counts = Counter(words.values())
    total = sum(counts.values())
    yield from ("| classes | | |", "|---|---:|---|")
    for word in ORDER:
        yield f"| {word} | {counts[word]:,} ({_share(counts[word], total)}) | {MEANING[word]} |"
    yield f"| all | {total:,} | |"


def _shares(tried: Mapping[str, int]) -> dict[str, str]:
    rest = sum(tried.values())
    counts = {"right": tried[EXACT] + tried[TOTAL], "unknown": tried[UNKNOWN], "wrong": tried[WRONG]}
    return {name: f"{count:,} ({_share(count, rest)})" for name, count in counts.items()}


def _reasons(found: Classes, words: Mapping[tuple[str, str], str], wanted: str) -> Iterator[str]:
    chosen = [key for key, word in sorted(words.items()) if word == wanted]
    if chosen:
        yield from ("| type | class | exact | first reason |", "|---|---|---:|---|")
    for model_type, name in chosen:
        verdicts = found[model_type, name]
        right = sum(one.word == EXACT for one in verdicts)
        reason = next(one.reason for one in verdicts if one.word != EXACT)
        yield f"| {model_type} | {name} | {right} of {len(verdicts)} | {_cell(reason)} |"


def _cell(text: str) -> str:
    return f"`{text[:150].replace('|', '/').replace('`', '')}`"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "0 %"
