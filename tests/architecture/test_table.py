"""The table itself: every file is valid, whole, and as small as a package may carry."""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from memscan.architecture import Layout, layout
from memscan.architecture.expression import ASKED, COMPUTED, LISTED, SPECIAL
from memscan.architecture.table import family, packed

TABLE = Path(__file__).resolve().parents[2] / "tools" / "architectures" / "table"
INDEX = json.loads((TABLE / "index.json").read_bytes())
TYPES = sorted(INDEX["types"])
LARGEST = 500_000  # bytes of the table and of defaults.json in the wheel


@cache
def raw(model_type: str) -> Mapping[str, Any]:
    return json.loads((TABLE / f"{model_type}.json").read_bytes())


def test_the_index_lists_just_the_files() -> None:
    assert {f"{name}.json" for name in TYPES} | {"index.json"} == {path.name for path in TABLE.iterdir()}
    assert len(TYPES) > 500
    for name in TYPES:
        assert sorted(raw(name)["classes"]) == INDEX["types"][name], name


def test_packed_it_is_small() -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("table.xz", "defaults.json"):
            archive.writestr(name, (files("memscan.architecture") / name).read_bytes())
    assert len(written.getvalue()) <= LARGEST


def test_packed_it_is_what_the_files_hold() -> None:
    table = packed()
    assert (table.release, table.renames) == (INDEX["transformers"], INDEX["renames"])
    assert sorted(table.places) == TYPES
    for name in TYPES:
        kind = family(name)
        assert kind is not None
        assert kind.values == raw(name), f"{name}: run tools/verify_config.py publish, or tools/build_architectures.py"


@pytest.mark.parametrize("model_type", TYPES)
def test_every_class_can_be_laid_out_with_the_defaults(model_type: str) -> None:
    for name in raw(model_type)["classes"]:
        found = layout(name, model_type, {"model_type": model_type})
        assert found is not None
        assert_whole(found)


def assert_whole(found: Layout) -> None:
    """Whether a layout has tensors, and none of them is smaller than nothing."""
    assert found.expected or found.opaque, found.class_name
    for one in found.expected.values():
        assert one.count is None or one.count >= 0, one.pattern
        assert one.elements is None or one.elements >= 0, one.pattern
        assert one.kind in {"p", "b", "n"}, one.pattern


@pytest.mark.parametrize("model_type", TYPES)
def test_every_part_leads_somewhere(model_type: str) -> None:
    values = raw(model_type)
    subs = values["config"].get("subs", {})
    for name, entry in values["classes"].items():
        for part in entry.get("parts", ()):
            assert ("class" in part) != ("auto" in part), name
            if part["config"]:
                continue  # of whatever type the config there says
            classes = values["classes"] if "class" in part else values["auto"]
            known = part["class" if "class" in part else "auto"] in classes
            # What leads nowhere makes the class unknown, with a reason; never a number.
            found = layout(name, model_type, {})
            assert known or (found is not None and found.opaque), (name, part["at"])
    assert all(isinstance(each, str) for each in subs.values())


@pytest.mark.parametrize("model_type", TYPES)
def test_every_expression_has_known_operators(model_type: str) -> None:
    for rule in expressions(raw(model_type)):
        assert_known(rule)


def expressions(values: Mapping[str, Any]) -> Iterator[object]:
    """Every expression of a file."""
    made = (*values["config"].get("derived", {}).values(), *values["config"].get("forced", {}).values())
    yield from (one for one in (*made, values["config"].get("stages")) if one is not None)
    for bound, *items in values["config"].get("lists", {}).values():
        yield from (bound, *(one[1] for one in items if isinstance(one, list)))
    for entry in values["classes"].values():
        for values_of in entry.get("tensors", {}).values():
            count, shape, *more = [*values_of[3:], None, None][: max(2, len(values_of) - 3)]
            if isinstance(shape, dict):
                more += shape.get("each", ())
                more += [one for condition, sizes in shape.get("cases", ()) for one in (condition, *sizes)]
                more += [one for _, number, sizes in shape.get("groups", ()) for one in (number, *sizes)]
            yield from (one for one in (count, *(shape if isinstance(shape, list) else ()), *more) if one is not None)
        for bounds, *condition in entry.get("places", ()):
            yield from (one for one in (*bounds, *condition) if not isinstance(one, list) or one[0] != "of")
        for part in entry.get("parts", ()):
            yield from (one for one in (part.get("count"), *part.get("maybe", {}).values()) if one is not None)


def assert_known(rule: object) -> None:
    if isinstance(rule, int | str):
        return
    operator, *operands = rule
    assert operator in {*COMPUTED, *ASKED, *LISTED, *SPECIAL}, rule
    counts = {"if": 3, "int*": 2, "item": 2, "in": 2, "word": 3}
    assert len(operands) == counts.get(operator, 2 if operator in COMPUTED else len(operands)), rule
    for operand in operands[:1] if operator in ASKED else operands[:2] if operator in LISTED else operands:
        assert_known(operand)


@pytest.mark.parametrize("model_type", TYPES)
def test_every_rename_compiles_and_names_its_branches(model_type: str) -> None:
    for entry in raw(model_type)["classes"].values():
        for kind, _, _, pattern, targets in entry.get("renames", ()):
            assert re.fullmatch(r"renaming|converter|group|offset -?\d+", kind)
            assert all(re.fullmatch(r"g\d+", name) for name in re.compile(pattern).groupindex), pattern
            assert targets


def test_a_type_without_an_entry() -> None:
    assert family("no such type") is None
    assert family("../index") is None
    assert layout("BertModel", "no such type", {}) is None
    assert layout("NoSuchClass", "bert", {}) is None
