"""What differs between two models, in every output format."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from memscan.budget import Finding
from memscan.compare import Change, Diff, Group, Kind, Level, Rule, Side
from memscan.report.csv import guarded
from memscan.report.diff_object import diff_object
from memscan.report.diff_words import (
    GROUP_COLUMNS,
    LEGEND,
    MODULE_COLUMNS,
    RULE_COLUMNS,
    SUMMARY_COLUMNS,
    group_rows,
    has_patterns,
    headline,
    kind_words,
    module_rows,
    note_lines,
    ordered,
    rule_rows,
    same_words,
    summary,
    tensor_rows,
    title,
    verdict,
)
from memscan.report.grid import grid
from memscan.report.json import dumps
from memscan.report.markdown import cell, code, table
from memscan.report.words import short

CSV_COLUMNS = (
    "before", "after", "change", "name", "old_name", "tensors", "dtype_before", "dtype_after", "shape_before", "shape_after",
    "before_bytes", "after_bytes", "growth_bytes",
)  # fmt: skip
TOP = 20
MODULES = 12  # rows of a table
FOLDED_MODULES = 100  # rows of a section that is folded
COMMENT = 65_000  # characters; GitHub takes comments of 65,536


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A comparison with what was asked of it."""

    diff: Diff
    finding: Finding | None = None
    """With a limit on the growth."""
    top: int = TOP
    """Lines of changes to show; the rest are summed up."""
    every: bool = False
    """Whether each tensor has a line of its own."""


def render_diff(shown: Shown, output: str) -> str:
    """The comparison in `output`, one of `memscan.report.FORMATS`, or `html`."""
    return _RENDERERS[output](shown)


def _table(shown: Shown) -> str:
    diff = shown.diff
    numbers = ("left", "right", "right", "right", "right")
    blocks = [title(diff), headline(diff), grid(summary(diff), SUMMARY_COLUMNS, layout="github", align=numbers)]
    rows = _change_rows(shown)
    if rows:
        align = ("left", "left", "right", "left", "right", "right")
        blocks.append(grid(rows, GROUP_COLUMNS, layout="github", align=align))
    if not shown.every and (renames := rule_rows(diff, shown.top)):
        blocks.append(grid(renames, RULE_COLUMNS, layout="github", align=("left", "left", "right", "right", "left")))
    if modules := module_rows(diff, MODULES):
        blocks.append(grid(modules, MODULE_COLUMNS, layout="github", align=numbers))
    foot = [*_foot(shown), *(f"Note: {line}" for line in note_lines(diff))]
    if shown.finding is not None:
        foot.append(verdict(shown.finding))
    return "\n\n".join([*blocks, *(["\n".join(foot)] if foot else [])])


def _change_rows(shown: Shown) -> list[tuple[str, ...]]:
    return list(tensor_rows(shown.diff)) if shown.every else group_rows(shown.diff, shown.top)


def _foot(shown: Shown) -> list[str]:
    diff = shown.diff
    same = same_words(diff)
    return [*([same] if same is not None else []), *([LEGEND] if not shown.every and has_patterns(diff) else [])]


