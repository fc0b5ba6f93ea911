"""Published measurements beside what memscan says: ``python -m tools.measured`` writes docs/accuracy-running.md."""

import argparse
from pathlib import Path

from tools.measured.comparison import comparison
from tools.measured.document import document

OUTPUT = Path(__file__).resolve().parents[2] / "docs" / "accuracy-running.md"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog="python -m tools.measured")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    arguments.output.write_text(document(comparison()))


if __name__ == "__main__":
    main()
