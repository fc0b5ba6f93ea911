"""peft itself: the parameters that it trains, module by module, their bytes, and what it refuses."""

import json
from collections.abc import Sequence
from functools import cache

import pytest

from memscan.adapters import Lora, lora
from memscan.errors import UsageError
from tests.adapters.dense import of_torch, published
from tests.adapters.models import MODELS

pytestmark = [pytest.mark.torch, pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]  # the libraries' own notices

TASKS = {
    "ForSequenceClassification": "SEQ_CLS",
    "ForTokenClassification": "TOKEN_CLS",
    "ForQuestionAnswering": "QUESTION_ANS",
    "ForConditionalGeneration": "SEQ_2_SEQ_LM",
    "ForCausalLM": "CAUSAL_LM",
}
DTYPES = {"bfloat16": "BF16", "float32": "F32", "float64": "F64"}
CASES = [(name, targets, dora) for name, (_, _, lists) in MODELS.items() for targets in (None, *lists) for dora in (False, True)]


@cache
def values(name: str) -> dict[str, object]:
    """The config of a model, as it is saved."""
    import transformers

    model_type, given, _ = MODELS[name]
    return json.loads(json.dumps(transformers.AutoConfig.for_model(model_type, **given).to_dict(), default=str))


def built(name: str, dtype: str = "bfloat16"):
    import torch
    import transformers

    model_type, given, _ = MODELS[name]
    config = transformers.AutoConfig.for_model(model_type, **given)
    return getattr(transformers, name)._from_config(config).to(getattr(torch, dtype))


def theirs(model, targets: Sequence[str] | None, *, dora: bool = False, **more):
    """The model with an adapter of rank 4."""
    import peft

    task = next((task for ending, task in TASKS.items() if type(model).__name__.endswith(ending)), None)
    wanted = "all-linear" if targets is None else list(targets)
    return peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules=wanted, task_type=task, use_dora=dora, **more))


def by_module(model) -> dict[str, int]:
    """Parameters of the adapter by the module that it adapts."""
    found: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and ".lora_" in name:
            module = name.removeprefix("base_model.model.").partition(".lora_")[0]
            found[module] = found.get(module, 0) + parameter.numel()
    return found


def ident(value: object) -> str:
    return "all-linear" if value is None else ",".join(value) if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize(("name", "targets", "dora"), CASES, ids=ident)
def test_what_is_trained_is_what_peft_trains(name: str, targets: tuple[str, ...] | None, dora: bool) -> None:
    setting, model = Lora(rank=4, targets=targets, dora=dora), built(name)
    dense = of_torch(model, values(name))
    try:
        real = theirs(model, targets, dora=dora)
    except (ValueError, TypeError):
        with pytest.raises(UsageError, match=r"^--lora|^peft refuses"):
            lora(dense, setting)
        return
    made = lora(dense, setting)
    assert made.parameters == real.get_nb_trainable_parameters()[0]
    assert made.nbytes == sum(each.numel() * each.element_size() for each in real.parameters() if each.requires_grad)
    assert (made.assumed is None) == (targets != ("projection",))  # a convolution's groups do not show in its shape
    if not any("experts." in module for module in made.modules):  # peft nests these under names of its own
        expected = {module.removesuffix(".weight"): count for module, count in made.modules.items()}
        assert expected == by_module(real)


@pytest.mark.parametrize("dtype", DTYPES)
def test_adapters_are_of_float32_or_wider(dtype: str) -> None:
    """`autocast_adapter_dtype` is on by default; a base of float64 keeps its own."""
    real = theirs(built("LlamaForCausalLM", dtype), None)
    held = {each.element_size() for each in real.parameters() if each.requires_grad}
    made = lora(published("LlamaForCausalLM", values("LlamaForCausalLM"), DTYPES[dtype]), Lora(rank=4))
    assert {tensor.dtype.block_bytes for tensor in made.tensors} == held


def test_experts_stored_one_by_one_count_as_the_parameter_that_they_are_fused_into() -> None:
    """A Mixtral checkpoint as it is published, without the table's help."""
    from memscan.quantizers.base import Dense
    from tests.quantizers.dense import dense, weight

    loose = [
        weight(f"model.layers.0.block_sparse_moe.experts.{expert}.{name}.weight", *shape, module=None)
        for expert in range(4)
        for name, shape in (("w1", (48, 32)), ("w2", (32, 48)), ("w3", (48, 32)))
    ]
    stored: Dense = dense(*loose, model_type="mixtral")
    model = built("MixtralForCausalLM")
    expected = theirs(model, ("w1", "w2", "w3")).get_nb_trainable_parameters()[0] // 2  # of two layers
    assert lora(stored, Lora(rank=4, targets=("w1", "w2", "w3"))).parameters == expected


def test_dropout_is_refused_where_experts_are_adapted() -> None:
    with pytest.raises(ValueError, match="lora_dropout"):
        theirs(built("MixtralForCausalLM"), None, lora_dropout=0.1)
    with pytest.raises(UsageError, match="--lora has dropout, which peft refuses for parameters of experts"):
        lora(published("MixtralForCausalLM", values("MixtralForCausalLM")), Lora(rank=4, dropout=0.1))


def test_the_model_types_whose_experts_are_translated_are_pefts() -> None:
    from peft.utils.transformers_weight_conversion import _MODEL_TO_CONVERSION_PATTERN, _MOE_TARGET_MODULE_MAPPING

    from memscan.adapters.experts import TYPES

    real = {
        name: _MOE_TARGET_MODULE_MAPPING[pattern]
        for name, pattern in _MODEL_TO_CONVERSION_PATTERN.items()
        if pattern in _MOE_TARGET_MODULE_MAPPING and name.islower()  # others are classes, which no config names
    }
    assert real == TYPES


def test_what_inherits_from_linear_is_known() -> None:
    """Every subclass of `torch.nn.Linear` in transformers' models, where the architecture table has no word for it."""
    import re
    from pathlib import Path

    import transformers

    from memscan.adapters.subclasses import LINEARS

    sources = Path(transformers.__file__).parent.glob("models/*/modeling_*.py")
    inherits = re.compile(r"^class (\w+)\(nn\.Linear\)", re.MULTILINE)
    found = {name for source in sources for name in inherits.findall(source.read_text())}
    assert found == {name for name, _ in LINEARS.values()}


def test_kbit_training_casts_what_is_left_of_two_bytes() -> None:
    import peft
    import torch

    from memscan.adapters import upcast
    from memscan.dtype import SAFETENSORS
    from memscan.tensor import TensorInfo

    model = built("LlamaForCausalLM")
    model.model.layers[0].mlp.up_proj.to(torch.float32)
    words = {torch.bfloat16: "BF16", torch.float32: "F32"}
    tensors = [
        TensorInfo(name=name, dtype=SAFETENSORS[words[each.dtype]], shape=tuple(each.shape), offset=0, nbytes=each.nbytes)
        for name, each in model.named_parameters()
    ]
    before = sum(each.nbytes for each in model.parameters())
    after = sum(each.nbytes for each in peft.prepare_model_for_kbit_training(model).parameters())
    assert upcast(tensors, "bnb-nf4") == after - before
    assert upcast(tensors, "gptq-4bit-g128") == 0
