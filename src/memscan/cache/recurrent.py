"""States of layers that are no attention, or that have one beside it: their size does not depend on the tokens.

Shapes: the modules of transformers 5.23.0 that call `update_conv_state` and `update_recurrent_state`; the same numbers are in
vLLM 0.33.0 (model_executor/layers/mamba/mamba_utils.py, `MambaStateShapeCalculator`) and in llama.cpp (`llama_hparams::n_embd_r`
and `n_embd_s`). A family is told by its fields, so that remote code with the same fields is read too.
"""

from collections.abc import Callable

from memscan.architecture.settings import Settings
from memscan.cache.fields import queries_of, width_of
from memscan.cache.parts import State
from memscan.errors import FormatError

RECURRENT, CONVOLUTION = "recurrent state", "convolution state"
SINGLE = 4  # bytes of a float32
ROUNDED = 64  # widths of xLSTM are multiples of it
Reader = Callable[[Settings], tuple[State, ...] | None]


def states(settings: Settings) -> tuple[State, ...] | None:
    """The states of a layer of the type `linear_attention`, or of such a part of a hybrid; None where no family is known."""
    for read in READERS:
        found = read(settings)
        if found is not None:
            return found
    return None


def convolution(settings: Settings) -> tuple[State, ...] | None:
    """The state of a layer of the type `conv` (LFM2): the last tokens of its short convolution."""
    kernel = settings.integer("conv_L_cache")
    width = settings.integer("conv_dim") or width_of(settings)
    return None if kernel is None or width is None else (_conv(((width, 1),), kernel),)


def embeddings_per_layer(settings: Settings, layer: int) -> tuple[State, ...]:
    """Qwen4's embeddings of several tokens, in some layers: a convolution with gaps, and the last tokens themselves."""
    layers = settings.get("ple_layer_ids")
    width, streams = width_of(settings), settings.integer("hc_count")
    kernel, tokens = settings.integer("ple_conv_kernel_size"), settings.integer("ngram_size")
    if not isinstance(layers, list | tuple) or layer + 1 not in layers or not (width and streams and kernel and tokens):
        return ()
    held = State(name=CONVOLUTION, rows=((streams * width, (kernel - 1) * tokens),))
    return held, State(name="last tokens", rows=((tokens - 1, 1),), item=8)


def _conv(rows: tuple[tuple[int, int], ...], kernel: int) -> State:
    return State(name=CONVOLUTION, rows=rows, kernel=kernel)


def _recurrent(rows: tuple[tuple[int, int], ...], item: int | None = SINGLE) -> State:
    return State(name=RECURRENT, rows=rows, item=item)


def _ggml(settings: Settings) -> tuple[State, ...] | None:
    """What GGUF keys say, in llama.cpp's words."""
    heads, queries = settings.integer("kda_head_dim"), queries_of(settings, 0) if settings.gives("kda_head_dim") else None
    kernel = settings.integer("ssm_conv_kernel")
    if heads and queries:
        return _conv(((queries, 3 * heads),), kernel or 4), _recurrent(((queries, heads * heads),))
    inner, size = settings.integer("ssm_inner_size"), settings.integer("ssm_state_size")
    if inner is not None and size is not None and kernel is not None:
        groups = settings.integer("ssm_group_count") or 0
        return _conv(((inner, 1), (groups, 2 * size)), kernel), _recurrent(((inner, size),))
    head, width = settings.integer("wkv_head_size"), width_of(settings)
    if head is not None and width is not None:
        shifts = 1 if settings.model_type in ("rwkv6qwen2", "arwkv7") else 2
        return State(name="token shift", rows=((width, shifts),), item=SINGLE), _recurrent(((width, head),))
    return None


def _delta_net(settings: Settings) -> tuple[State, ...] | None:
    """Gated DeltaNet: Qwen3-Next, Qwen3.5, OLMo-Hybrid."""
    names = ("linear_num_key_heads", "linear_num_value_heads", "linear_key_head_dim", "linear_value_head_dim")
    key_heads, value_heads, key, value = (settings.integer(name) for name in names)
    kernel = settings.integer("linear_conv_kernel_dim") or 4
    if key is None or value is None:
        return None
    key_heads = key_heads or queries_of(settings, 0)
    value_heads = value_heads or queries_of(settings, 0)
    if key_heads is None or value_heads is None:
        return None
    rows = ((key_heads, 2 * key), (value_heads, value))
    return _conv(rows, kernel), _recurrent(((value_heads, key * value),))


def _delta_attention(settings: Settings) -> tuple[State, ...] | None:
    """Kimi Delta Attention."""
    given = settings.inside("linear_attn_config")
    if given is not None and given.values:
        heads, width, kernel = (given.integer(name) for name in ("num_heads", "head_dim", "short_conv_kernel_size"))
    elif settings.model_type == "bailing_hybrid" and not settings.gives("linear_head_dim"):
        heads, width, kernel = queries_of(settings, 0), settings.integer("head_dim"), settings.integer("short_conv_kernel_size")
    else:
        heads, width, kernel = (settings.integer(f"linear_{name}") for name in ("num_heads", "head_dim", "conv_kernel_dim"))
    if heads is None or width is None:
        return None
    return _conv(((heads, 3 * width),), kernel or 4), _recurrent(((heads, width * width),))


