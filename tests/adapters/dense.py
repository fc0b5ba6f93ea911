"""Dense models for LoRA: what memscan's own table says that a class holds for a config, with no weights anywhere."""

from collections.abc import Mapping

from memscan.architecture import layout
from memscan.estimate.dense import dense as dense_of
from memscan.model import scopes
from memscan.quantizers import Dense
from tests.writers.tensors import model, tensor


def dense(class_name: str, values: Mapping[str, object], dtype: str = "BF16") -> Dense:
    """The weights of `class_name`, as a scan of its checkpoint has them."""
    config = {**values, "architectures": [class_name]}
    found = layout(class_name, str(values["model_type"]), config)
    assert found is not None
    stored = []
    for pattern, one in found.expected.items():
        if one.kind != "n" and one.count and one.shape is not None:
            stored += [tensor(pattern.replace("*", str(number)), one.shape, dtype) for number in range(one.count)]
    read = model(stored, config=config)
    every = scopes(read)
    scope = every.by_name["declared"]
    assert scope.unknown is None, scope.unknown
    return dense_of(read, scope)
