"""Fields for which a table is right by coincidence, at the values that are usual: no other value of them is verified.

A rule of the table hangs on such a field, or on one that moved with it in every probe, and configs were found by hand for which
it is wrong. What random configs say of the field does not count: few of them have the value that shows it.
"""

from collections.abc import Mapping
from typing import Any

ONLY: Mapping[str, Mapping[str, str]] = {
    "canine": {"num_hash_functions": "=8"},
    "convbert": {"head_ratio": "=2"},
    "falcon": {"parallel_attn": "t"},
    "flava_image_codebook": {"num_blocks_per_group": "=2"},
    "inkling_text": {"num_experts_per_tok": "=6"},
    "jamba": {"num_experts": "=2 =4 =8 =16"},
    "kimi_linear": {"num_expert_group": "=1"},
    "minimax": {"num_experts_per_tok": "=2"},
    "mobilevit": {"neck_hidden_sizes": "l:7"},
    "pp_doclayout_v2": {"num_feature_levels": "=3"},
}
"""By model type, the tokens of the values that are verified."""
NEVER: Mapping[str, tuple[str, ...]] = {"chmv2": ("CHMv2ForDepthEstimation",)}
"""Classes that are wrong for the defaults of their config."""


def narrowed(model_type: str, verified: Mapping[str, Any]) -> dict[str, Any]:
    """What is verified of a model type, without what is known to be right by coincidence alone."""
    only = ONLY.get(model_type, {})
    classes = {
        name: {**own, **({"fields": _without(own["fields"], only)} if "fields" in own else {})}
        for name, own in verified["classes"].items()
        if name not in NEVER.get(model_type, ())
    }
    fields = _without(verified["fields"], only)
    for path, tokens in only.items():
        fields[tokens] = sorted({*fields.get(tokens, ()), path})
    return {**verified, "classes": classes, "fields": fields}


def _without(fields: Mapping[str, Any], only: Mapping[str, str]) -> dict[str, list[str]]:
    kept = {tokens: [path for path in paths if path not in only] for tokens, paths in fields.items()}
    return {tokens: paths for tokens, paths in kept.items() if paths}
