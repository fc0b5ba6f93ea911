"""Says what changed between two architecture tables: made of two releases of transformers, or before and after a change.

    python tools/compare_tables.py OLD [NEW]     # folders of tools/architectures/table; NEW is that of this checkout
    git worktree add OLD v1.0 && python tools/compare_tables.py OLD/tools/architectures/table

Needs no torch. Exits with 1 where they differ.
"""

import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent)]

TABLE = Path(__file__).parent / "architectures" / "table"


def main(old: Path, new: Path = TABLE) -> int:
    """Print a line for each change, and how many there are."""
    from architectures.changes import changes

    found = list(changes(_read(old), _read(new)))
    for line in found:
        print(line)
    print(f"{_release(old)} -> {_release(new)}: {len(found)} changes", file=sys.stderr)
    return int(bool(found))


def _read(folder: Path) -> dict[str, dict[str, object]]:
    files = [path for path in sorted(folder.glob("*.json")) if path.name != "index.json"]
    if not files:
        raise SystemExit(f"{folder} holds no architecture table: give the folder of its JSON files")
    return {path.stem: json.loads(path.read_text()) for path in files}


def _release(folder: Path) -> str:
    index = json.loads((folder / "index.json").read_text())
    return f"transformers {index['transformers']}, {len(index['types'])} model types"


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    raise SystemExit(main(*map(Path, sys.argv[1:])))
