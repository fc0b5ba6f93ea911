"""The targets of a scheme: names, classes, globs and the regular expressions that follow `re:`.

They come from strangers, so no regular expression is compiled from one: each becomes a sequence of literal pieces with gaps
between them, which is searched in one pass over the name. What has no such form (look-around, back references) matches nothing.
Matching follows `is_match` of https://github.com/vllm-project/compressed-tensors/blob/main/src/compressed_tensors/utils/match.py:
a regular expression has to match from the start of the name.
"""

from dataclasses import dataclass
from itertools import product

REGEX = "re:"
MAX_LENGTH = 1_000  # characters of a pattern; real ones have a few dozen
MAX_ALTERNATIVES = 64  # of one pattern, all combinations of its groups
WILD = "*?[]"


def is_name(target: str) -> bool:
    """Whether `target` is the name of one module: no pattern, and no class."""
    is_pattern = target.startswith(REGEX) or any(one in target for one in WILD)
    return not is_pattern and not target[:1].isupper()


@dataclass(frozen=True, slots=True)
class Pattern:
    """One target, ready to be compared with names."""

    text: str
    alternatives: tuple[tuple[str, ...], ...]
    """Of each, the literal pieces in order, a gap of any length between two; an empty piece at an end is an open end."""

    @classmethod
    def parse(cls, target: str) -> "Pattern":
        """Read a target; one that cannot be followed matches nothing."""
        if len(target) > MAX_LENGTH:
            return cls(target, ())
        if target.startswith(REGEX):
            return cls(target, _expression(target.removeprefix(REGEX)))
        pieces = tuple(target.replace("?", "*").split("*"))
        return cls(target, () if "[" in target else (pieces,))

    def matches(self, module: str) -> bool:
        """Whether it matches the name of a module; a class (`Linear`) matches none, for names do not tell classes."""
        for pieces in self.alternatives:
            if _matches(pieces, module):
                return True
        return False


def _matches(pieces: tuple[str, ...], name: str) -> bool:
    if len(pieces) == 1:
        return name == pieces[0]
    first, *middle, last = pieces
    if not name.startswith(first):
        return False
    at = len(first)
    for piece in middle:
        found = name.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return len(name) - len(last) >= at and name.endswith(last)


def _expression(text: str) -> tuple[tuple[str, ...], ...]:
    """The alternatives of a regular expression in the common subset; none where it is not in it."""
    found, rest = _union(text.removeprefix("^"), 0, 0)
    if found is None or rest != len(text.removeprefix("^")):
        return ()
    # Matching from the start leaves the end open, unless the pattern closes it.
    return tuple(tuple((one[:-1] if one.endswith("$") else f"{one}\0").split("\0")) for one in found)


def _union(text: str, at: int, depth: int) -> tuple[list[str] | None, int]:
    """Alternatives up to the end or a closing parenthesis; gaps are written as NUL."""
    alternatives: list[str] = []
    branch = [""]
    while True:
        if at >= len(text) or text[at] in "|)":
            alternatives += branch
            if len(alternatives) > MAX_ALTERNATIVES:
                return None, at
            if at >= len(text) or text[at] == ")":
                return alternatives, at
            branch, at = [""], at + 1
            continue
        atoms, at = _atom(text, at, depth)
        if atoms is None or len(branch) * len(atoms) > MAX_ALTERNATIVES:
            return None, at
        if at < len(text) and text[at] in "*+?{":
            atoms, at = ["\0"], _after_repeat(text, at)
        branch = ["".join(pair) for pair in product(branch, atoms)]


def _atom(text: str, at: int, depth: int) -> tuple[list[str] | None, int]:
    """One atom: a character, a class of them (a gap), a group."""
    one = text[at]
    if one == "(":
        start = at + 3 if text.startswith("(?:", at) else at + 1
        if text.startswith("?", start) or depth > 8:
            return None, at
        inside, end = _union(text, start, depth + 1)
        return (inside, end + 1) if inside is not None and end < len(text) else (None, end)
    if one == "[":
        end = text.find("]", at + 2)
        return (["\0"], end + 1) if end > 0 else (None, at)
    if one == "\\":
        follower = text[at + 1 : at + 2]
        return (["\0"] if follower.isalnum() else [follower], at + 2)
    if one in "*+?{":
        return None, at
    # A bare dot is nearly always meant as one; "$" is kept for the end.
    is_wild_dot = one == "." and text[at + 1 : at + 2] in ("*", "+", "?")
    return (["\0"] if is_wild_dot else [one], at + 1)


def _after_repeat(text: str, at: int) -> int:
    if text[at] == "{":
        end = text.find("}", at)
        at = end if end > 0 else at
    at += 1
    return at + 1 if text[at : at + 1] in ("?", "+") else at
