"""What `from_pretrained(device_map=...)` is given: the device of each module, as accelerate would choose it.

The result is that of `infer_auto_device_map(model, max_memory, no_split_module_classes=model._no_split_modules)` of accelerate
1.15 on a model that is built in the dtype asked for. transformers 5.23 has a version of its own for `device_map="sequential"`,
which differs where tied weights do not fit together; `device_map="auto"` first lowers the memory of the GPUs, so that they are
filled evenly. `max_memory` is here what the user says. A boolean buffer takes a byte an element here, as in torch; accelerate
counts a bit.
"""

from collections.abc import Iterator, Mapping

from memscan.architecture import Config
from memscan.document import shown
from memscan.dtype import CASTS, SHORT
from memscan.errors import UsageError
from memscan.fit.filling import Device, filled
from memscan.fit.max_memory import ordered, parse_max_memory
from memscan.fit.module_order import module_order
from memscan.fit.module_tree import Module, module_tree
from memscan.model import Scope

__all__ = ["device_map", "device_map_note", "parse_max_memory"]


def device_map(
    scope: Scope, max_memory: Mapping[int | str, int], *, dtype: str | None = None, config: Config | None = None
) -> Mapping[str, Device]:
    """The device (a number, `cpu`, `disk`) of the modules of `scope`, by their names, in the order of the class.

    `dtype` is what the model is cast to on loading, None for as it is stored; `config` is that of the model, and says which
    classes are inside its class. UsageError where the scope holds nothing, or is not known, or `dtype` is no cast.
    """
    if scope.unknown is not None:
        raise UsageError(f"no device map, for what {scope.class_name or 'the checkpoint'} holds is not known: {scope.unknown}")
    if not scope.tensors:
        raise UsageError("no device map, for there is no tensor to place")
    name = None if dtype is None else SHORT.get(dtype, dtype)
    if name is not None and name not in CASTS:
        raise UsageError(f"no device map for {shown(dtype)}: expected one of {', '.join(CASTS)}, or no dtype for as it is stored")
    tree = module_tree(scope, None if name is None else CASTS[name], config)
    found = _joined(filled(tree, ordered(max_memory)), "")
    places = {one: place for place, one in enumerate(_names(tree.root))}
    return dict(sorted(found.items(), key=lambda pair: places[pair[0]]))


def device_map_note(scope: Scope, config: Config | None = None) -> str | None:
    """What is not certain of the device map of `scope`, as a sentence without a full stop; None where nothing is."""
    if scope.layout is None:
        return (
            "the class is not one of transformers that memscan knows: numbered blocks are kept whole, and modules are in the "
            "order of their names; compare the names with those of the model before you load with it"
        )
    unknown = module_order(scope.layout, config).unknown
    if unknown:
        return f"the modules of the class at {', '.join(unknown)} are not known: there, numbered blocks alone are kept whole"
    if any(one.unique is not None and one.count is not None and one.unique < one.count for one in scope.layout.expected.values()):
        return "layers share tensors, which are counted in the first of them: a device that has others of them holds a copy"
    return None


def _joined(found: Mapping[str, Device], name: str) -> Mapping[str, Device]:
    """The same with modules on one device joined to the module that they stand in (`clean_device_map` of accelerate)."""
    if len(found) > 1 and len(set(found.values())) == 1:
        return {name: next(iter(found.values()))}
    depth = name.count(".") + 2 if name else 1
    below: dict[str, dict[str, Device]] = {}
    joined: dict[str, Device] = {}
    for key, device in found.items():
        if key == name:
            joined[key] = device
        else:
            below.setdefault(".".join(key.split(".")[:depth]), {})[key] = device
    for child, of_child in below.items():
        joined.update(_joined(of_child, child))
    return joined


def _names(module: Module) -> Iterator[str]:
    """The names of `module` and of all below it, tensors among them, in order."""
    yield module.name
    for part in module.parts:
        yield from _names(part)
