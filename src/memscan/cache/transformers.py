"""transformers 5.23.0: `DynamicCache` and its layers (cache_utils.py), as `generate` makes them by default.

A sliding layer keeps one token less than its window; a chunk is kept like a window. Convolutions keep as many tokens as their
kernel sees; recurrent states are float32 whatever the model's dtype is, where their modules make them so.
"""

from collections.abc import Sequence
from fractions import Fraction

from memscan.architecture.settings import Settings
from memscan.cache.engine import Engine
from memscan.cache.groups import Group, grouped
from memscan.cache.kv_dtypes import GROUPED_BITS, KV_DTYPES, MODEL_SIZES, TRANSFORMERS
from memscan.cache.parts import Attention, CacheSpec, Compressed, Cross, Indexer, Latent, State
from memscan.cache.request import CacheRequest
from memscan.errors import UsageError
from memscan.item import Basis, Item

SOURCE = "transformers 5.23.0, cache_utils.py"
GROUP = 64  # `q_group_size`: values that share a scale and a zero point
RESIDUAL = 128  # `residual_length`: tokens that wait in the model's dtype until they are quantized together
SCALES = 8  # bytes: one float32 for the keys and one for the values of a layer (`Fp8QuantizedLayer`)
POSITION = 8  # bytes of an int64
WHOLE = "the plan of the class in transformers leaves all KV heads on every rank"
GROWS = "while a layer takes a token in, its keys and values are there twice (`torch.cat`)"
REMOTE = "the remote code of such models keeps keys and values of all heads"


def keep(settings: Settings, specs: Sequence[CacheSpec], request: CacheRequest) -> tuple[Item, ...]:  # noqa: ARG001
    """The lines of a `DynamicCache`, or of a `QuantizedCache` where the request names a dtype that only this has.

    Raises:
        UsageError: for a quantized cache of a model that has other layers than full attention: the class refuses it.

    """
    groups = grouped(specs)
    if request.dtype is not None and request.dtype not in MODEL_SIZES:
        _refuse_mixed(groups, request.dtype)
    return tuple(_line(group, request) for group in groups)


def tokens_kept(window: int | None, tokens: int) -> int:
    """Tokens of a layer with that window: `keys[:, :, -window + 1 :]`, which keeps all where the window is 1."""
    return tokens if window is None or window == 1 else min(tokens, window - 1)


def _refuse_mixed(groups: Sequence[Group], dtype: str) -> None:
    for group in groups:
        if not isinstance(group.part, Attention) or group.part.window is not None:
            raise UsageError(f"transformers quantizes a cache to {dtype} only where every layer is full attention: {group.name}")


def _line(group: Group, request: CacheRequest) -> Item:
    match group.part:
        case Attention():
            return _attention(group, group.part, request)
        case Latent():
            return _latent(group, group.part, request)
        case Cross():
            return _cross(group, group.part, request)
        case Indexer():
            return _indexer(group, group.part, request)
        case State():
            return _state(group, group.part, request)
        case Compressed():
            return _compressed(group, group.part, request)


def _attention(group: Group, part: Attention, request: CacheRequest) -> Item:
    heads = request.heads(part.heads if part.broadcast is None else part.broadcast)
    tokens = part.prompt + tokens_kept(part.window, request.tokens)
    if request.dtype in GROUPED_BITS:
        return _grouped(group, request, elements=heads * (part.key + part.value))
    words = f"{heads:,} KV heads x ({part.key:,} + {part.value:,})"
    note = "transformers keeps the KV heads repeated to the query heads" if part.broadcast is not None else GROWS
    if request.heads_whole and request.tensor_parallel > 1:
        note = f"{note}; {WHOLE}"
    extra = SCALES if request.dtype == "fp8" else 0
    return _tokens(group, request, tokens=tokens, elements=heads * (part.key + part.value), words=words, note=note, extra=extra)


def _latent(group: Group, part: Latent, request: CacheRequest) -> Item:
    tokens = tokens_kept(part.window, request.tokens)
    if part.expanded:
        heads = request.heads(part.heads)
        words = f"{heads:,} heads x ({part.key:,} + {part.value:,})"
        return _tokens(
            group, request, tokens=tokens, elements=heads * (part.key + part.value), words=words, note=REMOTE, basis=Basis.ASSUMED
        )
    words = f"({part.rank:,} + {part.rotary:,})"
    note = "one latent for all heads, the same on every rank" if request.tensor_parallel > 1 else ""
    return _tokens(group, request, tokens=tokens, elements=part.rank + part.rotary, words=words, note=note)


def _cross(group: Group, part: Cross, request: CacheRequest) -> Item:
    heads = request.heads(part.heads)
    tokens = encoder_tokens(part, request)
    words = f"{heads:,} KV heads x ({part.key:,} + {part.value:,})"
    return _tokens(group, request, tokens=tokens, elements=heads * (part.key + part.value), words=words, noun="encoder tokens")


