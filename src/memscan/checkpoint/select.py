"""Which files of a listing make one checkpoint: the one place that decides what a loader would load."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from memscan.checkpoint.choice import GGUF, chosen_sets, form, label
from memscan.checkpoint.verdict import WHAT_IT_READS, folder_of, none_chosen, sized
from memscan.checkpoint.weight_sets import READ, STEMS, WeightSet, find_weight_sets, is_training_state
from memscan.errors import NoWeightsError, UndecidedError
from memscan.note import Note
from memscan.units import plural


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The files of one checkpoint."""

    files: tuple[str, ...]
    """The weight files; with an index, those that look like its shards, before it is read."""
    index: str | None = None
    """The shard index, where there is one."""
    format: str = "safetensors"
    slices: bool = False
    """Whether each file holds a slice of every tensor (Llama's `consolidated.00.pth`)."""
    label: str | None = None
    """The quantization that the name of a GGUF file states."""
    alternatives: "tuple[Selection, ...]" = ()
    """The same model in other quantizations, each complete in itself."""
    notes: tuple[Note, ...] = ()


def select(files: Mapping[str, int], path: str | None = None, *, variant: str | None = None) -> Selection:
    """The checkpoint among `files` (path to size), or the one at `path`, a file or a folder of the listing.

    NotFoundError where `path` is not in the listing; NoWeightsError where nothing can be read, or the choice is the user's.
    """
    sets = find_weight_sets(files)
    if path is not None and path in files:
        return _one_file(path, sets)
    folder = folder_of(files, path)
    chosen = chosen_sets(sets, folder, variant)
    if not chosen:
        raise none_chosen(sets, files, folder, variant)
    labels = _labels(chosen)
    best, *others = (_selection(one, own) for one, own in zip(chosen, labels, strict=True))
    notes = (*best.notes, *_beside(chosen[0], sets), *_elsewhere(chosen[0], folder), *_only_variant(chosen[0], variant))
    return replace(best, alternatives=tuple(others), notes=notes)


def _labels(chosen: Sequence[WeightSet]) -> list[str | None]:
    """What to call each: its quantization, or its name where that is not stated or not its own."""
    labels = [label(one) for one in chosen]
    if len(labels) == 1:
        return labels
    return [
        one.name.removesuffix(".gguf") if own is None or labels.count(own) > 1 else own
        for one, own in zip(chosen, labels, strict=True)
    ]


def _selection(one: WeightSet, name: str | None) -> Selection:
    notes: tuple[Note, ...] = ()
    if form(one) == "shards" and one.format != GGUF:
        message = f"{plural(len(one.files), 'shard')} without an index; read as one checkpoint"
        notes = (Note(code="no-index", message=message),)
    elif one.is_sliced and len(one.files) > 1:
        message = f"{one.name} are {len(one.files)} slices of every tensor; what each of them repeats is counted in each"
        notes = (Note(code="slices", message=message),)
    return Selection(files=one.files, index=one.index, format=one.format, slices=one.is_sliced, label=name, notes=notes)


def _one_file(path: str, sets: Sequence[WeightSet]) -> Selection:
    """The set of an index, or the one file at `path`."""
    for one in sets:
        if path == one.index and one.format in READ:
            return _selection(one, None)
        if path in (*one.files, one.index):
            if one.format not in READ:
                raise NoWeightsError(f"{sized(one)} is of a format whose headers memscan does not read{WHAT_IT_READS}")
            if one.format == GGUF:
                if not one.complete:
                    raise UndecidedError(
                        f"{path} is one file of a split of which others are missing: there are {', '.join(one.files)}"
                    )
                return _selection(one, label(one))  # a split is loaded as a whole, whichever of its files is named
            message = f"{path} is one of {plural(len(one.files), 'shard')}; the numbers are of this file alone"
            notes = (Note(code="one-shard", message=message),) if one.is_split else ()
            return Selection(files=(path,), format=one.format, notes=notes)
    if is_training_state(path):
        raise NoWeightsError(f"{path} is named as the state of a training run and not as weights; name the file of the weights")
    raise NoWeightsError(f"{path} is not a file of weights that memscan reads{WHAT_IT_READS}, or the index of a sharded one")


def _beside(chosen: WeightSet, sets: Sequence[WeightSet]) -> tuple[Note, ...]:
    """A single file beside a sharded checkpoint of the same format: loaders do not agree which they take."""
    singles = [
        one
        for one in sets
        if (one.folder, one.format, one.variant) == (chosen.folder, chosen.format, chosen.variant)
        and chosen.index is not None
        and form(one) == "single"
        and one.stem in STEMS
    ]
    notes = []
    for single in singles[:1]:
        message = f"{single.name} ({plural(single.nbytes, 'byte')}) stands beside {chosen.index} and is not counted"
        if posixpath.basename(single.name) in ("model.safetensors", "pytorch_model.bin"):
            message += "; transformers would load the single file, vLLM and diffusers the sharded one"
        notes.append(Note(code="two-checkpoints", message=message))
    return tuple(notes)


def _elsewhere(chosen: WeightSet, folder: str) -> tuple[Note, ...]:
    if chosen.folder == folder or chosen.format == GGUF:
        return ()
    message = f"the weights are in {chosen.folder}, the only folder here that has any"
    return (Note(code="subfolder", message=message),)


def _only_variant(chosen: WeightSet, asked: str | None) -> tuple[Note, ...]:
    if chosen.variant is None or asked is not None:
        return ()
    message = f"the weights are of the variant {chosen.variant}, the only one here; loaders have to be told of it"
    return (Note(code="variant", message=message),)
