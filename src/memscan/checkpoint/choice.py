"""Which weight sets of a listing a loader would take, whatever is made of them after that."""

from collections.abc import Sequence

from memscan.checkpoint.weight_sets import READ, STEMS, WeightSet
from memscan.formats import gguf_names

LLAMA_CPP_DEFAULT = "Q4_K_M"  # what llama.cpp takes of a repository with many quantizations (`-hf`)
GGUF = "gguf"
FORMS = ("index", "single", "shards")
TORCH_STEMS = (*STEMS[1:], STEMS[0])  # model.bin is what CTranslate2 and fastText write, and no loader of torch files looks for


def chosen_sets(sets: Sequence[WeightSet], folder: str, variant: str | None) -> tuple[WeightSet, ...]:
    """The sets that a loader would take: one, or several quantizations of one model, the default first."""
    models = [one for one in sets if one.format in READ and one.complete and role(one) is gguf_names.Role.MODEL]
    here = [one for one in models if one.folder == folder] or _only_below(models, folder)
    named = [one for one in here if one.stem in STEMS and one.format != GGUF]
    variants = {one.variant for one in named}
    if variant is None and None not in variants and len(variants) == 1:
        variant = variants.pop()  # the only one there is
    # What loaders look for by name, in any format, comes before what they would have to be pointed at.
    for kind in READ:
        if best := _preferred([one for one in named if one.format == kind and one.variant == variant]):
            return best
    fitting = [one for one in here if one.variant == variant]
    for kind in READ:
        candidates = [one for one in fitting if one.format == kind]
        if kind == GGUF and candidates:
            quantizations = [one for one in models if one.format == GGUF and one.folder.startswith(folder)]
            return tuple(sorted(quantizations, key=_quantization_order))
        for wanted in FORMS:
            group = [one for one in candidates if form(one) == wanted]
            if group:
                return tuple(group) if len(group) == 1 else ()
    return ()


def _only_below(models: Sequence[WeightSet], folder: str) -> list[WeightSet]:
    """The models of the one folder below `folder` that has any, or all GGUF files below it: quantizations have folders."""
    below = [one for one in models if one.folder.startswith(folder)]
    if below and all(one.format == GGUF for one in below):
        return below
    return below if len({one.folder for one in below}) == 1 else []


def _preferred(candidates: Sequence[WeightSet]) -> tuple[WeightSet, ...]:
    """Of one format: an index before a single file, the stem that loaders look for first; none where two are equal."""
    for wanted in ("index", "single"):
        for stem in TORCH_STEMS if candidates and candidates[0].format == "torch" else STEMS:
            group = [one for one in candidates if form(one) == wanted and one.stem == stem]
            # transformers and diffusers look for .bin; .pt, .pth and .ckpt are the names of other writers.
            if group := [one for one in group if one.name.endswith(".bin")] or group:
                return tuple(group) if len(group) == 1 else ()
    return ()


def _quantization_order(one: WeightSet) -> tuple[object, ...]:
    """The one that llama.cpp takes, then by size."""
    return label(one) != LLAMA_CPP_DEFAULT, -one.nbytes, one.name


def form(one: WeightSet) -> str:
    """Which of FORMS it is; slices are looked for by name, as a single file is."""
    if one.index is not None:
        return "index"
    return "single" if not one.is_split or one.is_sliced else "shards"


def role(one: WeightSet) -> gguf_names.Role:
    """Which part of a model it is, as its name says."""
    return gguf_names.from_path(one.files[0]).role if one.format == GGUF else gguf_names.Role.MODEL


def label(one: WeightSet) -> str | None:
    """The quantization that its name states."""
    return gguf_names.from_path(one.files[0]).label if one.format == GGUF else None