def _indexer(group: Group, part: Indexer, request: CacheRequest) -> Item:
    size = _size(request) if part.item is None else part.item
    of_token = part.width * size + part.positions * POSITION
    positions = f" + {part.positions} positions x {POSITION} bytes" if part.positions else ""
    return Item(
        name=group.name,
        nbytes=request.sequences * group.layers * request.tokens * of_token,
        basis=Basis.ASSUMED if group.assumed else Basis.DERIVED,
        note=group.assumed,
        formula=(
            f"{request.sequences:,} sequences x {group.layers:,} layers x {request.tokens:,} tokens x "
            f"({part.width:,} x {size} bytes{positions})"
        ),
        source=SOURCE,
    )


def encoder_tokens(part: Cross, request: CacheRequest) -> int:
    """Tokens that cross-attention sees: as asked, else the model's own count, else as many as the decoder holds."""
    if request.encoder_tokens is not None:
        return request.encoder_tokens
    return request.tokens if part.tokens is None else part.tokens


def _size(request: CacheRequest) -> int:
    if request.dtype is None:
        return request.model_size
    return MODEL_SIZES.get(request.dtype, 1)  # fp8


def _tokens(  # a line of so many elements for each token
    group: Group,
    request: CacheRequest,
    *,
    tokens: int,
    elements: int,
    words: str,
    note: str = "",
    noun: str = "tokens",
    extra: int = 0,
    basis: Basis = Basis.DERIVED,
) -> Item:
    size = _size(request)
    nbytes = group.layers * (request.sequences * tokens * elements * size + extra)
    formula = f"{request.sequences:,} sequences x {group.layers:,} layers x {tokens:,} {noun} x {words} x {size} bytes"
    if extra:
        formula += f" + {group.layers:,} x {extra} bytes of scales"
    return Item(
        name=group.name,
        nbytes=nbytes,
        basis=Basis.ASSUMED if group.assumed else basis,
        note=group.assumed or note,
        formula=formula,
        source=SOURCE,
    )


def _grouped(group: Group, request: CacheRequest, *, elements: int) -> Item:
    """Integers in groups with a scale and a zero point; of the newest tokens up to 127 wait in the model's dtype."""
    bits = GROUPED_BITS[request.dtype or ""]
    quantized = Fraction(bits, 8) + Fraction(2 * request.model_size, GROUP)
    waiting = min(request.tokens, RESIDUAL - 1)
    of_one = request.sequences * group.layers * elements

    def nbytes(residual: int) -> int:
        return -(-of_one * ((request.tokens - residual) * quantized + residual * request.model_size) // 1)

    return Item(
        name=group.name,
        nbytes=nbytes(waiting // 2),
        basis=Basis.ASSUMED,
        note=group.assumed or f"of the newest tokens up to {RESIDUAL - 1} wait in {request.model_dtype}; half of that is counted",
        formula=(
            f"{request.sequences:,} sequences x {group.layers:,} layers x {elements:,} elements x "
            f"({request.tokens - waiting // 2:,} tokens x {float(quantized):g} bytes + "
            f"{waiting // 2:,} tokens x {request.model_size} bytes)"
        ),
        source=f"{SOURCE}, `QuantizedCache`",
        least=nbytes(0),
        most=nbytes(waiting),
    )


def _state(group: Group, part: State, request: CacheRequest) -> Item:
    size = request.model_size if part.item is None else part.item
    elements = part.elements(request.state_ranks) * (part.kernel or 1)
    formula = f"{request.sequences:,} sequences x {group.layers:,} layers x {elements:,} elements x {size} bytes"
    nbytes = request.sequences * group.layers * elements * size
    return Item(
        name=group.name,
        nbytes=nbytes,
        basis=Basis.ASSUMED if group.assumed else Basis.DERIVED,
        note=group.assumed or "the same for any number of tokens",
        formula=formula,
        source=SOURCE,
    )


def _compressed(group: Group, part: Compressed, request: CacheRequest) -> Item:
    """Vectors, the tokens that wait for the next of them as key and gate, and the overlap with the one before."""
    vectors, waiting = divmod(request.tokens, part.rate)
    overlap = 2 * part.rate * part.width if part.overlaps and vectors else 0
    of_one = vectors * part.width + waiting * 2 * part.width * (2 if part.overlaps else 1) + overlap
    size = request.model_size
    return Item(
        name=group.name,
        nbytes=request.sequences * group.layers * of_one * size,
        basis=Basis.DERIVED,
        note="one for all heads, the same on every rank" if request.tensor_parallel > 1 else "",
        formula=(
            f"{request.sequences:,} sequences x {group.layers:,} layers x ({vectors:,} vectors x {part.width:,} + "
            f"{waiting:,} waiting tokens + {overlap:,}) x {size} bytes"
        ),
        source="transformers 5.23.0, models/deepseek_v4/modeling_deepseek_v4.py",
    )


ENGINE = Engine(name=TRANSFORMERS, version="transformers 5.23.0 DynamicCache", dtypes=KV_DTYPES[TRANSFORMERS], keep=keep)
