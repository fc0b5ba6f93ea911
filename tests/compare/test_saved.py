"""Saved reports as a side: what each of them lets be compared, and files that are none."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memscan.compare import Kind, Level, compare, has_scope, saved_report, saved_scope, saved_side, scanned
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
    report = saved_report(text.encode(), "saved.json")
    assert report is not None
    return saved_side(report, "saved.json", scope)


def totals(tensors):
    return renderer("json")([report_of(tensors)])


def modules(tensors, depth):
    return render_layers([report_of(tensors)], depth=depth, output="json")


def test_the_schema_is_that_of_the_writer():
    assert READ == SCHEMA


def test_a_report_has_the_totals_of_the_model():
    side, live = saved(totals(llama())), scanned(report_of(llama()), "checkpoint")
    for name in ("nbytes", "parameters", "count", "dtypes", "largest_layer", "scope", "is_measured"):
        assert getattr(side, name) == getattr(live, name), name
    found = compare(side, live)
    assert (found.level, found.is_empty, found.growth) == (Level.TOTALS, True, 0)


def test_a_report_and_a_model_that_grew():
    found = compare(saved(totals(llama(layers=2))), scanned(report_of(llama(layers=3)), "checkpoint"))
    assert not found.is_empty
    assert found.growth == sum(one.nbytes for one in llama(layers=3)) - sum(one.nbytes for one in llama(layers=2))
    assert found.changes == ()


@pytest.mark.parametrize("depth", range(1, 8))
def test_a_module_tree_of_any_depth_is_the_model_itself(depth):
    found = compare(saved(modules(llama(), depth)), scanned(report_of(llama()), "checkpoint"))
    assert (found.level, found.is_empty) == (Level.MODULES, True)
    assert found.before.nbytes == sum(one.nbytes for one in llama())
    assert sum(one.nbytes for one in found.before.tensors) == found.before.nbytes


def test_a_module_tree_tells_which_module_grew():
    found = compare(saved(modules(llama(), 4)), scanned(report_of(llama(vocabulary=2000)), "checkpoint"))
    assert [(group.pattern, group.kinds) for group in found.groups] == [("model.embed_tokens", (Kind.RESIZED,))]
    assert found.groups[0].shapes == ((64_000,), (128_000,))
    assert found.growth == found.groups[0].growth == 128_000


def test_two_saved_files_are_compared_as_the_coarser_one():
    assert compare(saved(totals(llama())), saved(modules(llama(), 3))).level is Level.TOTALS
    assert compare(saved(modules(llama(), 5)), saved(modules(llama(), 5))).is_empty


def test_a_scope_that_the_file_does_not_have():
    report = saved_report(totals(llama()).encode(), "saved.json")
    assert has_scope(report, "checkpoint")
    assert not has_scope(report, "declared")
    assert saved_scope(report) is None
    tree = saved_report(modules(llama(), 3).encode(), "tree.json")
    assert saved_scope(tree) == "checkpoint"
    with pytest.raises(UsageError, match="save one of declared"):
        saved_side(tree, "tree.json", "declared")


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
        saved_report(text.encode(), "saved.json")


def test_the_index_of_a_checkpoint_is_a_target():
    assert saved_report(b'{"metadata": {}, "weight_map": {"a": "b"}}', "x.json") is None


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
        report = saved_report(json.dumps(values).encode(), "saved.json")
        side = None if report is None else saved_side(report, "saved.json", saved_scope(report) or "checkpoint")
    except MemscanError:
        return
    if side is not None:
        assert side.nbytes >= 0
        compare(side, side)
        compare(side, scanned(report_of(llama(layers=1)), "checkpoint"))
