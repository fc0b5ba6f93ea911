"""Models of timm: https://huggingface.co/docs/timm/reference/models (`create_model`)."""

from pathlib import Path
from tempfile import TemporaryDirectory

from memscan.document import shown
from memscan.errors import TargetError
from memscan.meta.base import Built, Order
from memscan.meta.device import meta_device
from memscan.meta.packages import version


def build(order: Order) -> Built:
    """The model of timm's own config.json, with the classes and the arguments that it states."""
    import timm

    name = order.config.text("architecture") or ""
    if not timm.is_model(name):
        raise TargetError(f"config.json names the architecture {shown(name)}, which {version('timm')} does not have")
    # A folder with a config is a source of its own for timm, which reads the config as it reads the Hub's.
    with TemporaryDirectory(prefix="memscan-") as folder:
        Path(folder, "config.json").write_bytes(order.raw)
        with meta_device():
            module = timm.create_model(f"local-dir:{folder}", pretrained=False)
    return Built(module=module, by=version("timm"))
