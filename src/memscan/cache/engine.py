"""An engine: the rule by which a cache takes memory, with the version of it that was read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from memscan.architecture.settings import Settings
from memscan.cache.parts import CacheSpec
from memscan.cache.request import CacheRequest
from memscan.item import Item

Keep = Callable[[Settings, Sequence[CacheSpec], CacheRequest], tuple[Item, ...]]
"""Lines for the layers whose parts are known; the settings are those of the whole config."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One engine."""

    name: str
    version: str
    """The version and the name of its rule, as every output shows it."""
    dtypes: tuple[str, ...]
    """What its KV cache can be asked for."""
    keep: Keep
