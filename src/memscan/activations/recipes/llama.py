"""Llama and the decoders that are it with a change or two: Mistral, Qwen2, Qwen3, Phi-3, Granite, Mixtral and the MoEs of Qwen.

transformers 5.23.0, `models/*/modeling_*.py` of each.
"""

from collections.abc import Callable
from dataclasses import replace

from memscan.activations.ledger import Size
from memscan.activations.recipes.decoder import FULL_ATTENTION, SLIDING, Decoder, Mlp, Style
from memscan.activations.recipes.experts import Experts, Router, Sparse
from memscan.activations.recipes.mlp import Fused, Gated
from memscan.activations.setup import Setup, needed, ratio
from memscan.architecture.settings import Settings
from memscan.errors import LackingError

EXPERTS = ", experts"
WINDOWED, WINDOW = 28, 4096  # defaults of Qwen's config classes: `max_window_layers`, `sliding_window`


def llama(settings: Settings, setup: Setup) -> Decoder:
    """Also a decoder that is not known: with what its config gives."""
    bias = settings.flag("attention_bias")
    return Decoder(setup, style(settings, setup, bias=(bias, bias), mlp=gated(settings, setup)))


def mistral(settings: Settings, setup: Setup) -> Decoder:
    """All layers slide where a window is given."""
    return Decoder(setup, sliding(settings, style(settings, setup, mlp=gated(settings, setup))))


def qwen2(settings: Settings, setup: Setup) -> Decoder:
    """With biases on query, key and value."""
    return Decoder(setup, _chosen(settings, style(settings, setup, bias=(True, False), mlp=gated(settings, setup))))


def qwen3(settings: Settings, setup: Setup) -> Decoder:
    """With norms of queries and keys."""
    bias = settings.flag("attention_bias")
    made = style(settings, setup, bias=(bias, bias), mlp=gated(settings, setup))
    return Decoder(setup, _chosen(settings, replace(made, head_norm="before")))


def phi3(settings: Settings, setup: Setup) -> Decoder:
    """With one layer for query, key and value, and one for gate and up."""
    hidden, inner = (
        Size("hidden_size", needed(settings, "hidden_size")),
        setup.share("intermediate_size", needed(settings, "intermediate_size")),
    )
    made = style(settings, setup, mlp=lambda _: Fused(setup, hidden, inner, settings.text_of("hidden_act")))
    share = settings.number("partial_rotary_factor") or 1
    made = replace(
        made, fused=True, rotary=Size("rotary", int(made.width * share)), residual_dropout=ratio(settings, "resid_pdrop", 0)
    )
    return Decoder(setup, sliding(settings, made))


def granite(settings: Settings, setup: Setup) -> Decoder:
    """With multipliers."""
    bias = settings.flag("attention_bias")
    return Decoder(setup, replace(style(settings, setup, bias=(bias, bias), mlp=gated(settings, setup)), multiplied=True))


def mixtral(settings: Settings, setup: Setup) -> Decoder:
    """Experts in every layer."""
    made = style(settings, setup, mlp=lambda _: _sparse(settings, setup, "intermediate_size", normed=True, lowered=False))
    return Decoder(setup, sliding(settings, made))


def experts(settings: Settings, setup: Setup) -> Decoder:
    """Of a type that is not known: experts in every layer, of the inner size that the config gives for them."""
    inner = "moe_intermediate_size" if settings.integer("moe_intermediate_size") else "intermediate_size"
    return Decoder(setup, style(settings, setup, mlp=lambda _: _sparse(settings, setup, inner, normed=True, lowered=False)))


def qwen2_moe(settings: Settings, setup: Setup) -> Decoder:
    """With a shared expert."""
    bias = settings.get("qkv_bias") is not False
    made = style(settings, setup, bias=(bias, False), mlp=_mixed(settings, setup, shared=True))
    if settings.flag("use_sliding_window"):
        first = settings.integer("max_window_layers")
        first = WINDOWED if first is None else first
        usual = tuple(SLIDING if index % 2 == 0 and index < first else FULL_ATTENTION for index in range(len(made.kinds)))
        window = settings.integer("sliding_window") or WINDOW
        made = replace(made, window=window, masks=(None, window), kinds=settings.texts("layer_types") or usual)
    else:
        made = replace(made, masks=(None, 0))  # the config class makes its window 0, and the model a mask for it
    return Decoder(setup, _sparsely(settings, made))


