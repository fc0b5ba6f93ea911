"""The type of each layer against the config classes of transformers: by default, and with fields that change the pattern."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from memscan.architecture.settings import Settings
from memscan.cache.fields import layers_of
from memscan.cache.layer_types import layer_types
from memscan.errors import FormatError

VARIATIONS: tuple[Mapping[str, Any], ...] = (
    {},
    {"num_hidden_layers": 1},
    {"num_hidden_layers": 5},
    {"num_hidden_layers": 13},
    {"num_hidden_layers": 9, "sliding_window": 7},
    {"num_hidden_layers": 9, "sliding_window": None},
    {"num_hidden_layers": 9, "sliding_window_pattern": 3},
    {"num_hidden_layers": 9, "use_sliding_window": True, "sliding_window": 7, "max_window_layers": 4},
    {"num_hidden_layers": 9, "use_sliding_window": False},
    {"num_hidden_layers": 9, "full_attention_interval": 3},
    {"num_hidden_layers": 9, "global_attn_every_n_layers": 2},
    {"num_hidden_layers": 9, "no_rope_layer_interval": 2, "use_sliding_window": True, "sliding_window": 7},
    {"num_hidden_layers": 9, "no_rope_layers": [1, 0, 1, 1, 0, 0, 1, 1, 0]},
    {"num_hidden_layers": 9, "layer_types": ["full_attention"] * 9},
    {"num_hidden_layers": 9, "layer_types": ["sliding_attention"] * 9, "sliding_window": 7},
    {"num_hidden_layers": 9, "attn_layer_period": 4, "attn_layer_offset": 1},
    {"num_hidden_layers": 9, "attn_layer_indices": [2, 7]},
    {"num_hidden_layers": 9, "full_attn_idxs": [0, 8]},
    {"num_hidden_layers": 9, "layer_group_size": 2},
    {"num_hidden_layers": 9, "local_layer_ids": [1, 2, 3]},
    {"num_hidden_layers": 9, "first_k_dense_replace": 2, "prefix_dense_sliding_window_pattern": 2},
    {"num_hidden_layers": 9, "hybrid_override_pattern": "M*-EM*M-E"},
    {"num_hidden_layers": 6, "linear_attn_config": {"full_attn_layers": [2, 6], "kda_layers": [1, 3, 4, 5], "head_dim": 4}},
    {"num_hidden_layers": 6, "compress_ratios": [0, 128, 4, 0, 128, 4]},
    {"num_hidden_layers": 6, "block_types": ["attention", "recurrent"]},
    {"num_hidden_layers": 6, "use_dsa": False},
    {"num_hidden_layers": 6, "sparse_attention_config": {"sparse_attention_freq": [0, 1, 1, 0, 1, 0]}},
)
OF_OTHER_KINDS = frozenset(
    {
        "bit",
        "d_fine",
        "deimv2",
        "pp_doclayout_v2",
        "pp_doclayout_v3",
        "regnet",
        "resnet",
        "rt_detr",
        "rt_detr_resnet",
        "rt_detr_v2",
    }
)
"""Model types whose `layer_types` are kinds of convolution."""
ENCODERS = frozenset({"lfm3_vl_vision", "muse_glimmer_vision", "muse_spark_vision", "ultrabert"})
"""Model types that see the whole input at once, and so keep nothing."""
STATES = frozenset({"rwkv", "xlstm"})
"""Model types with caches of their own, which are no `DynamicCache`."""


@pytest.mark.torch
@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
class TestAgainstTransformers:
    @pytest.fixture(autouse=True)
    def quiet(self) -> Any:
        logging.disable(logging.WARNING)
        yield
        logging.disable(logging.NOTSET)

    def test_layer_types_are_those_of_the_class(self) -> None:
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

        compared: dict[str, int] = {}
        different = []
        for model_type in sorted(set(CONFIG_MAPPING_NAMES) - OF_OTHER_KINDS - ENCODERS):
            if not getattr(self.made(CONFIG_MAPPING[model_type], {}), "layer_types", None):
                continue
            for variation in VARIATIONS:
                made = self.made(CONFIG_MAPPING[model_type], variation)
                theirs = None if made is None else getattr(made, "layer_types", None)
                if not theirs:
                    continue
                values = {"model_type": model_type, **variation}
                ours = layer_types(Settings(model_type, values), len(theirs))
                compared[model_type] = compared.get(model_type, 0) + 1
                if ours != tuple(theirs):
                    different.append((model_type, dict(variation), ours[:9], theirs[:9]))
        assert different == []
        assert len(compared) > 70
        assert sum(compared.values()) > 1500

    def test_models_without_layer_types_slide_where_the_cache_does(self) -> None:
        from transformers.cache_utils import get_layer_types_and_kwargs
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING
        from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

        different = []
        for model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
            for variation in VARIATIONS[:9]:
                made = self.made(CONFIG_MAPPING[model_type], variation)
                if made is None or getattr(made, "layer_types", None) or made.get_text_config(decoder=True) is not made:
                    continue
                if model_type in STATES or not isinstance(getattr(made, "num_hidden_layers", None), int):
                    continue
                theirs, _ = get_layer_types_and_kwargs(made)
                settings = Settings(model_type, {"model_type": model_type, **variation})
                ours = layer_types(settings, made.num_hidden_layers)
                if list(ours) != theirs:
                    different.append((model_type, dict(variation), ours[:3], theirs[:3]))
        assert different == []

    @staticmethod
    def made(kind: Any, variation: Mapping[str, Any]) -> Any:
        """A config, or None where the class refuses these fields."""
        try:
            return kind(**{name: list(value) if isinstance(value, list) else value for name, value in variation.items()})
        except Exception:
            return None


class TestListed:
    def test_what_is_listed_counts(self) -> None:
        settings = Settings("llama", {"layer_types": ["attention", "mamba", "foo"]})
        assert layer_types(settings, 3) == ("full_attention", "linear_attention", "foo")

    def test_types_of_layers_that_predict_further_tokens_are_left_out(self) -> None:
        assert len(layer_types(Settings("step3p5", {"layer_types": ["full_attention"] * 5}), 3)) == 3

    def test_a_list_that_is_too_short_is_refused(self) -> None:
        with pytest.raises(FormatError, match="layer_types has 2 types, expected one for each of 3 layers"):
            layer_types(Settings("llama", {"layer_types": ["full_attention"] * 2}), 3)

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ({"attn_layer_period": 2, "attn_layer_offset": 1}, "LFLF"),
            ({"attn_type_list": [0, 1, 0, 1]}, "LFLF"),
            ({"full_attention_interval": 2}, "LFLF"),
            ({"hybrid_override_pattern": "M*-E"}, "LFme"),
            ({"full_attn_idxs": [1]}, "cFcc"),
            ({"attn_layer_indices": [3]}, "LLLF"),
            ({"sliding_window_pattern": 2, "sliding_window": 5}, "SFSF"),
            ({"sliding_window": 5, "use_sliding_window": False}, "FFFF"),
            ({"sliding_window": 5}, "SSSS"),
            ({"attention_chunk_size": 5}, "CCCC"),
            ({}, "FFFF"),
        ],
    )
    def test_older_ways_of_saying_it_in_remote_code(self, values: dict[str, Any], expected: str) -> None:
        marks = {
            "L": "linear_attention", "F": "full_attention", "m": "mlp", "e": "moe", "c": "conv", "S": "sliding_attention",
            "C": "chunked_attention",
        }  # fmt: skip
        assert layer_types(Settings("some_remote_code", values), 4) == tuple(marks[one] for one in expected)

    def test_a_period_of_no_layers_is_refused(self) -> None:
        with pytest.raises(FormatError, match="sliding_window_pattern is 0"):
            layer_types(Settings("gemma3_text", {"sliding_window_pattern": 0}), 4)

    @pytest.mark.parametrize(
        ("name", "count"), [("num_hidden_layers", 3), ("n_layer", 3), ("n_layers", 3), ("num_layers", 3), ("decoder_layers", 3)]
    )
    def test_layers_have_many_names(self, name: str, count: int) -> None:
        assert layers_of(Settings(None, {name: count})) == 3
