"""The files of the table in one, as the package carries them: types whose names stand side by side are compressed together.

`table.xz` begins with the length of its head in four bytes, the lowest first. The head is JSON: `transformers`, `renames`, and
the `blocks`, each with its length and the model types in it. Then the blocks, each the files of its types, a line a type. All
are compressed in xz, each by itself, so that one type costs one block.
"""

import json
import lzma
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parent / "table"
PACKED = Path(__file__).parents[2] / "src" / "memscan" / "architecture" / "table.xz"
TOGETHER = 16  # model types in a block: more are smaller, and slower to read one of


def pack() -> None:
    """Write the packed table."""
    PACKED.write_bytes(packed())


def packed() -> bytes:
    """The table in one piece."""
    index = json.loads((SOURCE / "index.json").read_text())
    types = sorted(index["types"])
    blocks: list[bytes] = []
    places: list[list[Any]] = []
    for start in range(0, len(types), TOGETHER):
        names = types[start : start + TOGETHER]
        block = _compressed("".join((SOURCE / f"{name}.json").read_text(encoding="ascii") for name in names).encode("ascii"))
        blocks.append(block)
        places.append([len(block), names])
    head = {"transformers": index["transformers"], "renames": index["renames"], "blocks": places}
    header = _compressed(json.dumps(head, separators=(",", ":")).encode("ascii"))
    return b"".join([len(header).to_bytes(4, "little"), header, *blocks])


def _compressed(raw: bytes) -> bytes:
    return lzma.compress(raw, check=lzma.CHECK_CRC32, preset=9 | lzma.PRESET_EXTREME)
