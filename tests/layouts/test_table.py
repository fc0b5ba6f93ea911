"""docs/layouts.md: every layout has a test, and every test of a layout is in the table."""

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TABLE = (HERE.parents[1] / "docs" / "layouts.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`((?:[\w/]+/)?test_\w+\.py)::(\w+)` \|$", TABLE, re.MULTILINE)
ROWS = [line for line in TABLE.splitlines() if line.startswith("| ") and not line.startswith("| layout ")]


def test_every_layout_names_a_test() -> None:
    assert len(NAMED) == len(ROWS) > 40


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_the_named_test_exists(file: str, name: str) -> None:
    path = HERE / file if "/" not in file else HERE.parents[1] / file
    assert name in {
        node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    }


def test_every_file_of_layouts_is_in_the_table() -> None:
    assert {path.name for path in HERE.glob("test_*.py")} - {Path(__file__).name} <= {file for file, _ in NAMED}


def test_no_test_stands_beside_two_layouts() -> None:
    assert len(set(NAMED)) == len(NAMED)
