"""docs/accuracy-running.md is what the tool writes now."""

from pathlib import Path

from tools.measured.comparison import comparison
from tools.measured.document import TEXTS, document

DOCUMENT = Path(__file__).parents[2] / "docs" / "accuracy-running.md"


def test_the_document_is_what_the_code_says_now() -> None:
    assert DOCUMENT.read_text() == document(comparison()), "run `python -m tools.measured`"


def test_every_text_is_shown() -> None:
    assert set(TEXTS) == {"document", *(group.name for group in comparison())}
