"""Pages of vLLM 0.33.0: what one block of tokens, or one state, of one layer takes.

v1/kv_cache_interface.py (`AttentionSpec`, `MLAAttentionSpec`, `MambaSpec`), model_executor/layers/mamba/mamba_utils.py (shapes
and dtypes of states), model_executor/models/deepseek_v2.py (the cache of the indexer).
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from memscan.architecture.settings import Settings
from memscan.cache.decoder import decoder
from memscan.cache.groups import Group
from memscan.cache.kv_dtypes import MODEL_SIZES, NVFP4, ONE_BYTE, PER_TOKEN_HEAD
from memscan.cache.parts import Attention, Compressed, Cross, Indexer, Latent, State
from memscan.cache.request import CacheRequest
from memscan.errors import UsageError

STATE = "state"
BLOCK = 16  # tokens; `DEFAULT_BLOCK_SIZE`
SCALE = 4  # bytes of the float32 scale of each head of each token
DS_MLA = {"fp8_ds_mla": 656, "nvfp4_ds_mla": 352}  # bytes of a token: 512 latents with their scales, and 64 rotary in bfloat16
INDEX_GROUP = 128  # elements of an index key that share a float32 scale; keys are float8
DSV4_STATE = 584  # bytes of a vector of DeepSeek-V4 in fp8: 448 latents, 64 rotary in bfloat16, 8 scales
STATE_DTYPES = ("mamba_ssm_dtype", "mamba_ssm_cache_dtype")
SINGLES = frozenset({"kimi_linear", "bailing_hybrid", "glm5_next_text", "nemotron_h"})
"""Model types whose recurrent states are float32 unless the config says otherwise; the others' have the model's dtype."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The pages of the layers of one group."""

    group: Group
    size: int
    """Bytes of one page of one layer."""
    block: int = BLOCK
    """Tokens of a page; of a state's page they mean nothing."""
    words: str = ""
    """How `size` comes about."""

    @property
    def manager(self) -> tuple[str, int | None]:
        """What layers of one block table have in common."""
        match self.group.part:
            case Attention(window=None) | Latent(window=None) | Indexer() | Compressed():
                return "full", None
            case Attention() as part:
                return "chunked" if part.chunked else "sliding", part.window
            case Latent() as part:
                return "sliding", part.window
            case Cross():
                return "cross", None
            case State():
                return STATE, None

    @property
    def is_state(self) -> bool:
        """Whether it is that of a state."""
        return isinstance(self.group.part, State)

    def of_block(self, block: int) -> "Page":
        """The same with pages of `block` tokens, a multiple of those that it has."""
        return replace(self, block=block, size=self.size // self.block * block)


def page(settings: Settings, group: Group, request: CacheRequest) -> Page:
    """The page of the group's layers, before vLLM makes all pages equal.

    Raises:
        UsageError: for a dtype that only latents have, of a model that has none.

    """
    match group.part:
        case Attention(value=0) as part:
            size = _of_vector(part.key, request)
            return Page(group=group, size=BLOCK * size, words=f"{BLOCK} tokens x {size:,} bytes")
        case Attention() | Cross() as part:
            of_token, words = _of_head(part.key, part.value, request)
            heads = request.heads(part.heads)
            return Page(
                group=group, size=_whole(BLOCK * heads * of_token), words=f"{BLOCK} tokens x {heads:,} KV heads x {words}"
            )
        case Latent() as part:
            size, words = _of_latent(part.rank + part.rotary, request)
            return Page(group=group, size=BLOCK * size, words=f"{BLOCK} tokens x {words}")
        case Indexer() as part:
            size = _of_index(part.width)
            return Page(group=group, size=BLOCK * size, words=f"{BLOCK} tokens x ({part.width} float8 + scales)")
        case Compressed() as part:
            size = _of_index(part.width) if part.name == "indexer keys" else _of_vector(part.width, request)
            return Page(group=group, size=size, block=part.rate, words=f"{size:,} bytes for {part.rate} tokens")
        case State() as part:
            return _of_state(settings, group, part, request)


def _of_head(key: int, value: int, request: CacheRequest) -> tuple[Fraction, str]:
    """Bytes of keys and values of one head of one token."""
    name = request.dtype or ""
    if name in PER_TOKEN_HEAD:
        sides = 2 if value else 1
        return (key + value) * PER_TOKEN_HEAD[name] + sides * SCALE, f"(({key} + {value}) of {name} + {sides} x {SCALE})"
    if name in NVFP4:
        return Fraction(key + value, 2) + Fraction(key + value, 16), f"({key} + {value}) of nvfp4 with a scale for 16"
    if name in DS_MLA:
        raise UsageError(f"vLLM keeps only latents in {name}, and this model's attention has none; choose fp8")
    size = _size(request)
    return Fraction((key + value) * size), f"({key} + {value}) x {size} bytes"


def _of_latent(elements: int, request: CacheRequest) -> tuple[int, str]:
    name = request.dtype or ""
    if name in DS_MLA:
        return DS_MLA[name], f"{DS_MLA[name]} bytes of {name}"
    if name in PER_TOKEN_HEAD or name in NVFP4:
        raise UsageError(f"vLLM keeps no latents in {request.dtype}; choose fp8 or fp8_ds_mla")
    size = _size(request)
    return elements * size, f"{elements} x {size} bytes"


def _of_index(width: int) -> int:
    return width + -(-width // INDEX_GROUP) * SCALE


def _of_vector(width: int, request: CacheRequest) -> int:
    """Bytes of a vector that is key and value of all heads at once (DeepSeek-V4)."""
    if request.dtype in ONE_BYTE or request.dtype in DS_MLA:
        return DSV4_STATE
    return width * _size(request)


def _size(request: CacheRequest) -> int:
    if request.dtype is None:
        return request.model_size
    return MODEL_SIZES.get(request.dtype, 1)  # float8


def _of_state(settings: Settings, group: Group, part: State, request: CacheRequest) -> Page:
    """Convolutions keep one token less than their kernel sees."""
    columns = 1 if part.kernel is None else part.kernel - 1
    size = request.model_size if part.kernel is not None else _recurrent_size(settings, request)
    elements = part.elements(request.state_ranks) * columns
    return Page(group=group, size=elements * size, words=f"{elements:,} elements x {size} bytes")


def _recurrent_size(settings: Settings, request: CacheRequest) -> int:
    """`mamba_ssm_cache_dtype`: as the config says, float32 for some, else the model's."""
    text = decoder(settings)
    for name in STATE_DTYPES:
        declared = text.text_of(name)
        if declared is not None and declared in MODEL_SIZES:
            return MODEL_SIZES[declared]
    return 4 if text.model_type in SINGLES else request.model_size


def _whole(nbytes: Fraction) -> int:
    return -(-nbytes.numerator // nbytes.denominator)
