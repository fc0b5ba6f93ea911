"""All groups, in the order of the document."""

from functools import cache

from tools.measured import caches, inference, llama_cpp, sglang, training, vllm
from tools.measured.row import Group


@cache
def comparison() -> tuple[Group, ...]:
    """Every measurement beside what memscan says of it."""
    return tuple(group for part in (training, inference, vllm, sglang, llama_cpp, caches) for group in part.groups())
