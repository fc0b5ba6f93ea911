"""Saved reports as a side: what each of them lets be compared, and files that are none."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memscan.compare import Kind, Level, Saved, Scanned, compare, in_one_scope, wanted_scope
from memscan.compare.saved import SCHEMA as READ
from memscan.errors import FormatError, MemscanError, UsageError
from memscan.estimate import estimate_weights
from memscan.report import renderer
from memscan.report.json import SCHEMA
from memscan.report.layers import render_layers
from tests.compare.sides import llama
from tests.writers.tensors import model


def report_of(tensors, config=None):
    return estimate_weights(model(tensors, config=config), dtypes=None, scope="checkpoint")


def saved(text, scope="checkpoint"):
    report = Saved.parse(text.encode(), "saved.json")
    assert report is not None
    return report.side(scope)


def scanned(tensors):
    return Scanned.of(model(tensors)).side("checkpoint")


def totals(tensors):
    return renderer("json")([report_of(tensors)])


def modules(tensors, depth):
    return render_layers([report_of(tensors)], depth=depth, output="json")


def test_the_schema_is_that_of_the_writer():
    assert READ == SCHEMA


def test_a_report_has_the_totals_of_the_model():
    side, live = saved(totals(llama())), scanned(llama())
    for name in ("nbytes", "parameters", "count", "dtypes", "largest_layer", "scope", "is_measured"):
        assert getattr(side, name) == getattr(live, name), name
    found = compare(side, live)
    assert (found.level, found.is_empty, found.growth) == (Level.TOTALS, True, 0)


def test_a_report_and_a_model_that_grew():
    found = compare(saved(totals(llama(layers=2))), scanned(llama(layers=3)))
    assert not found.is_empty
    assert found.growth == sum(one.nbytes for one in llama(layers=3)) - sum(one.nbytes for one in llama(layers=2))
    assert found.changes == ()


@pytest.mark.parametrize("depth", range(1, 8))
def test_a_module_tree_of_any_depth_is_the_model_itself(depth):
    found = compare(saved(modules(llama(), depth)), scanned(llama()))
    assert (found.level, found.is_empty) == (Level.MODULES, True)
    assert found.before.nbytes == sum(one.nbytes for one in llama())
    assert sum(one.nbytes for one in found.before.tensors) == found.before.nbytes


def test_a_module_tree_tells_which_module_grew():
    found = compare(saved(modules(llama(), 4)), scanned(llama(vocabulary=2000)))
    assert [(group.pattern, group.kinds) for group in found.groups] == [("model.embed_tokens", (Kind.RESIZED,))]
    assert found.groups[0].shapes == ((64_000,), (128_000,))
    assert found.growth == found.groups[0].growth == 128_000


def test_two_saved_files_are_compared_as_the_coarser_one():
    assert compare(saved(totals(llama())), saved(modules(llama(), 3))).level is Level.TOTALS
    assert compare(saved(modules(llama(), 5)), saved(modules(llama(), 5))).is_empty


def test_a_scope_that_the_file_does_not_have():
    report, tree = (Saved.parse(text.encode(), "saved.json") for text in (totals(llama()), modules(llama(), 3)))
    assert report.knows("checkpoint")
    assert not report.knows("declared")
    assert (report.own_scope, tree.own_scope) == (None, "checkpoint")
    with pytest.raises(UsageError, match="save one of declared"):
        wanted_scope([report, tree], "declared")
    assert wanted_scope([report], "declared") == "declared"
    assert wanted_scope([report, tree], None) == wanted_scope([], None) == "checkpoint"
    before, after = in_one_scope(report, Scanned.of(model(llama())), "declared")
    assert before.scope == after.scope == "checkpoint"
    assert [note.code for side in (before, after) for note in side.notes] == ["scope-unknown", "scope-unknown"]


def test_a_list_of_one_report_is_that_report():
    one = json.loads(totals(llama()))
    text = json.dumps({"schema": 1, "memscan": "1", "reports": [one], "errors": []})
    assert saved(text).nbytes == sum(tensor.nbytes for tensor in llama())


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[]", FormatError), ("{", FormatError), ('"x"', FormatError), ('{"schema": 2, "memscan": "9"}', FormatError),
        ('{"schema": "1", "memscan": "1"}', FormatError), ('{"schema": 1, "memscan": "1"}', UsageError),
        ('{"schema": 1, "memscan": "1", "reports": [{}, {}]}', UsageError),
        ('{"schema": 1, "memscan": "1", "reports": [{}]}', UsageError),
    ],
)  # fmt: skip
def test_files_that_are_no_report(text, error):
    with pytest.raises(error, match=r"saved\.json"):
        Saved.parse(text.encode(), "saved.json")


def test_the_index_of_a_checkpoint_is_a_target():
    assert Saved.parse(b'{"metadata": {}, "weight_map": {"a": "b"}}', "x.json") is None


VALUE = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4), st.just([]), st.just({}), st.just(10**30))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_report_that_somebody_changed_is_a_side_or_an_error(data):
    text = data.draw(st.sampled_from([totals(llama(layers=1)), modules(llama(layers=1), 3)]))
    values = json.loads(text)
    for _ in range(data.draw(st.integers(1, 3))):
        place = values
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
                place = place[key]
                continue
            place[key] = data.draw(VALUE)
            break
    try:
        report = Saved.parse(json.dumps(values).encode(), "saved.json")
        side = None if report is None else report.side(wanted_scope([report], None))
    except MemscanError:
        return
    if side is not None:
        assert side.nbytes >= 0
        compare(side, side)
        compare(side, scanned(llama(layers=1)))
