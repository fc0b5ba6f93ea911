"""What transformers itself makes of its plans, beside what memscan does."""

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM
from transformers.distributed.parallel_utils import _get_parameter_plan
from transformers.distributed.tensor_parallel import get_kv_heads_per_rank

from memscan.architecture.settings import Settings
from memscan.parallel import by_plan, cuts_keys
from memscan.parallel.styles import Style

pytestmark = [pytest.mark.torch, pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]
SMALL = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "vocab_size": 100, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
TYPES = ("llama", "qwen3_moe", "qwen3_next", "gemma2", "phi3", "olmo2", "gpt_neox", "granitemoe", "starcoder2", "minimax_m2")


def test_kv_heads_are_divided_by_the_plans_that_divide_them_there():
    plans = {name: Settings(name, {}).tensor_parallel_plan for name in CONFIG_MAPPING}
    divided = {name: get_kv_heads_per_rank(dict(plan), 8, 2) for name, plan in plans.items() if plan}
    assert {name: 4 if cuts_keys(plans[name]) else 8 for name in divided} == divided
    assert set(divided.values()) == {4, 8}


@pytest.mark.parametrize("model_type", TYPES)
def test_embeddings_and_heads_are_cut_where_they_are_there(model_type):
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **SMALL))
    style = by_plan(Settings(model_type, {}).tensor_parallel_plan)
    found = {name: style(name) for name, _ in model.named_parameters() if "layers." not in name and "norm" not in name}
    cut = {name: _get_parameter_plan(name, model.tp_plan) for name in found}
    assert found == {name: Style.VOCABULARY if word else Style.REPLICATED for name, word in cut.items()}
    assert cut
