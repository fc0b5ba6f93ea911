"""The decoder blocks of a model: where the methods that calibrate block by block look for linear layers.

`BLOCK_PATTERNS` and `get_block_name_with_pattern` in
https://github.com/huggingface/optimum/blob/v2.3.0/optimum/gptq/constants.py and utils.py: the first pattern that a module's name
starts with.
"""

from memscan.quantizers.base import Dense

PATTERNS = (
    "transformer.h",
    "model.decoder.layers",
    "gpt_neox.layers",
    "model.layers",
    "model.language_model.layers",
    "h",
    "decoder.layers",
    "layers",
)
NONE = "it has no decoder blocks under a name that the method knows, so nothing of it is quantized"


def block_prefix(dense: Dense) -> str | None:
    """What the names of all decoder blocks start with; None where there are none that optimum finds."""
    modules = [weight.name for weight in dense.weights if "." in weight.name]
    return next((pattern for pattern in PATTERNS if any(module.startswith(pattern) for module in modules)), None)
