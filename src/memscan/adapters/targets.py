"""Which modules of a model a LoRA setting means, matched as peft matches them.

`check_target_module_exists`, `_maybe_include_all_linear_layers`, `_check_lora_target_modules_mamba` and `_inject_parameters` in
https://github.com/huggingface/peft/blob/v0.21.2/src/peft/tuners/tuners_utils.py.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from memscan.adapters.experts import Part, old_names, parts, translate
from memscan.adapters.saved import Saved
from memscan.adapters.setting import Lora
from memscan.document import shown
from memscan.errors import UsageError
from memscan.quantizers.base import Dense, Weight
from memscan.quantizers.layers import Layer, layers

HEADS = frozenset({"embed_out", "lm_head"})
"""Names of output heads, for a model whose class is not known."""
MAMBA = frozenset({"falcon_h1", "falcon_mamba", "mamba", "mamba2", "nemotron_h"})
MAMBA_REFUSED = frozenset({"conv1d", "out_proj"})
MOST_NAMES = 20  # of an error message


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What of a model is adapted."""

    modules: tuple[str, ...]
    """Dotted names of modules, in the model's order."""
    parameters: tuple[Part, ...] = ()
    """Parameters of experts and their routers."""
    tied: tuple[str, ...] = ()
    """Output heads without a weight of their own."""
    unmatched: tuple[str, ...] = ()
    """Targets that match nothing, where others match: peft is silent about them."""
    shared: tuple[str, ...] = ()
    """Patterns of modules that have their weights from others: peft adapts each module, and here only the first is seen."""
    linear: Mapping[str, Layer] = field(default_factory=dict)
    """Every linear layer of the model, by the name of its module."""


def targets(dense: Dense, setting: Lora, saved: Saved, outputs: Collection[str] | None = None) -> Targets:
    """What `setting` means in `dense`, of which `saved` is trained in full and `outputs` are the output embeddings.

    UsageError where nothing matches, or where peft refuses what does.
    """
    linear = {layer.module: layer for layer in layers(dense)}
    wanted = _all_linear(dense, linear, outputs) if setting.targets is None else frozenset(setting.targets)
    translated = translate(wanted, dense.model_type)
    found = tuple(name for name in owners(dense) if not saved.spares(name) and _hits(name, translated.modules))
    parameters = tuple(parts(dense, translated.parameters))
    hit = {target for name in found for target in _tails(name)}
    missing = tuple(target for target in sorted(translated.modules) if target not in hit)
    tied = tuple(name for name in sorted(dense.kept - {*owners(dense)}) if _hits(name, missing))
    missing = tuple(target for target in missing if not any(target in _tails(name) for name in tied))
    if not found and not parameters and not tied:
        raise UsageError(f"--lora targets {_words(setting)}, which match no module of the model; {_names(linear)}")
    _refuse_mamba(dense, found)
    _refuse_saved(found, saved)
    unmatched = missing if setting.targets is not None else ()
    shared = tuple(_shared(dense, found, outputs if setting.targets is None else None))
    return Targets(modules=found, parameters=parameters, tied=tied, unmatched=unmatched, shared=shared, linear=linear)


def owners(dense: Dense) -> Mapping[str, Weight]:
    """The modules that have parameters, each with its `weight`, or the first that it has."""
    found: dict[str, Weight] = {}
    for weight in dense.weights:
        module, _, leaf = weight.name.rpartition(".")
        if module and not weight.buffer and (module not in found or leaf == "weight"):
            found[module] = weight
    return found


def _all_linear(dense: Dense, linear: Mapping[str, Layer], outputs: Collection[str] | None) -> frozenset[str]:
    """Every linear layer but the output head; by their last names, and with the experts', where experts are adapted too."""
    heads = outputs
    if heads is None:
        known = dense.kept or dense.last is not None
        heads = dense.kept if known else {name for name in linear if name.rpartition(".")[2] in HEADS}
    names = {name for name in linear if name not in heads}
    old = old_names(dense.model_type)
    return frozenset({name.rpartition(".")[2] for name in names} | old if old else names)


def _shared(dense: Dense, found: Collection[str], outputs: Collection[str] | None) -> Iterator[str]:
    """What has its weights from other modules and is no output embedding, as far as it can be told."""
    lasts = {name.rpartition(".")[2] for name in found}
    known = owners(dense)
    for name in sorted(dense.kept - known.keys()):
        above, _, last = name.rpartition(".")
        if "*" in name:
            is_shared = last in lasts
        else:
            # A word that stands for weights kept in float32 is no module's full name: what has one stands below another.
            is_module = above != "" and any(one == above or one.startswith(f"{above}.") for one in known)
            is_shared = is_module and outputs is not None and name not in outputs and last != "bias" and "embed" not in last
        if is_shared:
            yield name


def _tails(name: str) -> Iterator[str]:
    """`name`, and what of it follows each dot."""
    yield name
    while "." in name:
        name = name.partition(".")[2]
        yield name


def _hits(name: str, wanted: Collection[str]) -> bool:
    return any(tail in wanted for tail in _tails(name))


def _refuse_mamba(dense: Dense, found: Collection[str]) -> None:
    refused = sorted({name.rpartition(".")[2] for name in found} & MAMBA_REFUSED)
    if dense.model_type in MAMBA and refused:
        raise UsageError(
            f"peft refuses LoRA on {' and '.join(refused)} of models of the type {dense.model_type}, whose kernels read these "
            "weights themselves; name other targets, such as in_proj,x_proj"
        )


def _refuse_saved(found: Collection[str], saved: Saved) -> None:
    both = [name for name in found if name in saved.modules]
    if both:
        raise UsageError(
            f"--lora targets {both[0]}, which is a head that peft trains in full for this class, and peft does not do both; "
            "name targets that leave it out"
        )


def _words(setting: Lora) -> str:
    return "all-linear" if setting.targets is None else ", ".join(shown(target) for target in setting.targets[:MOST_NAMES])


def _names(linear: Collection[str]) -> str:
    """The last names of the linear layers, in the model's order."""
    names = list(dict.fromkeys(name.rpartition(".")[2] for name in linear))
    if not names:
        return "no linear layer of it is known"
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return f"its linear layers are called {', '.join(names[:MOST_NAMES])}{more}"
