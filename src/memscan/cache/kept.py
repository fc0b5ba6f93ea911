"""The bill of a cache: one line for each kind of layer."""

from collections.abc import Mapping

from memscan.architecture.settings import Settings
from memscan.cache import llama_cpp, transformers, vllm
from memscan.cache.engine import Engine
from memscan.cache.groups import rest
from memscan.cache.request import CacheRequest
from memscan.cache.specs import specs
from memscan.item import Basis, Item

ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (transformers.ENGINE, vllm.ENGINE, llama_cpp.ENGINE)}
"""By the word that asks for one."""

UNCOUNTED = "unknown: layers that the config does not count"


def kept(settings: Settings, request: CacheRequest) -> tuple[Item, ...]:
    """What `request.sequences` sequences of `request.tokens` tokens keep on one rank; `settings` are the whole config's.

    Layers of which nothing is known have a line without bytes; a model that keeps nothing has one of 0 bytes.

    Raises:
        UsageError: where the engine cannot do what is asked, such as a dtype that it has not for such layers, or ranks
            among which the heads do not divide.
        FormatError: where the config contradicts itself.

    """
    found = specs(settings)
    if not found:
        note = "not counted: no field of the config says how many layers there are (num_hidden_layers)"
        return (Item(name=UNCOUNTED, nbytes=None, basis=Basis.UNKNOWN, note=note),)
    if request.layers is not None:
        found = tuple(spec for spec in found if spec.layer in request.layers)
    return (*ENGINES[request.engine].keep(settings, found, request), *rest(found))
