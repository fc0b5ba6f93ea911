"""What a loaded model holds: parameters, buffers, what is shared, and the largest layer."""

from typing import Any

import torch
from accelerate.utils.modeling import compute_module_sizes, get_max_layer_size
from torch import nn

Record = dict[str, Any]


def held(model: nn.Module, info: Record) -> Record:
    """The record of a model that ``from_pretrained`` gave, with its loading info."""
    parameters = [[name, *_look(tensor)] for name, tensor in model.named_parameters()]
    persistent = set(model.state_dict(keep_vars=True))
    buffers = [[name, *_look(tensor), name in persistent] for name, tensor in model.named_buffers()]
    return {
        "class": type(model).__name__,
        "parameters": _sum(list(model.parameters())),
        "buffers": _sum(list(model.buffers())),
        "missing_keys": _names(info["missing_keys"]),
        "unexpected_keys": _names(info["unexpected_keys"]),
        "mismatched_keys": _names(info["mismatched_keys"]),
        "tied": tied(model),
        "largest_layer": largest_layer(model),
        "parameter_list": parameters,
        "buffer_list": buffers,
    }


def _look(tensor: torch.Tensor) -> tuple[list[int], str]:
    if tensor.is_meta:
        raise ValueError("from_pretrained left a tensor on the meta device")
    return list(tensor.shape), str(tensor.dtype).removeprefix("torch.")


def _sum(tensors: list[torch.Tensor]) -> Record:
    return {
        "tensors": len(tensors),
        "elements": sum(tensor.numel() for tensor in tensors),
        "bytes": sum(tensor.numel() * tensor.element_size() for tensor in tensors),
    }


def _names(keys: Any) -> list[Any]:
    return sorted(list(key) if isinstance(key, tuple) else key for key in keys)


def tied(model: nn.Module) -> dict[str, str]:
    """Each further name of a parameter, with the first."""
    first: dict[int, str] = {}
    shared: dict[str, str] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if (other := first.setdefault(id(parameter), name)) != name:
            shared[name] = other
    return shared


def largest_layer(model: nn.Module) -> Record:
    """Accelerate's largest layer, where blocks stay whole that are numbered and of a class in ``_no_split_modules``.

    ``mixed`` are classes with instances both numbered and not: accelerate knows a class only by its name and keeps them
    all whole; ``rule`` is the largest layer where only the numbered stay whole.
    """
    whole = set(getattr(model, "_no_split_modules", None) or ())
    numbered: set[str] = set()
    others: set[str] = set()
    for name, module in model.named_modules(remove_duplicate=False):
        if (kind := type(module).__name__) in whole:
            (numbered if is_numbered(name) else others).add(kind)
    sizes = compute_module_sizes(model)
    tops = [*model.named_parameters(recurse=False), *model.named_children(), *model.named_buffers(recurse=False)]
    size, names = get_max_layer_size(tops, sizes, sorted(numbered))
    record = {"bytes": size, "names": names, "no_split_module_classes": sorted(numbered), "mixed": sorted(numbered & others)}
    rule_size, rule_names = by_rule(model, sizes, numbered)
    if not record["mixed"] and (rule_size, rule_names) != (size, names):
        raise AssertionError(f"accelerate has {size} bytes of {names}, the rule {rule_size} of {rule_names}")
    return {**record, "rule": {"bytes": rule_size, "names": rule_names}}


def is_numbered(name: str) -> bool:
    """Whether a module is an item of a list, by its name."""
    return name.rsplit(".", 1)[-1].isdigit()


def by_rule(model: nn.Module, sizes: dict[str, int], whole: set[str]) -> tuple[int, list[str]]:
    """The largest of numbered blocks, modules without children, and tensors of the model itself."""
    largest, names = 0, []
    pending: list[tuple[str, Any]] = [
        *model.named_parameters(recurse=False), *model.named_children(), *model.named_buffers(recurse=False),
    ]  # fmt: skip
    while pending:
        name, part = pending.pop(0)
        children = list(part.named_children()) if isinstance(part, nn.Module) else []
        if children and not (type(part).__name__ in whole and is_numbered(name)):
            pending[:0] = [(f"{name}.{child}", module) for child, module in children]
        elif sizes[name] > largest:
            largest, names = sizes[name], [name]
        elif sizes[name] == largest:
            names.append(name)
    return largest, names
