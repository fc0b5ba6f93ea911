"""The optimizers by name."""

from collections.abc import Mapping

from memscan.optimizers.adafactor import Adafactor
from memscan.optimizers.adamw import AdamW
from memscan.optimizers.adamw_4bit import AdamW4bit
from memscan.optimizers.adamw_8bit import AdamW8bit
from memscan.optimizers.base import Optimizer
from memscan.optimizers.lion import Lion
from memscan.optimizers.muon import Muon
from memscan.optimizers.sgd import SGD

_ALL: tuple[Optimizer, ...] = (
    AdamW(),
    AdamW8bit(),
    AdamW4bit(),
    Adafactor(),
    SGD(name="sgd", momentum=False),
    SGD(name="sgd-momentum", momentum=True),
    Lion(),
    Muon(),
)
OPTIMIZERS: Mapping[str, Optimizer] = {optimizer.name: optimizer for optimizer in _ALL}
"""Every optimizer by the name that `--optimizer` takes."""
