"""A dense model as memscan's quantizers are told of it."""

from pathlib import Path
from typing import Any

from models import Recipe
from transformers import PreTrainedModel
from transformers.quantizers.quantizers_utils import should_convert_module


def described(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Every parameter and buffer of the model in `folder`, with the class that owns it, and transformers' default skips."""
    model = recipe.load().from_pretrained(folder)
    owners = {name: type(module).__name__ for name, module in model.named_modules()}
    parameters = dict(model.named_parameters())
    weights = [
        {
            "name": name, "shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch."),
            "nbytes": tensor.nbytes, "module": owners[name.rpartition(".")[0]], "buffer": name not in parameters,
        }
        for name, tensor in [*parameters.items(), *model.named_buffers()]
    ]  # fmt: skip
    kept = tied(model) | _output(model) | _kept_in_float32(model)
    return {
        "class": recipe.cls, "model_type": model.config.model_type, "last": list(parameters)[-1], "kept": sorted(kept),
        "weights": weights,
    }  # fmt: skip


def tied(model: PreTrainedModel) -> set[str]:
    """The modules that share a parameter."""
    keys = model.all_tied_weights_keys
    return {name.removesuffix(".weight") for name in [*keys, *keys.values()]}


def _output(model: PreTrainedModel) -> set[str]:
    output = model.get_output_embeddings()
    return {name for name, module in model.named_modules() if output is not None and module is output}


def _kept_in_float32(model: PreTrainedModel) -> set[str]:
    patterns = list(model._keep_in_fp32_modules or [])  # noqa: SLF001 - where transformers' own quantizers read it
    return {name for name, _ in model.named_modules() if name and not should_convert_module(name, patterns)}
