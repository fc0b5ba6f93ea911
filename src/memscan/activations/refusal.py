"""The model types whose classes refuse `sdpa` and load as `eager`: `no_sdpa.json`, made by `tools/activations/no_sdpa.py`."""

import json
import pkgutil
from functools import cache

REFUSED = "the class has no sdpa, so with eager attention"


@cache
def refuses_sdpa(model_type: str) -> bool:
    """Whether all classes of that type do (`_supports_sdpa` of transformers 5.23.0)."""
    return model_type in _types()


@cache
def _types() -> frozenset[str]:
    raw = pkgutil.get_data("memscan.activations", "no_sdpa.json")
    return frozenset(json.loads(raw or b"{}")["types"])
