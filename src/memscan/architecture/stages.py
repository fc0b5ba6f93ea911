"""Which stages a backbone gives out: by their names or by their numbers, whichever a config has, and the last one by default.

Source: `BackboneConfigMixin.set_output_features_output_indices` of transformers. The stages are `stem`, `stage1`, `stage2` ...
"""

from collections.abc import Mapping
from typing import Any

from memscan.architecture.expression import UNKNOWN

FEATURES, INDICES = "out_features", "out_indices"
OUTPUTS = frozenset({FEATURES, INDICES})
MOST = 1000  # stages


def outputs(name: str, count: object, values: Mapping[str, Any]) -> object:
    """The field `name` of a config that does not give it, of `count` stages with the stem; `UNKNOWN` where it is not known."""
    if not isinstance(count, int) or not 0 < count <= MOST:
        return UNKNOWN
    names = ["stem", *(f"stage{number}" for number in range(1, count))]
    if name == FEATURES:
        indices = values.get(INDICES) or [count - 1]
        if (
            not isinstance(indices, list)
            or len(indices) > count
            or not all(type(one) is int and -count <= one < count for one in indices)
        ):
            return UNKNOWN
        return [names[one] for one in indices]
    features = values.get(FEATURES) or [names[-1]]
    if not isinstance(features, list) or len(features) > count or not all(one in names for one in features):
        return UNKNOWN
    return [names.index(one) for one in features]
