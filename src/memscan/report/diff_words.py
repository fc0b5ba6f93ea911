"""The cells and sentences of a comparison, as the table and the markdown share them."""

from collections.abc import Iterable, Iterator, Sequence

from memscan.budget import Finding, Outcome
from memscan.compare import Change, Diff, Group, Kind, Level, Match, Node, Rule, Side
from memscan.printable import safe
from memscan.report.words import short
from memscan.units import iec_bytes, plural

SUMMARY_COLUMNS = ("", "Before", "After", "Change", "Share")
GROUP_COLUMNS = ("Change", "Tensors", "Count", "What", "Bytes", "Size")
RULE_COLUMNS = ("Renamed from", "To", "Tensors", "Size", "Known by")
MODULE_COLUMNS = ("Module", "Before", "After", "Change", "Share")
LEGEND = "In names * is a number, ** the rest of the name."
MATCHES = {
    Match.NAME: "name",
    Match.PREFIX: "the rest of the name, and shape",
    Match.LIKENESS: "shape, block and a name that is alike",
    Match.PLACE: "shape, dtype and block alone",
}
MAX_DTYPES = 6  # rows of the summary
LEVELS = {
    Level.TENSORS: "",
    Level.MODULES: "; by modules, as the saved tree has no tensors",
    Level.TOTALS: "; sums alone, as the saved report has no tensors",
}


def title(diff: Diff) -> str:
    """Which models, and which scope of them; in a second line how finely, where not by tensors."""
    scope = diff.after.scope
    classes = list(dict.fromkeys(side.class_name for side in (diff.before, diff.after) if side.class_name is not None))
    named = f" ({', '.join(map(safe, classes))})" if classes else ""
    return f"{side_words(diff.before)} -> {side_words(diff.after)}\nScope {scope}{named}{LEVELS[diff.level]}"


def side_words(side: Side) -> str:
    """A model, with the saved report that it was read from."""
    return short(side.name) + (f" (saved in {short(side.saved)})" if side.saved is not None else "")


def headline(diff: Diff) -> str:
    """The growth in one sentence."""
    growth = diff.growth
    if diff.is_empty:
        counted = "" if diff.after.count is None else f"{plural(diff.after.count, 'tensor')}, "
        return f"No difference: {counted}{diff.after.nbytes:,} bytes ({iec_bytes(diff.after.nbytes)}) in both"
    if not growth:
        return f"Different, and of the same size: {diff.after.nbytes:,} bytes ({iec_bytes(diff.after.nbytes)})"
    share = share_words(diff.before.nbytes, diff.after.nbytes)
    verb = "Grows" if growth > 0 else "Shrinks"
    return f"{verb} by {abs(growth):,} bytes ({iec_bytes(abs(growth))}{f', {share}' if share else ''})"


def verdict(finding: Finding) -> str:
    """What came of the limit, in one sentence."""
    word = "Exceeded" if finding.outcome is Outcome.EXCEEDED else "Within" if finding.outcome is Outcome.WITHIN else "Not known"
    return f"{word}: {safe(finding.message)}"


def share_words(before: int, after: int) -> str:
    """`+21.6 %`; nothing where nothing changed, or where there was nothing before."""
    if not before or after == before:
        return ""
    percent = 100 * (after - before) / before
    return f"{percent:+,.1f} %" if abs(percent) >= 0.1 else f"{percent:+.1g} %"


def growth_size(growth: int) -> str:
    """`+89.42 MiB`."""
    return f"{'-' if growth < 0 else '+' if growth else ''}{iec_bytes(abs(growth))}"


def summary(diff: Diff) -> list[tuple[str, ...]]:
    """Totals of both sides."""
    before, after = diff.before, diff.after
    rows = [_counts("Bytes", before.nbytes, after.nbytes), _sizes("Size", before.nbytes, after.nbytes, share=False)]
    rows.append(_counts("Parameters", before.parameters, after.parameters))
    if before.count is not None or after.count is not None:
        rows.append(_counts("Tensors", before.count, after.count))
    if before.dtypes and after.dtypes:
        names = list(dict.fromkeys([*after.dtypes, *before.dtypes]))
        for name in names[:MAX_DTYPES]:
            old, new = (side.dtypes[name].nbytes if name in side.dtypes else 0 for side in (before, after))
            rows.append(_sizes(f"in {short(name)}", old, new))
    if before.largest_layer is not None and after.largest_layer is not None:
        rows.append(_sizes("Largest layer", before.largest_layer.nbytes, after.largest_layer.nbytes))
    return rows


def _counts(name: str, before: int | None, after: int | None) -> tuple[str, ...]:
    cells = tuple("not known" if value is None else f"{value:,}" for value in (before, after))
    if before is None or after is None:
        return (name, *cells, "not known", "")
    return (name, *cells, f"{after - before:+,}" if after != before else "0", share_words(before, after))


def _sizes(name: str, before: int, after: int, *, share: bool = True) -> tuple[str, ...]:
    change = growth_size(after - before)
    return (name, iec_bytes(before), iec_bytes(after), change, share_words(before, after) if share else "")


def group_rows(diff: Diff, top: int | None) -> list[tuple[str, ...]]:
    """A row for each group, the largest first; beyond `top` of them one row for the rest."""
    shown = diff.groups if top is None else diff.groups[:top]
    rest = diff.groups[len(shown) :]
    return [*(_group(group, diff.level) for group in shown), *([_rest(rest)] if rest else [])]


