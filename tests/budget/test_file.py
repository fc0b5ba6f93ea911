"""Budgets in a file: strict, with places, spread over lists."""

import contextlib
import json
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.budget.file import KEYS, budgets
from memscan.errors import FormatError

SCHEMA = json.loads(files("memscan.budget").joinpath("budget.schema.json").read_text())
TEXT = """
[defaults]
device = "h100"
scope = "declared"

[[budget]]
target = "a/b"
max-memory = "24GB"

[[budget]]
targets = ["c/d", "e/f"]
dtypes = ["bf16", "bnb-nf4"]
what = "inference"
context = 8192
"""


def test_each_budget_has_its_place_and_its_defaults():
    found = budgets(TEXT, "memscan.toml")
    assert [(entry["target"], entry.get("dtype"), place.line) for entry, place in found] == [
        ("a/b", None, 6), ("c/d", "bf16", 10), ("c/d", "bnb-nf4", 10), ("e/f", "bf16", 10), ("e/f", "bnb-nf4", 10),
    ]  # fmt: skip
    assert all(entry["scope"] == "declared" for entry, _ in found)
    assert found[1][0]["context"] == 8192


def test_pyproject_has_them_below_its_tool():
    text = '[project]\nname = "x"\n\n[[tool.memscan.budget]]\ntarget = "a/b"\nmax-memory = "1GB"\n'
    ((entry, place),) = budgets(text, "sub/pyproject.toml")
    assert (entry["target"], place.path, place.line) == ("a/b", "sub/pyproject.toml", 4)


def test_a_size_takes_the_place_of_a_device():
    text = '[defaults]\ndevices = ["h100", "a100-80gb"]\n[[budget]]\ntarget = "a"\nmax-memory = "1GB"\n'
    assert [entry for entry, _ in budgets(text, "memscan.toml")] == [{"target": "a", "max-memory": "1GB"}]


def test_one_word_takes_the_place_of_many():
    text = '[defaults]\ndtypes = ["fp16", "fp32"]\n[[budget]]\ntarget = "a"\ndtype = "bf16"\n'
    assert [entry["dtype"] for entry, _ in budgets(text, "memscan.toml")] == ["bf16"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "memscan.toml is not TOML: "),
        ("", r"memscan.toml has no budgets: expected \[\[budget\]\]"),
        ("[[budgets]]\n", "memscan.toml: unknown key 'budgets'; did you mean budget?"),
        ('[[budget]]\ntarget = "a"\nmax_memory = "1GB"', "budget 1: unknown key 'max_memory'; did you mean max-memory?"),
        ('[[budget]]\ntarget = "a"\nzzz = 1', "budget 1: unknown key 'zzz'; expected some of target, max-memory, "),
        ("[[budget]]\ntarget = 1", "budget 1: target is 1, expected a string"),
        ('[[budget]]\ntarget = "a"\ncontext = "8k"', "budget 1: context is '8k', expected a whole number"),
        ('[[budget]]\ntarget = "a"\ncontext = true', "budget 1: context is True, expected a whole number"),
        ('[[budget]]\ntarget = "a"\nmmproj = 1', "budget 1: mmproj is 1, expected true or false"),
        ("[[budget]]\ntargets = []", r"budget 1: targets is \[\], expected a list of strings"),
        ('[[budget]]\ntargets = ["a"]\ntarget = "b"', "has both target and targets"),
        ("budget = 3", "has no budgets"),
        ("defaults = 3\n[[budget]]", "defaults is 3, expected a table"),
    ],
)
def test_a_wrong_file_is_one_clear_line(text, message):
    with pytest.raises(FormatError, match=message) as caught:
        budgets(text, "memscan.toml")
    assert "\n" not in str(caught.value)


def test_lists_cannot_ask_for_millions():
    many = ", ".join(f'"{number}"' for number in range(200))
    text = f"[[budget]]\ntargets = [{many}]\ndtypes = [{many}]\n"
    with pytest.raises(FormatError, match="more than 10,000 checks"):
        budgets(text, "memscan.toml")


@given(st.text(alphabet='[]="\n abudget.defaults1{}', max_size=80))
def test_any_text_gives_budgets_or_an_error(text):
    with contextlib.suppress(FormatError):
        budgets(text, "memscan.toml")


def test_the_schema_is_of_the_keys_that_are_read():
    assert list(SCHEMA["$defs"]["budget"]["properties"]) == list(KEYS)
    jsonschema.validate(tomllib.loads(TEXT), SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads('[[budget]]\nmax_memory = "1GB"'), SCHEMA)


def test_the_schema_is_what_the_tool_writes():
    tools = Path(__file__).parents[2] / "tools"
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); from build_budget_schema import schema; print(json.dumps(schema()))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tools)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == SCHEMA


def test_a_default_is_of_the_budgets_that_it_means_something_for():
    text = '[defaults]\ncontext = 512\nseq = 64\n[[budget]]\ntarget = "a"\n[[budget]]\ntarget = "a"\nwhat = "inference"\n'
    assert [set(entry) for entry, _ in budgets(text, "memscan.toml")] == [{"target"}, {"target", "what", "context"}]


def test_no_growth_is_a_number_too():
    assert budgets('[[budget]]\ntarget = "a"\nmax-growth = 0\n', "memscan.toml")[0][0]["max-growth"] == 0


def test_a_file_that_is_nested_too_deeply_is_an_error():
    with pytest.raises(FormatError, match="nested too deeply"):
        budgets(f"x = {'[' * 3000}{']' * 3000}", "memscan.toml")
