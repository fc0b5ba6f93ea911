"""Linear layers and embeddings that transformers gives classes of its own, which the architecture table has no word for.

peft asks with `isinstance`, so that these are adapted like any other. Those of transformers 5.23 that inherit from
`torch.nn.Linear`: `FalconLinear`, `Llama4Router`, `PhimoeTopKRouter`, `DeepseekV4GroupedLinear`, `EsmFoldLinear` and, as an
output head, `IdeficsDecoupledLinear`; torch has one for the `out_proj` of a `torch.nn.MultiheadAttention`. Those that inherit
from `torch.nn.Embedding` scale it or make positions of it
(https://github.com/huggingface/transformers/tree/v5.23.0/src/transformers/models).
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from memscan.quantizers.base import Dense, Weight

EMBEDDING = "Embedding"
LINEARS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "deepseek_v4": ("DeepseekV4GroupedLinear", ("o_a_proj",)),
    "esm": ("EsmFoldLinear", ("linear", "linear_")),
    "falcon": ("FalconLinear", ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")),
    "idefics": ("IdeficsDecoupledLinear", ("lm_head",)),
    "llama4": ("Llama4Router", ("router",)),
    "llama4_text": ("Llama4Router", ("router",)),
    "phimoe": ("PhimoeTopKRouter", ("router",)),
}
"""The class of each model type, and the last names of its modules; one that ends with `_` stands for all that begin with it."""
EMBEDDINGS = frozenset({"shared", "wpe", "wte"})
IN_PROJ = ".in_proj_weight"
"""What `torch.nn.MultiheadAttention` has and nothing else: by it that module is known."""


def classes_told(dense: Dense) -> Dense:
    """`dense` with the class of every linear layer and embedding, where it was known to be of none that torch has."""
    attentions = {weight.name.removesuffix(IN_PROJ) for weight in dense.weights if weight.name.endswith(IN_PROJ)}
    return replace(dense, weights=tuple([_told(weight, dense.model_type, attentions) for weight in dense.weights]))


def _told(weight: Weight, model_type: str | None, attentions: Collection[str]) -> Weight:
    if weight.module != "" or len(weight.shape) != 2 or weight.buffer or not weight.name.endswith(".weight"):
        return weight
    above, _, last = weight.name.removesuffix(".weight").rpartition(".")
    if last == "out_proj" and above in attentions:
        return replace(weight, module="NonDynamicallyQuantizableLinear")
    cls, names = LINEARS.get(model_type or "", ("", ()))
    if last in names or any(name.endswith("_") and last.startswith(name) for name in names):
        return replace(weight, module=cls)
    return replace(weight, module=EMBEDDING) if last in EMBEDDINGS or "embed" in last else weight
