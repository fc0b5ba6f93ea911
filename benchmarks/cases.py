"""What is measured: the repository, and how it is asked for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One scan."""

    name: str
    target: str
    """A repository of `fixtures/hub`: a real model's headers."""
    options: tuple[str, ...] = ("--no-cache",)
    is_warm: bool = False
    """Whether a run before it has filled the cache."""
    endpoint: bool = True
    """Whether the Hub has its one-request endpoint for safetensors metadata."""
    peers: bool = True
    """Whether peers do the same work, so that their time says something."""


CASES = (
    Case(name="single file", target="google-bert/bert-base-cased"),
    Case(name="4 shards", target="meta-llama/Llama-3.1-8B"),
    Case(name="4 shards, no endpoint", target="meta-llama/Llama-3.1-8B", endpoint=False, peers=False),
    Case(name="72 shards", target="bigscience/bloom"),
    Case(name="72 shards, no endpoint", target="bigscience/bloom", endpoint=False, peers=False),
    Case(name="72 shards, second run", target="bigscience/bloom", options=(), is_warm=True, peers=False),
)
