"""The two sides in the words of a command line: two targets, or one with two revisions, `org/name@v1..v2`.

No revision holds `..` (git-check-ref-format, rule 3), so the word has one meaning.
"""

from collections.abc import Sequence

from memscan.document import shown
from memscan.errors import UsageError

BETWEEN = ".."
HUB = "hf://"
EXPECTED = "diff compares two models: give two targets (A B), or one with two revisions (org/name@v1..v2)"


def two_words(words: Sequence[str], revision: str | None) -> tuple[tuple[str, str | None], tuple[str, str | None]]:
    """Both targets, each with the revision to read beside what its word says; `revision` is the one given beside `words`.

    An empty revision is the main branch, as `v1..` and `..v2`. UsageError where the words are not two sides.
    """
    if len(words) == 2:
        if revision is not None and BETWEEN in revision:
            raise UsageError(f"--revision {shown(revision)} names two revisions, and two targets are given; give one target")
        return (words[0], revision), (words[1], revision)
    if len(words) != 1:
        raise UsageError(f"{len(words)} targets are given: {EXPECTED}")
    word = words[0]
    if revision is not None and BETWEEN in revision:
        first, second = _two(revision)
        return (word, first), (word, second)
    name, at, tail = word.partition("@")
    elsewhere = name.startswith((".", "/", "~")) or ("://" in name and not name.startswith(HUB))
    if not at or BETWEEN not in tail or elsewhere:
        raise UsageError(f"one target is given: {EXPECTED}")  # without the word: a URL may hold what is secret
    tail, path = _split(tail) if word.startswith(HUB) else (tail, "")
    first, second = _two(tail)
    return (_word(name, first, path), revision), (_word(name, second, path), revision)


def _two(text: str) -> tuple[str | None, str | None]:
    first, _, second = text.partition(BETWEEN)
    if BETWEEN in second or second.startswith(".") or not (first or second):
        raise UsageError(f"{shown(text)} are not two revisions; expected v1..v2, where one of them may be left out")
    return first or None, second or None


def _split(tail: str) -> tuple[str, str]:
    """The revisions of `hf://org/name@v1..v2/path`, and the path."""
    first, between, rest = tail.partition(BETWEEN)
    pieces = rest.split("/")
    length = 3 if pieces[0] == "refs" and len(pieces) >= 3 else 1
    return first + between + "/".join(pieces[:length]), "/".join(pieces[length:])


def _word(name: str, revision: str | None, path: str) -> str:
    return name + (f"@{revision}" if revision is not None else "") + (f"/{path}" if path else "")
