"""Components of diffusers pipelines: https://huggingface.co/docs/diffusers/main/en/api/models/overview (`ModelMixin`)."""

from typing import Any

from memscan.document import shown
from memscan.errors import TargetError
from memscan.meta.base import Built, Order
from memscan.meta.device import meta_device
from memscan.meta.packages import version


def build(order: Order) -> Built:
    """The component of the class that its config names; in float32, as configs of diffusers state no dtype."""
    import diffusers

    name = order.config.text("_class_name")
    if name is None:
        raise TargetError("this config names no class of diffusers (_class_name): it is not that of a component")
    kind = getattr(diffusers, name, None)
    if not isinstance(kind, type):
        raise TargetError(f"the config names the class {shown(name)}, which {version('diffusers')} does not have")
    if issubclass(kind, diffusers.DiffusionPipeline):
        raise TargetError(f"{shown(name)} is a pipeline: its components are built one by one, each from its own config.json")
    model: Any = kind
    if not issubclass(kind, diffusers.ModelMixin):
        raise TargetError(f"{shown(name)} of {version('diffusers')} is no model, or needs a package that is not installed")
    with meta_device():
        module = model.from_config(dict(order.config.values))
    return Built(module=module, by=version("diffusers"))
