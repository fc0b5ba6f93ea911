"""Which class of torch module owns a weight: as it is known, or judged by names and shapes where it is not.

Names of the classes are those of transformers 5.23 (https://github.com/huggingface/transformers/tree/v5.23.0/src/transformers/models).
"""

from memscan.quantizers.base import Dense, Weight

LINEAR = "Linear"
CONV1D = "Conv1D"
"""`transformers.pytorch_utils.Conv1D`: a linear layer whose weight is stored as (in, out)."""
LINEARS = frozenset({
    LINEAR,
    "AutoBitLinear",
    "DeepseekV4GroupedLinear",
    "EsmFoldLinear",
    "FalconLinear",
    "IdeficsDecoupledLinear",
    "Llama4Router",
    "NonDynamicallyQuantizableLinear",
    "PhimoeTopKRouter",
})  # fmt: skip
"""`torch.nn.Linear` and the classes that inherit from it: some methods take only the one, some all."""

CONV1D_MODELS = frozenset({"clvp", "decision_transformer", "gpt2", "imagegpt", "openai-gpt"})
CONV1D_NAMES = frozenset({"c_attn", "c_fc", "c_proj", "q_attn"})
SUBCLASSES = {"falcon": "FalconLinear"}
"""Model types whose blocks have a class of their own in place of `torch.nn.Linear`."""
EMBEDDINGS = frozenset({"emb", "relative_attention_bias", "shared", "wpe", "wte"})
HEADS = frozenset({"lm_head", "embed_out"})
ROUTERS = frozenset({"gate", "router"})
SHARED_GATE = "shared_expert_gate"
"""A linear layer, unlike the routers of transformers 5, that recipes name beside them."""


def owner(weight: Weight, model_type: str | None) -> str:
    """The class of the module that owns `weight`; "" where it is none that a quantizer looks for."""
    if weight.module is not None:
        return weight.module
    module, _, leaf = weight.name.rpartition(".")
    if leaf != "weight" or len(weight.shape) != 2 or is_expert(module):
        return ""
    return _guess(module.rpartition(".")[2], model_type)


def is_expert(module: str) -> bool:
    """Whether `module` stands in one numbered expert: `...experts.3.w1`. transformers 5 fuses those when it loads them."""
    parts = module.rsplit(".", 3)[-3:]
    return len(parts) == 3 and parts[0] == "experts" and parts[1].isdecimal()


def is_router(module: str) -> bool:
    """Whether `module` weighs experts, by its name."""
    last = module.rpartition(".")[2]
    return last in ROUTERS or last == SHARED_GATE


def _guess(last: str, model_type: str | None) -> str:
    if last in ROUTERS:
        return ""  # transformers 5 has a parameter there, in a module of its own
    if last in EMBEDDINGS or ("embed" in last and "proj" not in last and last not in HEADS):
        return "Embedding"
    if "norm" in last:
        return "LayerNorm"
    if model_type in CONV1D_MODELS and last in CONV1D_NAMES:
        return CONV1D
    return LINEAR if last in HEADS else SUBCLASSES.get(model_type or "", LINEAR)


def assumption(dense: Dense) -> str | None:
    """What had to be judged, as a sentence; None where the class of every matrix is known."""
    unknown = sum(weight.module is None and len(weight.shape) == 2 and weight.name.endswith("weight") for weight in dense.weights)
    if not unknown:
        return None
    return f"which of the {unknown:,} matrices are linear layers is judged by their names"
