"""Properties: nothing is lost and nothing counted twice, whatever the two checkpoints hold."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from memscan.compare import Diff, Kind
from memscan.tensor import TensorInfo
from tests.compare.sides import diff
from tests.writers.tensors import tensor

PART = st.one_of(
    st.sampled_from(
        ["model", "bert", "layers", "h", "attn", "attention", "q", "query", "weight", "bias", "gamma", "*", "**", ""]
    ),
    st.integers(0, 12).map(str),
    st.text(max_size=3),
)
NAME = st.lists(PART, min_size=1, max_size=6).map(".".join)
SHAPE = st.lists(st.integers(0, 3), max_size=3).map(tuple)
TENSOR = st.builds(tensor, NAME, SHAPE, st.sampled_from(["F32", "BF16", "F8_E4M3", "I64"]))
CHECKPOINT = st.lists(TENSOR, max_size=25)


def check(found: Diff, before: list[TensorInfo], after: list[TensorInfo]) -> None:
    """Every tensor of both sides is in one place, and every sum is that of its parts."""
    old = Counter(id(change.before) for change in found.changes if change.before is not None)
    new = Counter(id(change.after) for change in found.changes if change.after is not None)
    assert set(old.values()) | set(new.values()) <= {1}
    assert set(old) <= set(map(id, before))
    assert set(new) <= set(map(id, after))
    assert len(old) + found.same.tensors == len(before)
    assert len(new) + found.same.tensors == len(after)
    growth = sum(one.nbytes for one in after) - sum(one.nbytes for one in before)
    assert found.growth == growth == sum(change.growth for change in found.changes) == sum(group.growth for group in found.groups)
    pure = [change for change in found.changes if change.kinds == (Kind.RENAMED,)]
    assert all(change.growth == 0 for change in pure)
    assert sum(group.tensors for group in found.groups) + len(pure) == len(found.changes)
    assert all(len(group.changes) == group.tensors for group in found.groups)
    assert sum(rule.tensors for rule in found.renames) == (found.sums[Kind.RENAMED].tensors if Kind.RENAMED in found.sums else 0)
    assert sum(rule.tensors for rule in found.pure_renames) == len(pure)
    root = found.modules
    assert (root.before_bytes, root.after_bytes) == (sum(one.nbytes for one in before), sum(one.nbytes for one in after))
    for _, node in root.walk():
        if node.children:
            assert sum(child.before_bytes for child in node.children.values()) <= node.before_bytes
            assert sum(child.after_bytes for child in node.children.values()) <= node.after_bytes
    assert all(change.kinds for change in found.changes)


@settings(max_examples=300, deadline=None)
@given(CHECKPOINT, CHECKPOINT)
def test_any_two_checkpoints(before, after):
    found = diff(before, after)
    check(found, before, after)
    assert found == diff(before, after)


@settings(max_examples=100, deadline=None)
@given(CHECKPOINT)
def test_a_checkpoint_and_itself(tensors):
    names = {one.name: one for one in tensors}
    found = diff(names.values(), reversed(names.values()))
    assert found.is_empty
    assert found.same.tensors == len(names)
    assert found.groups == found.renames == ()


@settings(max_examples=150, deadline=None)
@given(CHECKPOINT, st.lists(st.sampled_from(["model", "bert", "x"]), min_size=1, max_size=2).map(".".join))
def test_a_prefix_moves_everything_and_loses_nothing(tensors, prefix):
    before = list({one.name: one for one in tensors}.values())
    after = [tensor(f"{prefix}.{one.name}", one.shape, one.dtype.name) for one in before]
    found = diff(before, after)
    check(found, before, after)
    assert found.growth == 0


@settings(max_examples=150, deadline=None)
@given(st.lists(TENSOR, min_size=1, max_size=25), st.data())
def test_one_tensor_more(tensors, data):
    """A tensor that comes, at any place and among any others, is all the growth there is."""
    names = {one.name: one for one in tensors}
    extra = data.draw(TENSOR.filter(lambda one: one.name not in names))
    found = diff(names.values(), [*names.values(), extra])
    assert [(change.kinds, change.after) for change in found.changes] == [((Kind.ADDED,), extra)]
    assert found.growth == extra.nbytes
