"""How vLLM 0.33.0 shares block tables among layers of several kinds.

v1/core/kv_cache_planning.py: `unify_kv_cache_spec_page_size` and `_get_kv_cache_groups_uniform_page_size`; for hybrids with
states `_align_hybrid_block_size` in platforms/interface.py. The order of layers does not matter to what they take.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from memscan.cache.parts import Compressed, Latent
from memscan.cache.vllm_pages import BLOCK, STATE, Page

LATENT_BLOCKS = 128  # tokens that blocks of hybrids with latents are a multiple of
NEARLY = 1.5  # times as many layers of one kind as of another that share their tables without a split


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The pages of a model, and what its block tables have in common."""

    pages: tuple[Page, ...]
    layers: int | None
    """Layers that share one block table; None where all do, because they are of one kind."""
    size: int
    """Bytes to which pages are filled up where there are several kinds: those of the largest of attention."""
    states: int
    """Bytes of all states of one layer, which share a page."""
    is_hybrid: bool
    """Whether there are states beside attention."""

    def tables(self, page: Page) -> int:
        """Block tables that the layers of a page need."""
        return 1 if self.layers is None else -(-page.group.layers // self.layers)

    def held(self, page: Page) -> int:
        """Layers for which a table has room: the last one of a kind is filled up."""
        return page.group.layers if self.layers is None else self.tables(page) * self.layers


def planned(pages: Sequence[Page]) -> Plan:
    """The plan of a model whose layers have these pages."""
    states = sum(one.size for one in pages if one.is_state)
    attention = [one for one in pages if not one.is_state]
    is_hybrid = 0 < len(attention) < len(pages)
    if is_hybrid:
        block = _block(attention, states)
        pages = [one if one.is_state else one.of_block(block) for one in pages]
    if any(isinstance(one.group.part, Compressed) for one in pages):  # pages of several sizes side by side in one block
        return Plan(pages=tuple(pages), layers=None, size=0, states=states, is_hybrid=is_hybrid)
    kinds = _counts(pages)
    size = max((one.size for one in pages if not one.is_state), default=0)
    if len(kinds) > 1:
        pages = [_widened(one, size) for one in pages]
    return Plan(pages=tuple(pages), layers=_to_a_table(list(kinds.values())), size=size, states=states, is_hybrid=is_hybrid)


def _block(attention: Sequence[Page], states: int) -> int:
    """Tokens of a block of which a page of attention is no smaller than one of states."""
    of_token = max(1, *(one.size // one.block for one in attention))
    align = LATENT_BLOCKS if any(isinstance(one.group.part, Latent) for one in attention) else BLOCK
    return align * max(1, -(-states // (align * of_token)))


def _counts(pages: Sequence[Page]) -> dict[tuple[str, int | None], int]:
    """Layers of each kind; a layer with several states has one page, latents and index keys have caches of their own."""
    found: dict[tuple[str, int | None], int] = {}
    for one in pages:
        before = found.get(one.manager, 0)
        found[one.manager] = max(before, one.group.layers) if one.manager[0] == STATE else before + one.group.layers
    return found


def _widened(one: Page, size: int) -> Page:
    """With more tokens to a page, where that makes it as large as the largest."""
    divides = not one.is_state and 0 < one.size < size and size % one.size == 0
    return one.of_block(one.block * (size // one.size)) if divides else one


def _to_a_table(counts: Sequence[int]) -> int | None:
    if len(counts) <= 1:
        return None
    least, most = min(counts), max(counts)
    return most if most < least * NEARLY else least
