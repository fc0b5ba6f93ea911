"""What transformers itself makes of its plans, beside what memscan does."""

import inspect
import re

import pytest
import torch
import transformers
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM
from transformers.distributed.parallel_utils import _get_parameter_plan
from transformers.distributed.tensor_parallel import get_kv_heads_per_rank

from memscan.architecture.settings import Settings
from memscan.parallel import by_plan, cuts_keys
from memscan.parallel.styles import WHOLE_HEADS, Style

pytestmark = [pytest.mark.torch, pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]
SMALL = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "vocab_size": 100, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
HEADED = re.compile(r"^ +self\.lm_head = ", re.MULTILINE)
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


def test_the_classes_with_a_head_that_no_plan_names():
    mappings = (transformers.MODEL_FOR_CAUSAL_LM_MAPPING, transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
                transformers.MODEL_FOR_MASKED_LM_MAPPING, transformers.MODEL_FOR_MULTIMODAL_LM_MAPPING)  # fmt: skip
    classes = {one for mapping in mappings for one in mapping.values()}
    found = {
        one.__name__
        for one in classes
        if not one._tp_plan
        and HEADED.search(inspect.getsource(one))
        and one.config_class().get_text_config(decoder=True).base_model_tp_plan
    }
    assert found <= WHOLE_HEADS
    assert all(not getattr(transformers, name)._tp_plan for name in WHOLE_HEADS)
    assert len(found) > len(WHOLE_HEADS) // 2
