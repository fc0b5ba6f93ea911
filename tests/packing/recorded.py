"""What quantization libraries store, as `tools/record_packed.py` recorded it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "packing"


def cases() -> Iterator[tuple[str, Mapping[str, object]]]:
    """Each record with its name."""
    for path in sorted(FOLDER.glob("*.json")):
        for name, case in json.loads(path.read_bytes())["cases"].items():
            yield f"{path.stem}:{name}", case
