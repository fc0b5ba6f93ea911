"""Renames: scope, prefix, branches, and what each kind makes of a name."""

import pytest

from memscan.architecture.rename import Rename


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        (("renaming", None, None, r"(?P<g0>Norm.gamma)", ("Norm.weight",)), "a.LayerNorm.gamma", ("a.LayerNorm.weight",)),
        (("renaming", None, None, r"(?P<g0>Norm.gamma)", ("Norm.weight",)), "a.LayerNorm.weight", None),
        (("renaming", "model", None, r"(?P<g0>^norm)", ("final",)), "model.norm.weight", ("model.final.weight",)),
        (("renaming", "model", None, r"(?P<g0>^norm)", ("final",)), "norm.weight", None),
        (("renaming", "", "bert", r"(?P<g0>^pooler)", ("pool",)), "bert.pooler.weight", ("bert.pool.weight",)),
        (("renaming", "", "bert", r"(?P<g0>^pooler)", ("pool",)), "pooler.weight", ("pool.weight",)),
        (("renaming", None, None, r"(?P<g0>layers\.(\d+)\.x)", (r"h.\1.y",)), "layers.12.x.w", ("h.12.y.w",)),
        (("renaming", None, None, r"(?P<g0>qkv)", ("q", "k", "v")), "a.qkv.w", ("a.q.w", "a.k.w", "a.v.w")),
        (("group", None, None, r"(?P<g0>in)|(?P<g1>out)", ("first", "second")), "a.out.w", ("a.second.w",)),
        (("offset 2", None, None, r"(?P<g0>rnn\.(\d+))", (r"lstm.\1",)), "rnn.3.w", ("lstm.5.w",)),
    ],
)  # fmt: skip
def test_a_rename(values: tuple, name: str, expected: tuple[str, ...] | None) -> None:
    assert Rename.of(values).apply(name) == expected


def test_below_another_class_it_applies_there_alone() -> None:
    rename = Rename.of(("renaming", None, None, r"(?P<g0>gamma)", ("weight",))).below("vision")
    assert rename.apply("vision.norm.gamma") == ("vision.norm.weight",)
    assert rename.apply("text.norm.gamma") is None
    assert rename.below("model").apply("model.vision.norm.gamma") == ("model.vision.norm.weight",)
