"""Open every header-only fixture with the reference readers: ``python tools/check_fixtures.py``.

Each ``.head`` becomes a sparse file of the true size in a temporary folder. safetensors (with torch) and
huggingface_hub must read it and agree with the header about every name, shape and number of bytes.
"""

import argparse
import json
import math
import tempfile
from pathlib import Path
from typing import Any

from huggingface_hub import get_local_safetensors_metadata
from safetensors import safe_open

from fixture_headers import BITS, INDEX_NAME

HUB = Path(__file__).resolve().parent.parent / "fixtures" / "hub"
SUFFIX = ".head"


def read_head(path: Path) -> dict[str, Any]:
    """The tensors that a head names."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    if len(raw) != 8 + length:
        raise SystemExit(f"{path} has {len(raw)} bytes, its length field says {8 + length}")
    tensors: dict[str, Any] = json.loads(raw[8:])
    tensors.pop("__metadata__", None)
    return tensors


def materialise(head: Path, target: Path) -> int:
    """Write the head and extend the file to its true size without writing the rest; returns that size."""
    raw = head.read_bytes()
    end = max(int(tensor["data_offsets"][1]) for tensor in read_head(head).values())
    with target.open("wb") as file:
        file.write(raw)
        file.truncate(len(raw) + end)
    return len(raw) + end


def check_file(head: Path, target: Path) -> tuple[int, int]:
    """Compare one file with what safetensors reads from it; returns elements and bytes of its data."""
    tensors = read_head(head)
    size = materialise(head, target)
    elements = bits = 0
    with safe_open(target, framework="pt") as file:
        if set(file.keys()) != set(tensors):
            raise SystemExit(f"{head}: safetensors sees other names")
        for name, tensor in tensors.items():
            if file.get_slice(name).get_shape() != tensor["shape"]:
                raise SystemExit(f"{head}: safetensors sees another shape of {name}")
            elements += math.prod(tensor["shape"])
            bits += math.prod(tensor["shape"]) * BITS[tensor["dtype"]]
    if size != head.stat().st_size + bits // 8:
        raise SystemExit(f"{head}: the offsets end at {size}, the shapes say {head.stat().st_size + bits // 8}")
    return elements, bits // 8


def check_repository(folder: Path, scratch: Path) -> str:
    """Check all files of a repository, its index, and that huggingface_hub counts the same elements."""
    elements = size = 0
    names: dict[str, str] = {}
    heads = sorted(folder.rglob(f"*{SUFFIX}"))
    for head in heads:
        target = scratch / head.name.removesuffix(SUFFIX)
        counted, stored = check_file(head, target)
        elements, size = elements + counted, size + stored
        names |= dict.fromkeys(read_head(head), target.name)
    index = folder / INDEX_NAME
    if index.exists():
        content = json.loads(index.read_text(encoding="utf-8"))
        if content["weight_map"] != names or content["metadata"]["total_size"] != size:
            raise SystemExit(f"{index} does not agree with the headers")
        (scratch / INDEX_NAME).write_bytes(index.read_bytes())
    seen = sum(get_local_safetensors_metadata(scratch).parameter_count.values())
    if seen != elements:
        raise SystemExit(f"{folder}: huggingface_hub counts {seen}, the headers say {elements}")
    return f"{len(heads)} file(s), {len(names):,} tensors, {elements:,} elements, {size:,} bytes"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Open every header-only fixture with the reference readers.")
    parser.add_argument("--hub", type=Path, default=HUB)
    hub: Path = parser.parse_args().hub
    for settings in sorted(hub.glob("*/*/repository.json")):
        with tempfile.TemporaryDirectory() as scratch:
            found = check_repository(settings.parent, Path(scratch))
        print(f"{settings.parent.relative_to(hub).as_posix()}: {found}")


if __name__ == "__main__":
    main()
