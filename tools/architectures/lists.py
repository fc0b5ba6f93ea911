"""Lists that a config class makes where none is given: a word for each layer, or the numbers of some layers."""

from collections.abc import Mapping, Sequence
from typing import Any

from architectures.atoms import Expression, may_matter
from architectures.literals import MOST_ROWS, MOST_TENSORS, Literals, at, spread_out
from memscan.architecture.expression import evaluate

LABELS = "num_labels"  # no layer depends on it


def list_of_words(bound: Expression, rows: Mapping[int, Sequence[str]], probes: Sequence[Mapping[str, Any]]) -> list[Any] | None:
    """A list with a word for each layer as a rule: [bound, [word, condition] ..., last word]; None where none was found."""
    places = [(i, (number,)) for i, words in rows.items() for number in range(len(words))]
    if (
        any(evaluate(bound, at(probes[i], ())) != len(words) for i, words in rows.items())
        or not places
        or len(places) > MOST_TENSORS
    ):
        return None
    kept = spread_out(places)
    words = sorted({word for one in rows.values() for word in one}, key=lambda word: (word == "full_attention", word))
    names = {name for probe in probes for name in probe if name != LABELS}
    literals = Literals(probes, kept, frozenset(name for name in names if may_matter(name, None)), [bound])
    found: list[Any] = [bound]
    for word in words[:-1]:
        rule = literals.find(sum(1 << n for n, (i, place) in enumerate(kept) if rows[i][place[0]] == word))
        if rule is None or any(evaluate(rule, at(probes[i], place)) != int(rows[i][place[0]] == word) for i, place in places):
            return None
        found.append([word, rule])
    return [*found, words[-1]]


def list_of_layers(bound: Expression, rows: Mapping[int, Sequence[int]], probes: Sequence[Mapping[str, Any]]) -> list[Any] | None:
    """A list of the numbers of layers as a rule: [bound, [null, condition]]; None where none was found."""
    counts = {i: evaluate(bound, at(probes[i], ())) for i in rows}
    if any(count is None or any(not 0 <= one < count for one in rows[i]) for i, count in counts.items()):
        return None
    places = [(i, (number,)) for i, count in counts.items() for number in range(count or 0)]
    if not places or len(places) > MOST_ROWS:
        return None
    if all(place[0] in rows[i] for i, place in places):
        return [bound, [None, 1]]
    names = {name for probe in probes for name in probe if name != LABELS}
    literals = Literals(probes, places, frozenset(name for name in names if may_matter(name, None)), [bound])
    rule = literals.find(sum(1 << n for n, (i, place) in enumerate(places) if place[0] in rows[i]))
    return None if rule is None else [bound, [None, rule]]
