"""What can be limited, for formats that describe their rules: an id, a name, what it means and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of limit."""

    name: str
    """The id in one word of several capitals, as SARIF asks."""
    short: str
    full: str
    help: str
    """What to do when it is not kept."""


RULES = {
    "total": Rule(
        name="TotalSize",
        short="The weights are larger than their limit",
        full="The bytes of all weights that the model loads, in the dtype of the budget.",
        help="Check another dtype, remove what the model does not need, or raise the limit.",
    ),
    "largest-layer": Rule(
        name="LargestLayer",
        short="The largest layer is larger than its limit",
        full="The bytes of the largest part of the model that stays whole on one device.",
        help="Check another dtype, make the layer smaller, or raise the limit.",
    ),
    "inference": Rule(
        name="InferencePeak",
        short="The peak of an inference is above its limit",
        full="The bytes that one device holds at the worst moment of an inference: weights, KV cache, activations, runtime.",
        help="`memscan inference` shows the lines: a shorter context, a smaller batch, another dtype or more devices lower them.",
    ),
    "training": Rule(
        name="TrainingPeak",
        short="The peak of a training step is above its limit",
        full="The bytes that one device holds at the worst moment of a step: weights, gradients, optimizer, activations.",
        help="`memscan training` shows the lines: a smaller batch, checkpointed gradients, LoRA or another optimizer lower them.",
    ),
    "growth": Rule(
        name="Growth",
        short="The model grew by more than it may",
        full="The bytes that one revision of a model has more than another.",
        help="`memscan diff` shows the modules that grew. Make them smaller, or allow the growth.",
    ),
    "baseline": Rule(
        name="BaselineGrowth",
        short="A figure is above that of the baseline by more than it may be",
        full="The same figure of the target and of its baseline, one beside the other.",
        help="`memscan diff` shows the modules that grew. Make them smaller, allow the growth, or move the baseline.",
    ),
    "config": Rule(
        name="ConfigDisagrees",
        short="Stored tensors are not those that the config declares",
        full="The stored tensors beside those that its class has by config.json: shapes, and names as loading renames them.",
        help="The message names the tensors: upload those that are missing, or the config that the weights were made with.",
    ),
}
"""By the rule of a finding."""


def rule(identifier: str) -> Rule:
    """The rule of that id; one that is not known here is described by its id."""
    plain = Rule(
        name=identifier, short=f"A limit of {identifier} is not kept", full="A figure beside its limit.", help="Raise the limit."
    )
    return RULES.get(identifier, plain)