def qwen3_moe(settings: Settings, setup: Setup) -> Decoder:
    """Without."""
    bias = settings.flag("attention_bias")
    made = replace(style(settings, setup, bias=(bias, bias), mlp=_mixed(settings, setup, shared=False)), head_norm="before")
    made = _sparsely(settings, made)
    return Decoder(setup, sliding(settings, made) if settings.flag("use_sliding_window") else made)


def style(settings: Settings, setup: Setup, *, mlp: Callable[[str], Mlp], bias: tuple[bool, bool] = (False, False)) -> Style:
    """What they have in common."""
    hidden, count = needed(settings, "hidden_size"), needed(settings, "num_attention_heads")
    pairs = settings.integer("num_key_value_heads") or count
    layers = settings.layers("num_hidden_layers")
    width = settings.integer("head_dim") or hidden // count
    if layers is None:
        raise LackingError(f"{settings.path}: num_hidden_layers is not there, and without it activations cannot be counted")
    if not width or pairs > count:
        raise LackingError(f"{settings.path}: {layers} layers, {count} heads and {pairs} heads of keys make no attention")
    return Style(
        hidden=Size("hidden_size", hidden),
        count=setup.share_heads("heads", count),
        key_value=setup.share_heads("key_value_heads", pairs),
        width=Size("head_dim", width),
        vocab=Size("vocab_size", needed(settings, "vocab_size")),
        kinds=(FULL_ATTENTION,) * layers,
        mlp=mlp,
        bias=bias,
        tied=settings.flag("tie_word_embeddings"),
        dropout=ratio(settings, "attention_dropout", 0),
    )


def gated(settings: Settings, setup: Setup, *names: str) -> Callable[[str], Mlp]:
    """The MLP of every layer. `names`: of the field with its inner size."""
    hidden = Size("hidden_size", needed(settings, "hidden_size"))
    inner = setup.share("intermediate_size", needed(settings, *(names or ("intermediate_size",))))
    function = settings.text_of("hidden_act", "hidden_activation")
    return lambda _: Gated(setup, hidden, inner, function, bias=settings.flag("mlp_bias"))


def sliding(settings: Settings, made: Style) -> Style:
    """All layers, where a window is given."""
    window = settings.integer("sliding_window")
    return (
        replace(made, window=window, kinds=tuple(kind.replace(FULL_ATTENTION, SLIDING) for kind in made.kinds))
        if window
        else made
    )


def _chosen(settings: Settings, made: Style) -> Style:
    """The layers that `layer_types` names, or those from `max_window_layers` on, where windows are on."""
    if not settings.flag("use_sliding_window"):
        return made
    given = settings.texts("layer_types")
    first = settings.integer("max_window_layers")
    first = WINDOWED if first is None else first
    kinds = given or tuple(SLIDING if index >= first else FULL_ATTENTION for index in range(len(made.kinds)))
    return replace(made, window=settings.integer("sliding_window") or WINDOW, kinds=kinds)


def _sparse(settings: Settings, setup: Setup, inner: str, *, normed: bool, lowered: bool, shared: bool = False) -> Sparse:
    hidden = Size("hidden_size", needed(settings, "hidden_size"))
    experts = Size("experts", needed(settings, "num_local_experts", "num_experts", "n_routed_experts"))
    chosen = Size("experts per token", min(experts, needed(settings, "num_experts_per_tok", "experts_per_token")))
    function = settings.text_of("hidden_act")
    width = setup.share(inner, needed(settings, inner))
    beside = None
    if shared:
        wide = setup.share("shared_expert_intermediate_size", needed(settings, "shared_expert_intermediate_size"))
        beside = Gated(setup, hidden, wide, function)
    found = Experts(setup, hidden=hidden, inner=width, experts=experts, chosen=chosen, function=function)
    router = Router(setup, hidden, experts, chosen, normed=normed, lowered=lowered)
    return Sparse(setup, router, found, beside)


def _mixed(settings: Settings, setup: Setup, *, shared: bool) -> Callable[[str], Mlp]:
    plain = gated(settings, setup)
    normed = settings.flag("norm_topk_prob")

    def chosen(kind: str) -> Mlp:
        if not kind.endswith(EXPERTS):
            return plain(kind)
        return _sparse(settings, setup, "moe_intermediate_size", normed=normed, lowered=True, shared=shared)

    return chosen


def _sparsely(settings: Settings, made: Style) -> Style:
    """Experts in every `decoder_sparse_step`-th layer but those of `mlp_only_layers`."""
    step, plain = settings.integer("decoder_sparse_step") or 1, settings.integers("mlp_only_layers") or ()
    kinds = (kind if index in plain or (index + 1) % step else kind + EXPERTS for index, kind in enumerate(made.kinds))
    return replace(made, kinds=tuple(kinds))