def _markdown(shown: Shown) -> str:
    """As much as fits a comment; every tensor where that was asked for."""
    top, modules = shown.top, FOLDED_MODULES
    text = "\n".join(_markdown_lines(shown, modules))
    while len(text) > COMMENT and not shown.every and (top > 1 or modules > 1):
        top, modules = max(top // 2, 1), max(modules // 2, 1)
        text = "\n".join(_markdown_lines(replace(shown, top=top), modules))
    return text


def _markdown_lines(shown: Shown, most: int) -> Iterator[str]:
    diff = shown.diff
    first, second = title(diff).split("\n")
    yield from (f"### {code(short(diff.before.origin.requested))} → {code(short(diff.after.origin.requested))}", "")
    if shown.finding is not None:
        yield from (f"**{cell(verdict(shown.finding))}**", "")
    yield from (cell(headline(diff)), "", cell(first), "", cell(second), "")
    yield from table(SUMMARY_COLUMNS, summary(diff))
    if rows := _change_rows(shown):
        yield from ("", *_changes(rows))
    if not shown.every and (renames := rule_rows(diff, shown.top)):
        yield from ("", f"| {' | '.join(RULE_COLUMNS)} |", "|:--|:--|--:|--:|:--|")
        yield from (f"| {' | '.join(map(cell, row))} |" for row in renames)
    if modules := module_rows(diff, most):
        yield from ("", "<details><summary>Modules</summary>", "", *table(MODULE_COLUMNS, modules), "", "</details>")
    lines = [*_foot(shown), *note_lines(diff)]
    if lines:
        yield from ("", *(f"- {cell(line)}" for line in lines))


def _changes(rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield from (f"| {' | '.join(GROUP_COLUMNS)} |", "|:--|:--|--:|:--|--:|--:|")
    yield from (f"| {' | '.join(map(cell, row))} |" for row in rows)


def _json(shown: Shown) -> str:
    return dumps(diff_object(shown.diff, shown.finding, every=shown.every))


def _csv(shown: Shown) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    diff = shown.diff
    sides = (guarded(diff.before.origin.requested), guarded(diff.after.origin.requested))
    writer.writerows((*sides, *row) for row in _csv_rows(shown))
    return text.getvalue().rstrip("\n")


def _csv_rows(shown: Shown) -> Iterator[tuple[object, ...]]:
    """The totals, then what makes them up: the changes, what was renamed, what is unchanged."""
    diff = shown.diff
    before, after = diff.before, diff.after
    count = "" if after.count is None else after.count
    yield ("total", "", "", count, "", "", "", "", before.nbytes, after.nbytes, diff.growth)
    if diff.level is Level.TOTALS:
        yield from _csv_dtypes(before, after)
        return
    if shown.every:
        yield from map(_csv_tensor, ordered(diff))
    else:
        yield from map(_csv_group, diff.groups)
        yield from map(_csv_rule, diff.pure_renames)
    same = diff.same
    yield ("unchanged", "", "", same.tensors, "", "", "", "", same.before_bytes, same.after_bytes, 0)


def _csv_dtypes(before: Side, after: Side) -> Iterator[tuple[object, ...]]:
    if not (before.dtypes and after.dtypes):
        return
    for name in dict.fromkeys([*after.dtypes, *before.dtypes]):
        old, new = before.dtypes.get(name), after.dtypes.get(name)
        sizes = (0 if old is None else old.nbytes, 0 if new is None else new.nbytes)
        word = guarded(name)
        yield ("in dtype", "", "", 0 if new is None else new.tensors, word, word, "", "", *sizes, sizes[1] - sizes[0])


def _csv_group(group: Group) -> tuple[object, ...]:
    shapes = ("" if shape is None else "x".join(map(str, shape)) for shape in group.shapes)
    dtypes = ("" if name is None else guarded(name) for name in group.dtypes)
    return (
        kind_words(group.kinds), guarded(group.pattern), guarded(group.old_pattern or ""), group.tensors, *dtypes, *shapes,
        group.before_bytes, group.after_bytes, group.growth,
    )  # fmt: skip


def _csv_rule(rule: Rule) -> tuple[object, ...]:
    return ("renamed", guarded(rule.after), guarded(rule.before), rule.tensors, "", "", "", "", rule.nbytes, rule.nbytes, 0)


def _csv_tensor(change: Change) -> tuple[object, ...]:
    before, after = change.before, change.after
    both = (before, after)
    old = before.name if before is not None and Kind.RENAMED in change.kinds else ""
    return (
        kind_words(change.kinds), guarded(change.name), guarded(old), 1,
        *("" if one is None else guarded(one.dtype.name) for one in both),
        *("" if one is None else "x".join(map(str, one.shape)) for one in both),
        *(0 if one is None else one.nbytes for one in both), change.growth,
    )  # fmt: skip


def _html(shown: Shown) -> str:
    from memscan.report.html.diffs import diff_page

    return diff_page(
        shown.diff, changes=_change_rows(shown), renames=[] if shown.every else rule_rows(shown.diff, shown.top),
        verdict="" if shown.finding is None else verdict(shown.finding), notes=[*_foot(shown), *note_lines(shown.diff)],
    )  # fmt: skip


_RENDERERS: Mapping[str, Callable[[Shown], str]] = {
    "table": _table,
    "json": _json,
    "markdown": _markdown,
    "csv": _csv,
    "html": _html,
}
