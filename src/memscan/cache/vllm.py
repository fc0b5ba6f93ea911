"""vLLM 0.33.0: pages of 16 tokens, in block tables that layers of one kind share.

v1/core/kv_cache_planning.py: `get_kv_cache_groups`, `unify_kv_cache_spec_page_size`, `_get_kv_cache_groups_uniform_page_size`;
for hybrids, `_align_hybrid_block_size` in platforms/interface.py. What is counted is what requests hold while they decode, one
token in flight. The pool that vLLM allocates is as large as the memory that it may use; this is the part that the workload fills.
"""

from collections.abc import Sequence

from memscan.architecture import Settings
from memscan.cache.engine import Engine
from memscan.cache.groups import counted, grouped
from memscan.cache.kv_dtypes import KV_DTYPES, VLLM
from memscan.cache.parts import CacheSpec, Compressed, Cross, Latent
from memscan.cache.request import CacheRequest
from memscan.cache.transformers import encoder_tokens
from memscan.cache.vllm_pages import BLOCK, Page, page
from memscan.item import Basis, Item

SOURCE = "vLLM 0.33.0, v1/kv_cache_interface.py and v1/core/kv_cache_planning.py"
LATENT_BLOCKS = 128  # tokens that blocks of hybrids with latents are a multiple of
ALIGNED = 2  # pages of a state that a request holds where prefixes are cached, as is the default of hybrids
NEARLY = 1.5  # times as many layers of one kind as of another that share their tables without a split


def keep(settings: Settings, specs: Sequence[CacheSpec], request: CacheRequest) -> tuple[Item, ...]:
    """The pages that `sequences` requests of `tokens` each hold."""
    pages = [page(settings, group, request) for group in grouped(specs)]
    states = [one for one in pages if one.manager[0] == "state"]
    is_hybrid = len(states) < len(pages)
    if states and is_hybrid:
        pages = _aligned(pages)
    pages = _equal(pages)
    size = _layers_to_a_table(pages)
    return tuple(_line(one, pages, request, size=size, is_hybrid=is_hybrid and bool(states)) for one in pages)


def _kinds(pages: Sequence[Page]) -> dict[tuple[str, int | None], list[Page]]:
    found: dict[tuple[str, int | None], list[Page]] = {}
    for one in pages:
        found.setdefault(one.manager, []).append(one)
    return found


def _state_size(pages: Sequence[Page]) -> int:
    """Bytes of all states of one layer: vLLM keeps a convolution and its recurrent state in one page."""
    return sum(one.size for one in pages if one.manager[0] == "state")


def _aligned(pages: Sequence[Page]) -> list[Page]:
    """Blocks of so many tokens that a page of attention is no smaller than a page of a state."""
    attention = [one for one in pages if one.manager[0] != "state"]
    of_token = max(one.size // one.block for one in attention)
    align = LATENT_BLOCKS if any(isinstance(one.group.part, Latent) for one in attention) else BLOCK
    if of_token == 0:
        return list(pages)
    block = align * max(1, -(-_state_size(pages) // (align * of_token)))
    return [one if one.manager[0] == "state" else one.of_block(block) for one in pages]


def _equal(pages: Sequence[Page]) -> list[Page]:
    """Pages of one size, where there is more than one kind: more tokens to a page, or a page that is not filled."""
    if len(_kinds(pages)) <= 1:
        return list(pages)
    largest = max((one.size for one in pages if one.manager[0] != "state"), default=0)
    return [one.of_block(one.block * (largest // one.size)) if _divides(one, largest) else one for one in pages]


def _divides(one: Page, largest: int) -> bool:
    return one.manager[0] != "state" and 0 < one.size < largest and largest % one.size == 0


def _layers_to_a_table(pages: Sequence[Page]) -> int:
    """Layers that share one block table; where kinds differ, as many of each."""
    # A layer with a state has one page for all of it; latents and index keys are in caches of their own.
    counts = [
        max(one.group.layers for one in kind) if manager[0] == "state" else sum(one.group.layers for one in kind)
        for manager, kind in _kinds(pages).items()
    ]
    if len(counts) <= 1:
        return 0
    least, most = min(counts), max(counts)
    return most if most < least * NEARLY else least


def _line(one: Page, pages: Sequence[Page], request: CacheRequest, *, size: int, is_hybrid: bool) -> Item:
    layers = one.group.layers
    tables = -(-layers // size) if size else 1
    held = tables * size if size else layers  # with the layers that fill the last table up
    page_size, note = one.size, ""
    if size:
        page_size, note = _padded(one, pages)
    blocks = _blocks(one, request, is_hybrid=is_hybrid)
    nbytes = request.sequences * blocks * held * page_size
    if held > layers:
        note = f"{counted(held - layers, 'layer')} more to fill the block tables, {counted(size, 'layer')} each" + (
            note and f"; {note}"
        )
    is_assumed = is_hybrid or isinstance(one.group.part, Compressed) or bool(one.group.assumed)
    return Item(
        name=one.group.name,
        nbytes=nbytes,
        basis=Basis.ASSUMED if is_assumed else Basis.DERIVED,
        note=one.group.assumed or note or _remark(one),
        formula=(
            f"{request.sequences:,} sequences x {held:,} layers x {blocks:,} pages x {page_size:,} bytes ({one.words}"
            f"{'' if one.block == BLOCK or one.manager[0] == 'state' else f', pages of {one.block:,} tokens'})"
        ),
        source=SOURCE,
    )


def _padded(one: Page, pages: Sequence[Page]) -> tuple[int, str]:
    """The size to which all pages are filled up, this one's share of it, and the remark."""
    largest = max((other.size for other in pages if other.manager[0] != "state"), default=0)
    if one.manager[0] != "state":
        return max(one.size, largest), "" if one.size >= largest else "its pages are filled up to the largest"
    of_layer = _state_size(pages)
    if largest <= of_layer:
        return one.size, ""
    # The page of a layer holds all of its states; what fills it up is counted with the largest of them.
    states = [other for other in pages if other.manager[0] == "state"]
    if one is not max(states, key=lambda other: other.size):
        return one.size, ""
    return one.size + largest - of_layer, f"with {largest - of_layer:,} bytes that fill a page up to one of attention"


def _blocks(one: Page, request: CacheRequest, *, is_hybrid: bool) -> int:
    """Pages that one request holds in one layer."""
    kind, window = one.manager
    all_tokens = -(-request.tokens // one.block)
    if kind == "state":
        return ALIGNED if is_hybrid else 1
    if kind == "cross" and isinstance(one.group.part, Cross):
        return -(-encoder_tokens(one.group.part, request) // one.block)
    if kind == "full" or window is None:
        return all_tokens
    # With the token in flight: a window may begin inside a block.
    seen = -(-window // one.block) + 1 if kind == "sliding" else -(-(window + 1) // one.block)
    return min(seen, all_tokens)


def _remark(one: Page) -> str:
    if one.manager[0] in ("sliding", "chunked"):
        return "while a prompt is read, a step's tokens more (`--max-num-batched-tokens`)"
    return ""


ENGINE = Engine(name=VLLM, version="vLLM 0.33.0 KV cache manager", dtypes=KV_DTYPES[VLLM], keep=keep)
