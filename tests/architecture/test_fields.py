"""Fields of a config as the library's config class would hold them."""

import pytest

from memscan.architecture import family
from memscan.architecture.expression import UNKNOWN
from memscan.architecture.fields import Fields
from memscan.architecture.table import Family

KIND = Family(
    "made_up",
    {
        "config": {
            "defaults": {
                "width": 64,
                "heads": 4,
                "num_labels": 2,
                "rope_parameters.theta": 10_000,
                "nothing": None,
                "made_config.width": 7,
                "text_config.projection": 9,
                "per_layer.heads": 3,
            },
            "aliases": {"n_embd": "width"},
            "derived": {"head_dim": ["//", "width", "heads"], "endless": "endless"},
            "subs": {"text_config": "bert", "made_config": "a type without classes"},
            "ties": True,
        },
        "auto": {},
        "classes": {},
    },
)


@pytest.mark.parametrize(
    ("values", "path", "expected"),
    [
        ({}, "width", 64),
        ({}, "text_config.projection", 9),
        ({"text_config": {"projection": 4}}, "text_config.projection", 4),
        ({"text_config": {"projection": None}}, "text_config.projection", None),
        ({"text_config": {"model_type": "gpt2"}}, "text_config.projection", UNKNOWN),
        ({"width": 8}, "width", 8),
        ({"n_embd": 8}, "width", 8),
        ({"width": None}, "width", None),
        ({}, "absent", UNKNOWN),
        ({"absent": 3}, "absent", 3),
        ({}, "head_dim", 16),
        ({"head_dim": 5}, "head_dim", 5),
        ({"heads": "four"}, "head_dim", UNKNOWN),
        ({}, "endless", UNKNOWN),
        ({"id2label": {"0": "a", "1": "b", "2": "c"}}, "num_labels", 3),
        ({}, "num_labels", 2),
        ({"rope_parameters": {"theta": 7}}, "rope_parameters.theta", 7),
        ({}, "rope_parameters.theta", 10_000),
        ({"theta": 9}, "rope_parameters.theta", 9),
        ({"heads": 9}, "per_layer.heads", 3),
        ({"per_layer": {"width": 1}, "heads": 9}, "per_layer.heads", 3),
        ({"per_layer": {"heads": 2}}, "per_layer.heads", 2),
        ({}, "made_config.width", 7),
        ({"made_config": {"width": 3}}, "made_config.width", 3),
        ({"made_config": {"width": 3, "model_type": "another type without classes"}}, "made_config.width", UNKNOWN),
        ({}, "text_config.hidden_size", 768),
        ({"text_config": {"hidden_size": 12}}, "text_config.hidden_size", 12),
        ({"text_config": {"model_type": "gpt2", "n_embd": 12}}, "text_config.n_embd", 12),
        ({"text_config": {"model_type": "nobody's"}}, "text_config.hidden_size", UNKNOWN),
        ({"text_config": "bert"}, "text_config.hidden_size", 768),
    ],
    ids=str,
)
def test_a_field(values: dict[str, object], path: str, expected: object) -> None:
    assert Fields(KIND, values)(path) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, True),
        ({"tie_word_embeddings": False}, False),
        ({"tie_word_embeddings": "no"}, True),
        ({"tie_word_embeddings": None}, True),
    ],
)
def test_ties(values: dict[str, object], expected: bool) -> None:
    assert Fields(KIND, values).ties() is expected


def test_a_config_inside_a_config() -> None:
    found = Fields(KIND, {"text_config": {"model_type": "gpt2"}})
    assert found.inside("text_config").model_type == "gpt2"
    assert found.inside("vision_config") is None
    assert found.inside("") is found
    assert found.type_inside("text_config") == "gpt2"
    assert Fields(KIND, {}).type_inside("text_config") == "bert"
    assert found.architecture is None
    assert Fields(KIND, {"architectures": ["BertModel"]}).architecture == "BertModel"
    assert Fields(KIND, {"architectures": [3]}).architecture is None
    assert family("gpt2") is not None


def test_the_last_word_of_a_list_may_be_the_config_class_s_own() -> None:
    kind = Family("x", {"config": {"last": {"layer_types": "full"}}, "classes": {}})
    assert Fields(kind, {"layer_types": ["window", "window"]})("layer_types") == ["window", "full"]
    assert Fields(kind, {"layer_types": []})("layer_types") == []
    assert Fields(kind, {"layer_types": None})("layer_types") is None
    assert Fields(kind, {"layer_types": "window"})("layer_types") == "window"


def test_what_the_config_class_sets_counts_and_not_what_is_given() -> None:
    kind = Family("x", {"config": {"forced": {"layers": ["len", "dims"], "odd": None}}, "classes": {}})
    fields = Fields(kind, {"layers": 7, "dims": [1, 2, 3], "odd": 5})
    assert (fields("layers"), fields.given("layers"), fields("odd")) == (3, 7, UNKNOWN)


def test_a_backbone_s_stages_follow_from_the_number_of_them() -> None:
    kind = Family("x", {"config": {"stages": ["+", ["len", "depths"], 1], "defaults": {"depths": [1, 1, 1]}}, "classes": {}})
    assert Fields(kind, {})("out_features") == ["stage3"]
    assert Fields(kind, {"depths": [1, 1], "out_indices": [0, 2]})("out_features") == ["stem", "stage2"]
    assert Fields(kind, {"out_features": ["stage1"]})("out_indices") == [1]
