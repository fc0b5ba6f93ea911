"""The inverse questions: what fits on a device."""

from memscan.fit.answers import COMMON, Fit, Row, fit
from memscan.fit.api import what_fits
from memscan.fit.device_map import device_map, device_map_note, parse_max_memory
from memscan.fit.largest import Largest
from memscan.fit.over_context import OverContext, Point, over_context

__all__ = [
    "COMMON",
    "Fit",
    "Largest",
    "OverContext",
    "Point",
    "Row",
    "device_map",
    "device_map_note",
    "fit",
    "over_context",
    "parse_max_memory",
    "what_fits",
]