def _group(group: Group, level: Level) -> tuple[str, ...]:
    name = short(group.pattern) + (f" (was {short(group.old_pattern)})" if group.old_pattern is not None else "")
    count = " x ".join(f"{extent:,}" for extent in group.extents if extent > 1) or f"{group.tensors:,}"
    what = _what(group.dtypes, group.shapes, level)
    return kind_words(group.kinds), name, count, what, _signed(group.growth), growth_size(group.growth)


def _rest(groups: Sequence[Group]) -> tuple[str, ...]:
    growth = sum(group.growth for group in groups)
    count = sum(group.tensors for group in groups)
    kinds = {kind for group in groups for kind in group.kinds}
    words = " / ".join(kind.value for kind in Kind if kind in kinds)
    return words, f"and {len(groups):,} more such lines", f"{count:,}", "", _signed(growth), growth_size(growth)


def tensor_rows(diff: Diff) -> Iterator[tuple[str, ...]]:
    """A row for each tensor that differs, group by group, then those that are only renamed."""
    for change in ordered(diff):
        before, after = change.before, change.after
        name = short(change.name) + (
            f" (was {short(before.name)})" if before is not None and Kind.RENAMED in change.kinds else ""
        )
        dtypes = (None if before is None else before.dtype.name, None if after is None else after.dtype.name)
        shapes = (None if before is None else before.shape, None if after is None else after.shape)
        what = _what(dtypes, shapes, diff.level)
        yield kind_words(change.kinds), name, "1", what, _signed(change.growth), growth_size(change.growth)


def ordered(diff: Diff) -> Iterator[Change]:
    """The changes group by group, then pure renames."""
    for group in diff.groups:
        yield from group.changes
    yield from (change for change in diff.changes if change.kinds == (Kind.RENAMED,))


def kind_words(kinds: Iterable[Kind]) -> str:
    """`renamed + resized`."""
    return " + ".join(kind.value for kind in kinds)


def _what(
    dtypes: tuple[str | None, str | None], shapes: tuple[tuple[int, ...] | None, tuple[int, ...] | None], level: Level
) -> str:
    """What it was and what it is; once, where that is the same."""
    if level is Level.MODULES:
        counts = [f"{shape[0]:,}" for shape in shapes if shape]
        return f"{' -> '.join(dict.fromkeys(counts))} elements" if counts else ""
    names = [safe(name) for name in dtypes if name is not None]
    forms = [_shape(shape) for name, shape in zip(dtypes, shapes, strict=True) if name is not None]
    if len(set(forms)) == 1:
        return f"{' -> '.join(dict.fromkeys(names))} {forms[0]}"
    if len(set(names)) == 1:
        return f"{names[0]} {' -> '.join(forms)}"
    return " -> ".join(f"{name} {form}" for name, form in zip(names, forms, strict=True))


def _shape(shape: tuple[int, ...] | None) -> str:
    return "of several shapes" if shape is None else short(f"[{', '.join(map(str, shape))}]")


def _signed(growth: int) -> str:
    return f"{growth:+,}" if growth else "0"


def has_patterns(diff: Diff) -> bool:
    """Whether a name that is shown needs the legend."""
    names = (*(group.pattern for group in diff.groups), *(rule.before for rule in diff.renames))
    return any("*" in name for name in names)


def rule_rows(diff: Diff, top: int | None) -> list[tuple[str, ...]]:
    """A row for each rule of renaming."""
    shown = diff.renames if top is None else diff.renames[:top]
    rest = diff.renames[len(shown) :]
    return [*map(_rule, shown), *([_more(rest)] if rest else [])]


def _rule(rule: Rule) -> tuple[str, ...]:
    return short(rule.before), short(rule.after), f"{rule.tensors:,}", iec_bytes(rule.nbytes), MATCHES[rule.match]


def _more(rest: Sequence[Rule]) -> tuple[str, ...]:
    tensors, nbytes = sum(rule.tensors for rule in rest), sum(rule.nbytes for rule in rest)
    return f"and {len(rest):,} more such lines", "", f"{tensors:,}", iec_bytes(nbytes), ""


def module_rows(diff: Diff, most: int) -> list[tuple[str, ...]]:
    """The modules that grew or shrank, at most so many, those with the most bytes, in the order of the tree."""
    grown = [node for _, node in diff.modules.walk() if node.growth]
    kept = {id(node) for node in sorted(grown, key=lambda node: -abs(node.growth))[:most]}
    return [_module(node) for node in grown if id(node) in kept]


def _module(node: Node) -> tuple[str, ...]:
    return _sizes(short(node.name), node.before_bytes, node.after_bytes)


def same_words(diff: Diff) -> str | None:
    """What did not change, where tensors are known."""
    if diff.level is not Level.TENSORS or diff.is_empty:
        return None
    return (
        f"{plural(diff.same.tensors, 'tensor')} unchanged, {diff.same.after_bytes:,} bytes ({iec_bytes(diff.same.after_bytes)})"
    )


def note_lines(diff: Diff) -> list[str]:
    """What is to be said of both sides, once where it is said of both."""
    before, after = ([note.message for note in side.notes] for side in (diff.before, diff.after))
    both = [message for message in dict.fromkeys(before) if message in after]
    return [
        *(safe(message) for message in both),
        *(f"before: {safe(message)}" for message in dict.fromkeys(before) if message not in both),
        *(f"after: {safe(message)}" for message in dict.fromkeys(after) if message not in both),
    ]
