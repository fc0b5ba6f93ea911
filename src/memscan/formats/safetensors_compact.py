"""The table of a safetensors header as its reference writer spells it, read without decoding each entry as JSON.

The writer (`serialize` of the Rust library, through serde_json) leaves no space, puts the keys of an entry in one order, and the
tensors in the order of their bytes: `"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},...`. Cut at its quotes, such a
table is ten columns, of which six are always the same, and each tensor's offsets follow from the tensors before. That is half of
the time and a third of the memory that general JSON takes; a table that differs in one character is not read here at all.
"""

from collections.abc import Callable

from memscan.document import decode
from memscan.errors import FormatError
from memscan.tensor import TensorInfo

QUOTE = '"'
END = "]}}"
COLUMNS = 10
NAMES, DTYPES, SHAPES, OFFSETS = 0, 4, 7, 9
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
    known: dict[tuple[str, str], TensorInfo] = {}
    tensors: list[TensorInfo] = []
    start = 0
    columns = (pieces[column::COLUMNS] for column in (NAMES, DTYPES, SHAPES, OFFSETS))
    for name, word, shape, offsets in zip(*columns, strict=True):
        like = known.get((word, shape))
        if like is None:
            entry = f'{{"dtype":"{word}","shape"{shape}"data_offsets"{offsets[:-1]}'
            try:
                like = known[word, shape] = checked(name, decode(entry, name))
            except FormatError:
                return None
        end = start + like.nbytes
        if offsets != f":[{start},{end}]}},":
            return None
        tensors.append(TensorInfo(name, like.dtype, like.shape, start, like.nbytes))
        start = end
    return tensors, stop + 1


def _pieces(table: str) -> list[str]:
    """`table` cut at its quotes; none where the pieces are not those of tensors with different names."""
    if not table.startswith(QUOTE) or "\\" in table or not table.isprintable():  # no escape, nor what JSON wants to be escaped
        return []
    pieces = f"{table[1:]},".split(QUOTE)
    names = pieces[NAMES::COLUMNS]
    if len(pieces) % COLUMNS or len(set(names)) != len(names):
        return []
    return pieces if all(set(pieces[column::COLUMNS]) == {word} for column, word in FIXED.items()) else []
