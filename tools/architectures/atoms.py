"""What expressions are made of: the fields of a config, and what is asked of them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from memscan.architecture.expression import NUMBER, UNKNOWN, evaluate, fields

Expression = int | str | list[Any]
Column = list[Any]
Vector = tuple[Any, ...]

# Fields that no shape can come from: what they happen to equal would only mislead.
BESIDE = re.compile(
    r"(use_cache|tie_word_embeddings|_token_ids?|_token|return_dict|dtype|initializer_range|_eps|_prob|rope_theta)$"
    r"|dropout|loss|_coef"
)
SWITCH = re.compile(r"use_\w+_token$")  # a parameter of the model, or none
STAGES = ("out_features", "out_indices")  # of a backbone: read behind the back of its config
MOST_STAGES = 12
RATIO = 1e4  # larger floats are no ratios


def atoms(
    probes: Sequence[Mapping[str, Any]], reads: frozenset[str] | None, asked: Iterable[Expression]
) -> list[tuple[Vector, Expression]]:
    """Every number that a field gives by itself, one a probe, simple ones first; None where it gives none.

    Of the fields only `reads`, if it is known which were read; `asked` are comparisons that were made.
    """
    names = sorted(name for name in {name for probe in probes for name in probe} if may_matter(name, reads))
    columns = {name: [probe.get(name) for probe in probes] for name in names}
    found: dict[Vector, Expression] = {}
    answers = ((values(rule, probes), rule) for rule in asked)
    for vector, expression in (*_of_fields(columns), *_of_ratios(columns), *answers):
        if vector not in found or weight(expression) < weight(found[vector]):
            found[vector] = expression
    return sorted(found.items(), key=lambda item: weight(item[1]))


def values(rule: Expression, probes: Sequence[Mapping[str, Any]]) -> Vector:
    """What `rule` gives in each probe; None where it gives nothing."""
    known = {path for path in fields(rule) if any(path in probe for probe in probes)}
    # A dict that does not hold a field leaves it open, as the fields do that are null.
    return tuple(
        evaluate(rule, lambda path, probe=probe: probe.get(path) if path in known or path[0] == NUMBER else UNKNOWN)
        for probe in probes
    )


def may_matter(name: str, reads: frozenset[str] | None) -> bool:
    """Whether a size can come from the field: of those that are read, if it is known which are."""
    if BESIDE.search(name) and not SWITCH.search(name):
        return False
    places = name.split(".")
    if places[-1] in STAGES:
        return True
    return reads is None or any(".".join(places[:end]) in reads for end in range(len(places), 0, -1))


def weight(expression: Expression) -> tuple[int, int, int, str]:
    """Simple expressions first: few nodes, fields of the config itself, short names."""
    text = str(expression)
    return _nodes(expression), text.count("."), len(text), text


def _nodes(expression: Expression) -> int:
    if isinstance(expression, list):
        return 1 + sum(map(_nodes, expression[1:]))
    return 1


def _of_fields(columns: Mapping[str, Column]) -> Iterator[tuple[Vector, Expression]]:
    for name, column in columns.items():
        if any(_is_int(value) for value in column):
            yield tuple(value if _is_int(value) else None for value in column), name
            yield tuple(int(_is_int(value) and value > 0) for value in column), ["positive", name]
        if any(isinstance(value, bool) for value in column):
            yield tuple(int(value is True) for value in column), ["true", name]
            yield tuple(int(value is not True) for value in column), ["false", name]
        if any(value is None for value in column) and any(value is not None for value in column):
            yield tuple(int(value is None) for value in column), ["none", name]
            yield tuple(int(value is not None) for value in column), ["some", name]
        for text in sorted({value for value in column if isinstance(value, str)}):
            yield tuple(int(value == text) for value in column), ["equal", name, text]
        if all(isinstance(value, list | tuple) for value in column):
            yield from _of_lists(name, column)


def _of_lists(name: str, column: Column) -> Iterator[tuple[Vector, Expression]]:
    yield tuple(len(value) for value in column), ["len", name]
    if all(0 < len(value) <= MOST_STAGES for value in column) and len({len(value) for value in column}) > 1:
        # What doubles from stage to stage.
        yield tuple(2 ** (len(value) - 1) for value in column), ["**", 2, ["-", ["len", name], 1]]
    if all(_is_int(item) for value in column for item in value):
        yield tuple(sum(value) for value in column), ["sum", name]
        for index in range(min(map(len, column), default=0)):
            yield tuple(value[index] for value in column), ["at", name, index]
        if all(column):
            yield tuple(value[-1] for value in column), ["at", name, -1]
    for text in sorted({item for value in column for item in value if isinstance(item, str)}):
        yield tuple(sum(item == text for item in value) for value in column), ["count", name, text]


def _of_ratios(columns: Mapping[str, Column]) -> Iterator[tuple[Vector, Expression]]:
    ratios = {name: column for name, column in columns.items() if all(_is_ratio(value) for value in column)}
    whole = {name: column for name, column in columns.items() if all(_is_int(value) for value in column)}
    for name, column in ratios.items():
        for other, numbers in whole.items():
            yield tuple(int(a * b) for a, b in zip(numbers, column, strict=True)), ["int*", other, name]
        if "rotary" in name:
            yield from _of_rotary(name, column, whole)


def _of_rotary(name: str, column: Column, whole: Mapping[str, Column]) -> Iterator[tuple[Vector, Expression]]:
    """The part of a head that is rotated, where the head's width is not a field."""
    heads = {other: numbers for other, numbers in whole.items() if other.endswith(("heads", "head")) and all(numbers)}
    widths = {other: numbers for other, numbers in whole.items() if other.endswith(("size", "dim", "embd", "model"))}
    for width, sizes in widths.items():
        for head, counts in heads.items():
            rotated = tuple(int(a // b * f) for a, b, f in zip(sizes, counts, column, strict=True))
            yield rotated, ["int*", ["//", width, head], name]


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_ratio(value: Any) -> bool:
    return isinstance(value, float) and 0 < abs(value) < RATIO
