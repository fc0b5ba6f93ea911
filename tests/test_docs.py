"""The documents say what the code does: examples are run, options and notes are all there."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from memscan.architecture.expression import ASKED, COMPUTED, LISTED, SPECIAL
from memscan.cli.main import cli
from memscan.quantizers import QUANTIZER_NAMES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
EXAMPLES = [
    (match[1], match[2])
    for match in re.finditer(r"```console\n\$ memscan ([^\n|]+)\n(.+?)\n```", README, re.DOTALL)
    if not match[2].startswith("$")
]


def test_the_readme_has_examples():
    shown = [words for words, _ in EXAMPLES]
    assert shown[0] == "bert-base-cased"
    assert {"timm/resnet50.a1_in1k --dtypes float32 float16", "files bigscience/bloom", "--help"} < set(shown)
    assert any(set(words.split()) & set(QUANTIZER_NAMES) for words in shown)


@pytest.mark.parametrize(("words", "shown"), EXAMPLES, ids=[words for words, _ in EXAMPLES])
def test_the_readme_shows_what_memscan_prints(words, shown):
    done = subprocess.run(
        [sys.executable, "-m", "tests.hub", "--", sys.executable, "-m", "memscan", *shlex.split(words)],
        capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, "COLUMNS": "100"},
    )  # fmt: skip
    assert done.stdout.rstrip().splitlines() == shown.splitlines()


def test_every_command_and_option_is_in_the_readme():
    cli.load()
    for name, command in cli.commands.items():
        assert f"memscan {name}" in README or name == "estimate", name
        for parameter in command.params:
            for option in parameter.opts:
                assert not option.startswith("--") or option in README, option


def test_every_note_is_documented():
    documented = set(
        re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs" / "json.md").read_text().split("## Codes of notes")[1], re.MULTILINE)
    )
    written = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Note":
                written |= {
                    word.value.value for word in node.keywords if word.arg == "code" and isinstance(word.value, ast.Constant)
                }
    assert written == documented


def test_every_quantization_method_is_in_the_readme():
    methods = README.split("### Quantization methods")[1].split("\n### ")[0]
    rows = "\n".join(line.split("|")[1] for line in methods.splitlines() if line.startswith("| `"))
    assert sorted(re.findall("`([^`]+)`", rows)) == sorted(QUANTIZER_NAMES)


def test_every_key_of_a_scope_is_documented_and_in_the_schema():
    scopes = (ROOT / "docs" / "json.md").read_text().split("### Scopes")[1].split("\n#")[0]
    rows = "\n".join(line.split("|")[1] for line in scopes.split("| key of a scope |")[1].splitlines() if line.startswith("| `"))
    documented = re.findall("`([^`]+)`", rows)
    schema = json.loads((ROOT / "src" / "memscan" / "report" / "schema.json").read_text())["$defs"]["scope"]
    assert documented == list(schema["properties"]) == schema["required"]


def test_every_operator_of_the_architecture_table_is_documented():
    text = (ROOT / "docs" / "architectures.md").read_text().split("## Expressions")[1]
    assert set(re.findall(r'`\["([^"]+)"', text)) == {*COMPUTED, *ASKED, *LISTED, *SPECIAL}


def test_every_key_of_the_architecture_table_is_documented():
    text = (ROOT / "docs" / "architectures.md").read_text()
    documented = set(re.findall(r"^\| `([a-z0-9_]+)` \|", text, re.MULTILINE))
    table = ROOT / "tools" / "architectures" / "table"
    keys = set(json.loads((table / "index.json").read_text()))
    for path in table.glob("*.json"):
        values = json.loads(path.read_text()) if path.name != "index.json" else {"config": {}, "classes": {}}
        keys |= {*values, *values["config"]}
        for entry in values["classes"].values():
            keys |= {*entry, *(key for part in entry.get("parts", ()) for key in part)}
    assert keys <= documented


def test_every_error_is_in_the_tree_that_opens_errors_py():
    text = (ROOT / "src" / "memscan" / "errors.py").read_text()
    tree = ast.parse(text)
    docstring = ast.get_docstring(tree) or ""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            assert node.name in docstring, node.name


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "docs/json.md",
        "docs/layouts.md",
        "docs/architectures.md",
        "docs/accuracy.md",
        "docs/accuracy-config.md",
        "docs/accuracy-running.md",
        "docs/batch.md",
        "docs/budgets.md",
        "docs/cache.md",
        "docs/ci.md",
        "docs/config.md",
        "docs/diff.md",
        "docs/outputs.md",
        "docs/scale.md",
        "docs/snapshots.md",
        "docs/running.md",
        "docs/performance.md",
        "docs/web.md",
        "fixtures/README.md",
    ],
)
def test_links_to_files_lead_somewhere(path):
    for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", (ROOT / path).read_text()):
        assert ((ROOT / path).parent / link).exists(), link
