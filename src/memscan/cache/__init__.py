"""What each layer of a model keeps between tokens: KV cache and recurrent states, engine by engine."""

from memscan.cache.context import longest_context, usual_context
from memscan.cache.engine import Engine
from memscan.cache.kept import ENGINES, kept
from memscan.cache.kv_dtypes import KV_DTYPES
from memscan.cache.parts import Attention, CacheSpec, Compressed, Cross, Indexer, Latent, Part, State
from memscan.cache.request import CacheRequest
from memscan.cache.specs import specs

__all__ = [
    "ENGINES",
    "KV_DTYPES",
    "Attention",
    "CacheRequest",
    "CacheSpec",
    "Compressed",
    "Cross",
    "Engine",
    "Indexer",
    "Latent",
    "Part",
    "State",
    "kept",
    "longest_context",
    "specs",
    "usual_context",
]
