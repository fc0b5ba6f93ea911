"""What changed between two tables, as the tool says it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "compare_tables.py"
LINEAR = ["p", "", "Linear", "layers", ["hidden_size"]]
ONE = {
    "config": {"defaults": {"hidden_size": 8}},
    "auto": {"AutoModel": ["OneModel"]},
    "classes": {
        "OneModel": {
            "prefix": "model",
            "tensors": {
                "layers.*.weight": LINEAR,
                "norms.*": ["p", "", "", None, [1], None, None, 0],
            },
            "places": [[["layers"], ["==", "#0", 0]]],
        }
    },
}


def table(folder: Path, release: str, **files: Any) -> Path:
    folder.mkdir()
    index = {"transformers": release, "types": {name: sorted(values["classes"]) for name, values in files.items()}}
    for name, values in {"index": index, **files}.items():
        (folder / f"{name}.json").write_text(json.dumps(values))
    return folder


def said(old: Path, new: Path) -> tuple[int, list[str], str]:
    run = subprocess.run([sys.executable, TOOL, old, new], capture_output=True, text=True, check=False)
    return run.returncode, run.stdout.splitlines(), run.stderr.strip()


def changed(**edits: Any) -> dict[str, Any]:
    """`ONE` with other tensors."""
    made: dict[str, Any] = json.loads(json.dumps(ONE))
    made["classes"]["OneModel"] |= edits
    return made


def test_two_tables_that_say_the_same(tmp_path: Path) -> None:
    old, new = (
        table(tmp_path / "old", "1.0.0", one=ONE),
        table(tmp_path / "new", "1.1.0", one={**ONE, "verified": {"classes": {}}}),
    )
    assert said(old, new) == (0, [], "transformers 1.0.0, 1 model types -> transformers 1.1.0, 1 model types: 0 changes")


def test_types_classes_tensors_and_defaults(tmp_path: Path) -> None:
    tensors = {
        "layers.*.weight": ["p", "", "Linear", "layers", [["*", 2, "hidden_size"]]],
        "layers.*.bias": ["p", "", "Linear", "layers", ["hidden_size"]],
    }
    other = {**changed(tensors=tensors, prefix="base"), "config": {"defaults": {"hidden_size": 16}}}
    other["classes"]["OneForCausalLM"] = ONE["classes"]["OneModel"]  # type: ignore[index]
    code, lines, _ = said(table(tmp_path / "old", "1", one=ONE, gone=ONE), table(tmp_path / "new", "2", one=other, fresh=ONE))
    assert code == 1
    assert lines == [
        "fresh: added, with OneModel",
        "gone: removed, with OneModel",
        "one config: defaults: {'hidden_size': 8} -> {'hidden_size': 16}",
        "one OneForCausalLM: added",
        "one OneModel: layers.*.bias added: ['p', '', 'Linear', 'layers', ['hidden_size']]",
        f"one OneModel: layers.*.weight: {LINEAR} -> {tensors['layers.*.weight']}",
        "one OneModel: norms.* removed",
        "one OneModel: prefix: model -> base",
    ]


def test_a_rule_of_places_is_compared_by_what_it_says_and_not_by_its_number(tmp_path: Path) -> None:
    moved = changed(places=[[["unused"]], *ONE["classes"]["OneModel"]["places"]])  # type: ignore[index]
    moved["classes"]["OneModel"]["tensors"]["norms.*"][7] = 1
    assert said(table(tmp_path / "old", "1", one=ONE), table(tmp_path / "new", "1", one=moved))[:2] == (0, [])
    other = changed(places=[[["layers"], ["==", "#0", 1]]])
    code, lines, _ = said(tmp_path / "old", table(tmp_path / "other", "1", one=other))
    assert (code, len(lines)) == (1, 1)


def test_what_is_no_table_is_said(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, TOOL, tmp_path], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr.count("\n")) == (1, 1)
    assert "holds no architecture table" in run.stderr
