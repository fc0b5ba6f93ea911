"""The longest context that a config names."""

from typing import Any

import pytest

from memscan.architecture.settings import Settings
from memscan.cache import longest_context
from memscan.errors import FormatError


@pytest.mark.parametrize(
    ("values", "tokens"),
    [
        ({"model_type": "llama", "max_position_embeddings": 131_072}, 131_072),
        ({"model_type": "llama"}, 2048),
        ({"model_type": "gpt2"}, 1024),
        ({"model_type": "mpt", "max_seq_len": 8192}, 8192),
        ({"model_type": "whisper"}, 448),
        ({"model_type": "chatglm", "seq_length": 8192}, 8192),
        ({"model_type": "cohere", "max_position_embeddings": 8192, "model_max_length": 131_072}, 131_072),
        ({"model_type": "qwen3_vl", "text_config": {"max_position_embeddings": 262_144}}, 262_144),
        ({"model_type": "mamba"}, None),
        ({"model_type": "brand_new"}, None),
        # Stretched from a shorter length, which some configs leave in the field.
        ({"model_type": "qwen2", "max_position_embeddings": 32_768,
          "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32_768}}, 131_072),
        ({"model_type": "deepseek_v3", "max_position_embeddings": 163_840,
          "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096}}, 163_840),
        # Llama 3.1 gives the length that it reaches.
        ({"model_type": "llama", "max_position_embeddings": 131_072,
          "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192}}, 131_072),
    ],
)  # fmt: skip
def test_the_names_of_the_field(values: dict[str, Any], tokens: int | None) -> None:
    assert longest_context(Settings(values.get("model_type"), values)) == tokens


def test_a_length_that_is_no_number_is_refused() -> None:
    with pytest.raises(FormatError, match="max_position_embeddings"):
        longest_context(Settings("llama", {"max_position_embeddings": "long"}))
