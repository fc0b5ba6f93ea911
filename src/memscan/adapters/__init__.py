"""What LoRA adds to a model, from the real shapes of its linear layers."""

from memscan.adapters.base import Adapter
from memscan.adapters.kbit import upcast
from memscan.adapters.lora import lora
from memscan.adapters.setting import ALL_LINEAR, Lora, lora_setting
from memscan.adapters.subclasses import classes_told

__all__ = ["ALL_LINEAR", "Adapter", "Lora", "classes_told", "lora", "lora_setting", "upcast"]
