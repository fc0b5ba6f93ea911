"""Values for which the table was found to be wrong by hand: no number, and the usual ones as before."""

import json
from pathlib import Path

import pytest

from memscan import UnderivedError, scan

CASES = [
    ("jamba", "JambaForCausalLM", {"num_experts": 1}, {"num_experts": 16}),
    (
        "falcon",
        "FalconForCausalLM",
        {"parallel_attn": False, "new_decoder_architecture": True},
        {"new_decoder_architecture": True},
    ),
    ("convbert", "ConvBertModel", {"head_ratio": 18}, {"head_ratio": 2}),
    ("canine", "CanineModel", {"num_hash_functions": 7}, {"num_hash_functions": 8}),
    ("minimax", "MiniMaxForCausalLM", {"num_experts_per_tok": 4}, {"num_experts_per_tok": 2}),
    ("kimi_linear", "KimiLinearForCausalLM", {"num_expert_group": 8}, {"num_expert_group": 1}),
    ("inkling_text", "InklingForCausalLM", {"num_experts_per_tok": 2}, {"num_experts_per_tok": 6}),
    ("pp_doclayout_v2", "PPDocLayoutV2Model", {"num_feature_levels": 2}, {"num_feature_levels": 3}),
    ("flava_image_codebook", "FlavaImageCodebook", {"num_blocks_per_group": 1}, {"num_blocks_per_group": 2}),
]


@pytest.mark.parametrize(("model_type", "name", "wrong", "right"), CASES)
def test_what_is_right_by_coincidence_gives_no_other_number(tmp_path: Path, model_type: str, name: str, wrong, right):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": model_type, "architectures": [name], **right}))
    assert scan(path).model.checkpoint.nbytes > 0
    path.write_text(json.dumps({"model_type": model_type, "architectures": [name], **wrong}))
    with pytest.raises(UnderivedError, match="was not verified"):
        scan(path, backend="config")
