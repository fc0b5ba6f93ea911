"""Which modules transformers leaves alone unless it is told otherwise.

`get_keys_to_not_convert` in
https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/quantizers/base.py: output embeddings, tied keys and
the last of `named_parameters`; the quantizers add what a class keeps in float32. `.weight` is cut off, and nothing else: where
the last parameter is a bias (`classifier.bias`), no module has its name, and the classifier is quantized.
"""

from dataclasses import dataclass

from memscan.quantizers.base import Dense


@dataclass(frozen=True, slots=True, kw_only=True)
class Skips:
    """Patterns of modules, matched as transformers' `should_convert_module` does."""

    endings: tuple[str, ...]
    prefixes: tuple[str, ...]

    def covers(self, module: str) -> bool:
        """Whether `module` is, ends with, or stands below one of the patterns."""
        return module.endswith(self.endings) or module.startswith(self.prefixes)


def default_skips(dense: Dense) -> Skips:
    """The default skips of `dense`."""
    names = set(dense.kept)
    last = last_parameter(dense)
    if last is not None:
        names.add(last)
    patterns = sorted({name.removesuffix(".weight") for name in names} - {""})
    return Skips(endings=tuple(patterns), prefixes=tuple(f"{pattern}." for pattern in patterns))


def last_parameter(dense: Dense) -> str | None:
    """The last of `named_parameters`, or of the weights where that is not known; None for a model without any."""
    if dense.last is not None:
        return dense.last
    return next((weight.name for weight in reversed(dense.weights) if not weight.buffer), None)


def last_assumed(dense: Dense) -> str | None:
    """That the last parameter had to be guessed, as a sentence."""
    if dense.last is not None:
        return None
    return "the last tensor of the checkpoint is taken for the model's last parameter, which transformers leaves alone"
