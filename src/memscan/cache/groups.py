"""Layers that keep the same, taken together: one line of the bill each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from memscan.cache.parts import Attention, CacheSpec, Compressed, Cross, Indexer, Latent, Part, State
from memscan.item import Basis, Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Layers that keep the same part."""

    part: Part
    layers: int
    """How many."""
    assumed: str = ""
    """What was assumed of them; empty where nothing was."""

    @property
    def name(self) -> str:
        """The line's name."""
        return f"{_noun(self.part)}: {counted(self.layers, 'layer')}{_kind(self.part)}"


def grouped(specs: Iterable[CacheSpec]) -> tuple[Group, ...]:
    """The parts of all layers that are known, in the order in which they first come."""
    found: dict[tuple[Part, str], int] = {}
    for spec in specs:
        for part in spec.parts:
            key = (part, spec.why if spec.assumed else "")
            found[key] = found.get(key, 0) + 1
    return tuple(Group(part=part, layers=layers, assumed=why) for (part, why), layers in found.items())


def rest(specs: Sequence[CacheSpec]) -> tuple[Item, ...]:
    """Lines for layers that keep nothing, and for those of which that is not known."""
    found: dict[tuple[str, str, bool], int] = {}
    for spec in specs:
        if not spec.parts:
            key = ("" if spec.known else spec.layer_type, spec.why, spec.known)
            found[key] = found.get(key, 0) + 1
    return tuple(_without(*key, layers=layers, all_layers=layers == len(specs)) for key, layers in found.items())


def counted(count: int, noun: str) -> str:
    """A count and its noun: `1 layer`, `26 layers`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _without(layer_type: str, why: str, known: bool, *, layers: int, all_layers: bool) -> Item:
    if not known:
        name = f"unknown: {counted(layers, 'layer')} of type {layer_type or 'none that the config names'}"
        return Item(name=name, nbytes=None, basis=Basis.UNKNOWN, note=f"not counted: {why}")
    name = "KV cache: none" if all_layers else f"KV cache: {counted(layers, 'layer')} without"
    return Item(name=name, nbytes=0, basis=Basis.DERIVED, note=why, formula="0")


def _noun(part: Part) -> str:
    match part:
        case Attention() | Latent():
            return "KV cache"
        case Cross():
            return "cross-attention cache"
        case Indexer():
            return "indexer keys"
        case State() | Compressed():
            return part.name


def _kind(part: Part) -> str:
    match part:
        case Attention(window=None):
            return ", full attention"
        case Attention():
            return f", chunks of {part.window:,}" if part.chunked else f", sliding window {part.window:,}"
        case Latent():
            return ", latent attention" if part.window is None else f", latent attention, sliding window {part.window:,}"
        case Compressed():
            return f", one for {part.rate:,} tokens"
        case _:
            return ""
