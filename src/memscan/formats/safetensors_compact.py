"""The table of a safetensors header as its reference writer spells it, read without decoding each entry as JSON.

The writer (`serialize` of the Rust library, through serde_json) leaves no space, puts the keys of an entry in one order, and the
tensors in the order of their bytes: `"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},...`. Cut at its quotes, such a
table is ten columns, of which six are always the same, and each tensor's offsets follow from the tensors before. That is half of
the time and a third of the memory that general JSON takes; a table that differs in one character is not read here at all.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import accumulate, repeat
from operator import attrgetter

from memscan.document import decode
from memscan.errors import FormatError
from memscan.tensor import TensorInfo

QUOTE = '"'
END = "]}}"
COLUMNS = 10
NAMES, DTYPES, SHAPES, OFFSETS = 0, 4, 7, 9
DTYPE, SHAPE = attrgetter("dtype"), attrgetter("shape")
FIXED = {1: ":{", 2: "dtype", 3: ":", 5: ",", 6: "shape", 8: "data_offsets"}


def compact_tensors(text: str, at: int, checked: Callable[[str, object], TensorInfo]) -> tuple[list[TensorInfo], int] | None:
    """The tensors of the table whose first name starts at `at`, in order and without holes, and where the table ends.

    None where the table is spelled in any other way or is wrong. `checked` makes a tensor of its name and its decoded entry, or
    raises FormatError: it is asked for the first of each dtype and shape, and the others are compared with that.
    """
    stop = text.find(END, at) + len(END) - 1
    pieces = _pieces(text[at:stop]) if stop >= len(END) else []
    if not pieces:
        return None
    names, words, shapes, offsets = (pieces[column::COLUMNS] for column in (NAMES, DTYPES, SHAPES, OFFSETS))
    kinds = list(map(QUOTE.join, zip(words, shapes, strict=True)))
    known = _known(names, kinds, offsets, checked)
    if known is None:
        return None
    like = list(map(known.__getitem__, kinds))
    sizes = [one.nbytes for one in like]
    ends = list(accumulate(sizes))
    starts = [0, *ends[:-1]]
    if _spelled(starts, ends) != QUOTE.join(offsets):
        return None
    fields = zip(names, map(DTYPE, like), map(SHAPE, like), starts, sizes, repeat(""), repeat(None))
    return list(map(partial(tuple.__new__, TensorInfo), fields)), stop + 1


def _known(
    names: Sequence[str], kinds: Sequence[str], offsets: Sequence[str], checked: Callable[[str, object], TensorInfo]
) -> Mapping[str, TensorInfo] | None:
    """The first tensor of each dtype and shape; None where one is wrong."""
    known: dict[str, TensorInfo] = {}
    firsts = dict(zip(reversed(kinds), range(len(kinds) - 1, -1, -1), strict=True))
    for kind, first in firsts.items():
        word, shape = kind.split(QUOTE)
        entry = f'{{"dtype":"{word}","shape"{shape}"data_offsets"{offsets[first][:-1]}'
        try:
            known[kind] = checked(names[first], decode(entry, names[first]))
        except FormatError:
            return None
    return known


def _spelled(starts: Sequence[int], ends: Sequence[int]) -> str:
    """The offsets of tensors one after the other as pieces spell them, and between two a quote, which no piece holds."""
    words = [":[", "", ",", "", f"]}},{QUOTE}"] * len(starts)
    words[1::5], words[3::5] = map(str, starts), map(str, ends)
    return "".join(words)[: -len(QUOTE)]


def _pieces(table: str) -> list[str]:
    """`table` cut at its quotes; none where the pieces are not those of tensors with different names."""
    if not table.startswith(QUOTE) or "\\" in table:
        return []
    pieces = f"{table[1:]},".split(QUOTE)
    names = pieces[NAMES::COLUMNS]
    # No name may hold what JSON wants to be escaped; what else a table consists of is compared, or decoded.
    if len(pieces) % COLUMNS or len(set(names)) != len(names) or not "".join(names).isprintable():
        return []
    return pieces if all(pieces[column::COLUMNS] == [word] * len(names) for column, word in FIXED.items()) else []
