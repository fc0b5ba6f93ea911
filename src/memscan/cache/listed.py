"""Layer types as a config lists them, one for each layer."""

from collections.abc import Mapping

from memscan.architecture.settings import Settings
from memscan.cache.patterns import FULL, INDEXED, LINEAR
from memscan.errors import FormatError

REMAP: Mapping[str, str] = {
    "mamba": LINEAR,
    "mamba2": LINEAR,
    "attention": FULL,
    "deepseek_sparse_attention": INDEXED,
    "qwen_sparse_attention": INDEXED,
    "recurrent": LINEAR,
}
"""Older names: `_LEGACY_LAYER_TYPE_REMAP` in configuration_utils.py."""


def listed(settings: Settings, name: str, given: tuple[str, ...], layers: int) -> tuple[str, ...]:
    """The first `layers` of the types that the field `name` gives; FormatError where it gives fewer."""
    if len(given) < layers:
        raise FormatError(f"{settings.path}: {name} has {len(given)} types, expected one for each of {layers} layers")
    # What is left over are layers that predict further tokens.
    return tuple(REMAP.get(one, one) for one in given[:layers])
