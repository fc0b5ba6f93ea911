"""Which layers of a hybrid are attention and which have a state, where the config does not list them one by one.

The rules of config classes of transformers 5.23.0 (models/*/configuration_*.py), and of remote code by its fields.
"""

from collections.abc import Callable, Mapping

from memscan.architecture.settings import Settings
from memscan.cache.listed import listed
from memscan.cache.patterns import CONV, FULL, HYBRID, HYBRID_SLIDING, LINEAR, PATTERNS, SLIDING, Every
from memscan.errors import FormatError

Rule = Callable[[Settings, int], tuple[str, ...]]
BLOCKS: Mapping[str, str] = {"M": LINEAR, "*": FULL, "-": "mlp", "E": "moe"}  # NemotronHConfig._pattern_to_list


DEFAULT_BLOCKS = (LINEAR, "moe", FULL, "mlp")
"""The layers of Nemotron-H where a config lists none."""


def _lfm2(settings: Settings, layers: int) -> tuple[str, ...]:
    given = settings.integers("full_attn_idxs")
    full = None if given is None else frozenset(given)
    return tuple(FULL if full is None or index in full else CONV for index in range(layers))


def _lfm3(settings: Settings, layers: int) -> tuple[str, ...]:  # noqa: ARG001 -- what every rule is asked
    return tuple(FULL if i % 4 == 2 else SLIDING if i % 4 == 0 and i > 0 else CONV for i in range(layers))


def _lfm3_vl(settings: Settings, layers: int) -> tuple[str, ...]:  # noqa: ARG001 -- what every rule is asked
    return tuple(CONV if index < 2 or index % 2 else FULL for index in range(layers))


def _inkling(settings: Settings, layers: int) -> tuple[str, ...]:
    given = settings.integers("local_layer_ids")
    if given is None:
        return Every(period=6, one=HYBRID, rest=HYBRID_SLIDING).types(settings, layers)
    local = frozenset(given)
    return tuple(HYBRID_SLIDING if index in local else HYBRID for index in range(layers))


def _kimi_linear(settings: Settings, layers: int) -> tuple[str, ...]:
    given = settings.inside("linear_attn_config")
    full, linear = (None, None) if given is None else (given.integers("full_attn_layers"), given.integers("kda_layers"))
    if full is None or linear is None:
        return tuple(FULL if index and index % 4 == 0 else LINEAR for index in range(layers))
    # Counted from 1; a layer that neither list names has no type.
    types = dict.fromkeys(full, FULL) | dict.fromkeys(linear, LINEAR)
    return tuple(types.get(index, "") for index in range(1, layers + 1))


def _nemotron_h(settings: Settings, layers: int) -> tuple[str, ...]:
    pattern = settings.text_of("hybrid_override_pattern")
    if pattern is None:
        return DEFAULT_BLOCKS[:layers]
    return listed(settings, "hybrid_override_pattern", tuple(BLOCKS.get(one, one) for one in pattern[:layers]), layers)


def _olmo_hybrid(settings: Settings, layers: int) -> tuple[str, ...]:
    return Every(period=4, rest=LINEAR, ends=layers < 4).types(settings, layers)


def _jamba(settings: Settings, layers: int) -> tuple[str, ...]:
    period, offset = settings.integer("attn_layer_period"), settings.integer("attn_layer_offset") or 0
    if not period:
        raise FormatError(f"{settings.path}: attn_layer_period is {period}, expected a number of layers that take turns")
    return tuple(FULL if index % period == offset else LINEAR for index in range(layers))


def _bamba(settings: Settings, layers: int) -> tuple[str, ...]:
    full = frozenset(settings.integers("attn_layer_indices") or ())
    return tuple(FULL if index in full else LINEAR for index in range(layers))


def _zamba(settings: Settings, layers: int) -> tuple[str, ...]:
    period, offset = settings.integer("attn_layer_period") or 6, settings.integer("attn_layer_offset") or 0
    head = (LINEAR, LINEAR, HYBRID)
    rest = tuple(HYBRID if index % period == offset else LINEAR for index in range(max(0, layers - len(head))))
    return (head + rest)[:layers]


def _zamba2(settings: Settings, layers: int) -> tuple[str, ...]:
    hybrid = settings.integers("hybrid_layer_ids")
    if hybrid is None:
        pattern = "M" + "MMMMMH" * 7 + "MMMMH" + "MMMH" + "MM"
        hybrid = tuple(index for index, one in enumerate(pattern) if one == "H")
    both = frozenset(hybrid)
    return tuple(HYBRID if index in both else LINEAR for index in range(layers))


def _recurrent_gemma(settings: Settings, layers: int) -> tuple[str, ...]:
    blocks = settings.texts("block_types") or ("recurrent", "recurrent", "attention")
    return tuple(LINEAR if blocks[index % len(blocks)] == "recurrent" else SLIDING for index in range(layers))


def _attention_types(settings: Settings, layers: int) -> tuple[str, ...]:
    """MiniMax-Text-01's remote code: 1 is softmax attention, 0 lightning attention."""
    return listed(
        settings,
        "attn_type_list",
        tuple(
            FULL if one == 1 else LINEAR if one == 0 else f"attention type {one}"
            for one in settings.integers("attn_type_list") or ()
        ),
        layers,
    )


HYBRIDS: Mapping[str, Rule] = {
    "bamba": _bamba,
    "inkling_text": _inkling,
    "jamba": _jamba,
    "kimi_linear": _kimi_linear,
    "lfm2": _lfm2,
    "lfm3": _lfm3,
    "lfm3_vl_text": _lfm3_vl,
    "nemotron_h": _nemotron_h,
    "olmo_hybrid": _olmo_hybrid,
    "recurrent_gemma": _recurrent_gemma,
    "zamba": _zamba,
    "zamba2": _zamba2,
}
"""By model type."""

FIELDS: Mapping[str, Rule] = {
    "hybrid_override_pattern": _nemotron_h,
    "full_attn_idxs": _lfm2,
    "attn_type_list": _attention_types,
    "attn_layer_period": _jamba,
    "attn_layer_indices": _bamba,
    "hybrid_layer_ids": _zamba2,
    "full_attention_interval": PATTERNS["qwen3_next"].types,
    "layer_group_size": PATTERNS["bailing_hybrid"].types,
    "linear_attn_config": _kimi_linear,
}
"""By a field that a config of a model type that is not known gives."""