def _lightning(settings: Settings) -> tuple[State, ...] | None:
    """MiniMax-Text-01: one square matrix for each head, in the model's dtype."""
    if settings.model_type not in ("minimax", "minimax_text_01", "MiniMaxText01"):
        return None
    heads, width = queries_of(settings, 0), settings.integer("head_dim")
    if heads and not width:
        width = (width_of(settings) or 0) // heads
    return None if not heads or not width else (_recurrent(((heads, width * width),), item=None),)


def _mamba2(settings: Settings) -> tuple[State, ...] | None:
    """Mamba-2: mamba2, Bamba, Zamba2, Falcon-H1, Granite 4, Nemotron-H."""
    names = ("mamba_n_heads", "n_mamba_heads", "mamba_num_heads", *(("num_heads",) if settings.model_type == "mamba2" else ()))
    heads = settings.integer(*names)
    if heads is None or settings.model_type in ("zamba", "jamba"):
        return None
    size = settings.integer("mamba_d_state", "ssm_state_size", "state_size")
    kernel = settings.integer("mamba_d_conv", "conv_kernel", "mamba_d_conv_kernel")
    groups = settings.integer("mamba_n_groups", "mamba_ngroups", "n_groups")
    width = _mamba2_head(settings, heads)
    if size is None or kernel is None or width is None:
        return None
    return _conv(((heads, width), (groups or 1, 2 * size)), kernel), _recurrent(((heads, width * size),))


def _mamba2_head(settings: Settings, heads: int) -> int | None:
    inner = settings.integer("mamba_d_ssm")
    if inner is not None and heads:
        return inner // heads
    if settings.model_type != "zamba2":  # whose class divides whatever the config says
        given = settings.get(
            "mamba_d_head", "mamba_head_dim", "mamba_headdim", *(("head_dim",) if settings.model_type == "mamba2" else ())
        )
        if isinstance(given, int) and not isinstance(given, bool) and given > 0:
            return settings.integer("mamba_d_head", "mamba_head_dim", "mamba_headdim", "head_dim")
    inner = _inner(settings)
    return None if inner is None or not heads else inner // heads  # `mamba_d_head` is "auto"


def _mamba1(settings: Settings) -> tuple[State, ...] | None:
    """Mamba: mamba, Falcon-Mamba, Jamba, Zamba."""
    size = settings.integer("mamba_d_state", "state_size")
    kernel = settings.integer("mamba_d_conv", "conv_kernel")
    inner = _inner(settings)
    if size is None or kernel is None or inner is None:
        return None
    return _conv(((inner, 1),), kernel), _recurrent(((inner, size),))


def _inner(settings: Settings) -> int | None:
    expand, width = settings.number("mamba_expand", "expand"), width_of(settings)
    if width is None:
        return None
    if expand is None:
        return settings.integer("mamba_intermediate_size", "d_inner")
    return int(expand * width)


def _rwkv(settings: Settings) -> tuple[State, ...] | None:
    """RWKV-4: two token shifts in the model's dtype, and numerator, denominator and maximum in float32."""
    width = width_of(settings)
    if settings.model_type != "rwkv" or width is None:
        return None
    inner = settings.integer("attention_hidden_size") or width
    return State(name="token shift", rows=((width, 2),)), _recurrent(((inner, 3),))


def _xlstm(settings: Settings) -> tuple[State, ...] | None:
    """mLSTM: matrix, vector and scalar of each head."""
    heads, width = settings.integer("num_heads"), width_of(settings)
    if settings.model_type != "xlstm" or not heads or width is None:
        return None
    factors = (settings.number("qk_dim_factor") or 0.5, settings.number("v_dim_factor") or 1.0)
    key, value = (-(-int(width * factor) // ROUNDED) * ROUNDED // heads for factor in factors)
    return (_recurrent(((heads, key * value + key + 1),), item=None),)


def _griffin(settings: Settings) -> tuple[State, ...] | None:
    """RG-LRU of RecurrentGemma; its modules keep it, not a cache."""
    if settings.model_type != "recurrent_gemma":
        return None
    width = settings.integer("lru_width") or width_of(settings)
    kernel = settings.integer("conv1d_width")
    if width is None or not kernel:
        return None
    return State(name=CONVOLUTION, rows=((width, kernel - 1),)), _recurrent(((width, 1),))


def _zaya(settings: Settings) -> tuple[State, ...] | None:
    """Compressed convolutional attention: the last queries and keys, and half of the last value."""
    if settings.model_type != "zaya":
        return None
    heads, groups, width = (settings.integer(name) for name in ("num_attention_heads", "num_key_value_heads", "head_dim"))
    first, second = settings.integer("cca_time0"), settings.integer("cca_time1")
    if heads is None or groups is None or width is None or first is None or second is None:
        raise FormatError(
            f"{settings.path}: ZAYA needs num_attention_heads, num_key_value_heads, head_dim, cca_time0 and cca_time1"
        )
    tokens = first + second - 2
    return (
        State(name=CONVOLUTION, rows=((heads, width * tokens), (groups, width * tokens))),
        _recurrent(((groups, width // 2),), item=None),
    )


READERS: tuple[Reader, ...] = (
    _ggml,
    _zaya,
    _griffin,
    _rwkv,
    _xlstm,
    _lightning,
    _delta_net,
    _delta_attention,
    _mamba2,
    _mamba1,
)
"""The first that knows the config's fields has it; GGUF first, because a class's defaults are none of a GGUF file's."""
