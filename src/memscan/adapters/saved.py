"""The heads of classifiers, which peft trains in full beside LoRA.

`PeftModelForSequenceClassification`, `PeftModelForTokenClassification` and `PeftModelForQuestionAnswering` in
https://github.com/huggingface/peft/blob/v0.21.2/src/peft/peft_model.py, `_set_trainable` in utils/other.py beside it. It is the
`task_type` of the adapter's config that asks for it; here it is told by the name of the class.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from memscan.quantizers.base import Dense
from memscan.tensor import TensorInfo

CLASSIFIER = ("classifier", "score")
SEQUENCES = "ForSequenceClassification"
HEADS: Mapping[str, tuple[str, ...]] = {
    SEQUENCES: CLASSIFIER,
    "ForTokenClassification": CLASSIFIER,
    "ForQuestionAnswering": ("qa_outputs",),
}
"""What the names of modules to save end with, by what the name of the class ends with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What is trained in full."""

    modules: tuple[str, ...] = ()
    """Dotted names, none below another."""
    spared: tuple[str, ...] = ()
    """Parts of names that are never adapted: peft says so only for classifiers of sequences."""

    def covers(self, name: str) -> bool:
        """Whether the module or parameter `name` is one of `modules`, or stands below one."""
        return any(name == module or name.startswith(f"{module}.") for module in self.modules)

    def spares(self, name: str) -> bool:
        """Whether the module `name` is left out of what LoRA matches."""
        return any(part in self.spared for part in name.split("."))


def saved_modules(dense: Dense, class_name: str | None = None) -> Saved:
    """What is trained in full for the class `class_name`, or the first that the config declares; nothing for other classes."""
    name = class_name or _declared(dense)
    ending = next((ending for ending in HEADS if name.endswith(ending)), None)
    if ending is None:
        return Saved()
    found: dict[str, None] = {}
    for weight in dense.weights:
        *path, _ = weight.name.split(".")
        for length in range(1, len(path) + 1):  # the outermost
            if path[length - 1].endswith(HEADS[ending]):
                found[".".join(path[:length])] = None
                break
    return Saved(modules=tuple(found), spared=CLASSIFIER if ending == SEQUENCES else ())


def saved_copies(dense: Dense, saved: Saved) -> tuple[TensorInfo, ...]:
    """The parameters of `saved` once more, in the dtype that the model has them in."""
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
        if not weight.buffer and saved.covers(weight.name)
    )


def _declared(dense: Dense) -> str:
    names = dense.config.get("architectures")
    first = names[0] if isinstance(names, list) and names else None
    return first if isinstance(first, str) else ""
