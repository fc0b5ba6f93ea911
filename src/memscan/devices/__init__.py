"""Devices with the memory that they are sold with and the memory that can be used."""

from memscan.devices.base import GPU, KINDS, RAM, UNIFIED, Device
from memscan.devices.named import Named, parse_device
from memscan.devices.table import Devices, builtin

__all__ = ["GPU", "KINDS", "RAM", "UNIFIED", "Device", "Devices", "Named", "builtin", "parse_device"]
