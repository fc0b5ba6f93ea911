"""Dense models for LoRA: what a scan makes of the tensors of a class, with no weights anywhere."""

from collections.abc import Mapping, Sequence

from memscan.architecture import layout
from memscan.estimate.dense import dense as dense_of
from memscan.model import scopes
from memscan.quantizers.base import Dense
from memscan.tensor import TensorInfo
from tests.writers.tensors import model, tensor


def published(class_name: str, values: Mapping[str, object], dtype: str = "BF16") -> Dense:
    """The weights of `class_name`, as memscan's own table has them for the config `values`."""
    found = layout(class_name, str(values["model_type"]), values)
    assert found is not None
    stored = []
    for pattern, one in found.expected.items():
        if one.kind != "n" and one.count and one.shape is not None:
            stored += [tensor(pattern.replace("*", str(number)), one.shape, dtype) for number in range(one.count)]
    return scanned(class_name, values, stored)


def scanned(class_name: str, values: Mapping[str, object], stored: Sequence[TensorInfo]) -> Dense:
    """The weights of `class_name`, as a scan of a checkpoint of `stored` has them."""
    read = model(stored, config={**values, "architectures": [class_name]})
    scope = scopes(read).by_name["declared"]
    assert scope.unknown is None, scope.unknown
    return dense_of(read, scope)


def of_torch(built, values: Mapping[str, object], dtype: str = "BF16") -> Dense:
    """The weights of the torch model `built`, saved under the names that it has them under."""
    held = {id(each): name for name, each in reversed([*built.named_parameters(), *built.named_buffers()])}
    state = built.state_dict(keep_vars=True)
    stored = [tensor(name, tuple(each.shape), dtype) for name, each in state.items() if held.get(id(each), name) == name]
    return scanned(type(built).__name__, values, stored)
