"""vLLM 0.33.0: pages of 16 tokens, in block tables that layers of one kind share.

What is counted are the pages that requests hold while they decode, one token in flight, with prefix caching, which is the default
(v1/kv_cache_interface.py: `max_admission_blocks_per_request`, `MambaSpec.max_memory_usage_bytes`). The pool that vLLM allocates
is as large as the memory that it may use; this is the part of it that the workload fills.
"""

from collections.abc import Sequence

from memscan.architecture.settings import Settings
from memscan.cache.engine import Engine
from memscan.cache.groups import counted, grouped
from memscan.cache.kv_dtypes import KV_DTYPES, VLLM
from memscan.cache.parts import CacheSpec, Compressed, Cross
from memscan.cache.request import CacheRequest
from memscan.cache.transformers import encoder_tokens
from memscan.cache.vllm_pages import BLOCK, Page, page
from memscan.cache.vllm_plan import Plan, planned
from memscan.item import Basis, Item

SOURCE = "vLLM 0.33.0, v1/kv_cache_interface.py and v1/core/kv_cache_planning.py"
ALIGNED = 2  # pages of a state that a request holds where prefixes are cached; models without attention cache none
PREFILL = "while a prompt is read, a step's tokens more (`--max-num-batched-tokens`)"
PACKED = "without what fills up blocks that hold pages of several sizes"
ALONE = "a convolution over one token keeps none"
HYBRID = "with a backend whose blocks are multiples of 16 tokens"


def keep(settings: Settings, specs: Sequence[CacheSpec], request: CacheRequest) -> tuple[Item, ...]:
    """The pages that `sequences` requests of `tokens` each hold."""
    plan = planned([page(settings, group, request) for group in grouped(specs)])
    largest = max((one for one in plan.pages if one.is_state), key=lambda one: one.size, default=None)
    return tuple(_line(one, plan, request, is_filled=one is largest) for one in plan.pages)


def _line(one: Page, plan: Plan, request: CacheRequest, *, is_filled: bool) -> Item:
    held, size = plan.held(one), _size(one, plan, is_filled=is_filled)
    blocks = _blocks(one, request, plan)
    is_assumed = plan.is_hybrid or _is_packed(plan) or bool(one.group.assumed)
    wide = "" if one.block == BLOCK or one.is_state else f", pages of {one.block:,} tokens"
    return Item(
        name=one.group.name,
        nbytes=request.sequences * blocks * held * size,
        basis=Basis.ASSUMED if is_assumed else Basis.DERIVED,
        note="; ".join(_remarks(one, plan, size)),
        formula=(f"{request.sequences:,} sequences x {held:,} layers x {blocks:,} pages x {size:,} bytes ({one.words}{wide})"),
        source=SOURCE,
    )


def _is_packed(plan: Plan) -> bool:
    """Whether a block has pages of several sizes side by side (DeepSeek-V4)."""
    return any(isinstance(one.group.part, Compressed) for one in plan.pages)


def _size(one: Page, plan: Plan, *, is_filled: bool) -> int:
    """Bytes of its page, filled up to the largest; what fills up a page of several states is counted with the largest of them."""
    if plan.layers is None:
        return one.size
    if one.is_state:
        return one.size + max(0, plan.size - plan.states) if is_filled else one.size
    return max(one.size, plan.size)


def _blocks(one: Page, request: CacheRequest, plan: Plan) -> int:
    """Pages that one request holds in one layer."""
    kind, window = one.manager
    if one.is_state:
        return ALIGNED if plan.is_hybrid else 1
    if isinstance(one.group.part, Cross):
        return -(-encoder_tokens(one.group.part, request) // one.block)
    all_tokens = -(-request.tokens // one.block)
    if window is None:
        return all_tokens
    # With the token in flight: a window may begin inside a block.
    seen = -(-window // one.block) + 1 if kind == "sliding" else -(-(window + 1) // one.block)
    return min(seen, all_tokens)


def _remarks(one: Page, plan: Plan, size: int) -> list[str]:
    remarks = [one.group.assumed] if one.group.assumed else []
    if size == 0:
        remarks.append(ALONE)
    more = plan.held(one) - one.group.layers
    if more:
        remarks.append(f"{counted(more, 'layer')} more to fill the block tables, {counted(plan.layers or 0, 'layer')} each")
    if size > one.size:
        remarks.append(f"pages are filled up by {size - one.size:,} bytes, to those of the largest kind")
    if _is_packed(plan):
        remarks.append(PACKED)
    if plan.is_hybrid:
        remarks.append(HYBRID)
    if one.manager[1] is not None:
        remarks.append(PREFILL)
    return remarks


ENGINE = Engine(name=VLLM, version="vLLM 0.33.0 KV cache manager", dtypes=KV_DTYPES[VLLM], keep=keep)
