"""The heads of classifiers, which peft trains in full beside LoRA.

`PeftModelForSequenceClassification`, `PeftModelForTokenClassification` and `PeftModelForQuestionAnswering` in
https://github.com/huggingface/peft/blob/v0.21.2/src/peft/peft_model.py, `_set_trainable` in utils/other.py beside it. It is the
`task_type` of the adapter's config that asks for it; here it is told by the name of the class.
"""

from collections.abc import Collection, Mapping

from memscan.adapters.targets import below
from memscan.quantizers import Dense
from memscan.tensor import TensorInfo

CLASSIFIER = ("classifier", "score")
HEADS: Mapping[str, tuple[str, ...]] = {
    "ForSequenceClassification": CLASSIFIER,
    "ForTokenClassification": CLASSIFIER,
    "ForQuestionAnswering": ("qa_outputs",),
}
"""The names that modules to save end with, by what the name of the class ends with."""


def saved_modules(dense: Dense, class_name: str | None = None) -> tuple[str, ...]:
    """The modules that are trained in full for the class `class_name`, or the config's; none for a class of another kind."""
    endings = next((names for ending, names in HEADS.items() if (class_name or _declared(dense)).endswith(ending)), ())
    if not endings:
        return ()
    found: dict[str, None] = {}
    for weight in dense.weights:
        module = weight.name.rpartition(".")[0]
        while module:
            if module.endswith(endings):
                found[module] = None
            module = module.rpartition(".")[0]
    return tuple(module for module in found if not below(module, found.keys() - {module}))


def saved_copies(dense: Dense, modules: Collection[str]) -> tuple[TensorInfo, ...]:
    """The parameters of `modules` once more, in the dtype that the model has them in."""
    return tuple(
        TensorInfo(
            name=f"{weight.name} (trained copy)",
            dtype=weight.dtype,
            shape=weight.shape,
            offset=0,
            nbytes=weight.nbytes,
            buffer=False,
        )
        for weight in dense.weights
        if not weight.buffer and below(weight.name, modules)
    )


def _declared(dense: Dense) -> str:
    names = dense.config.get("architectures")
    first = names[0] if isinstance(names, list) and names else None
    return first if isinstance(first, str) else ""
