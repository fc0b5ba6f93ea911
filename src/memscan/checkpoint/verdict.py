"""What became of each weight set of a listing, and why; and why nothing was chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memscan.checkpoint.choice import LLAMA_CPP_DEFAULT, chosen_sets, label, role
from memscan.checkpoint.weight_sets import READ, STEMS, WeightSet, find_weight_sets
from memscan.document import shown
from memscan.errors import NotFoundError, NoWeightsError, UndecidedError
from memscan.formats import gguf_names
from memscan.units import plural

SHOWN_FILES = 5  # names in one message
WHAT_IT_READS = "; it reads safetensors, torch (.bin, .pt, .pth, .ckpt) and GGUF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one weight set."""

    found: WeightSet
    chosen: bool
    why: str


def explain(files: Mapping[str, int], path: str | None = None, *, variant: str | None = None) -> tuple[Verdict, ...]:
    """Every weight set among `files`, whether `select` chooses it, and why or why not; NotFoundError as `select`."""
    sets = find_weight_sets(files)
    if path is not None and path in files:
        named = tuple(one for one in sets if path in (*one.files, one.index))
        return tuple(_named(one, one in named) for one in sets)
    folder = folder_of(files, path)
    chosen = chosen_sets(sets, folder, variant)
    return tuple(Verdict(found=one, chosen=one in chosen, why=_why(one, chosen, sets, folder, variant)) for one in sets)


def folder_of(files: Mapping[str, int], path: str | None) -> str:
    """The folder that `path` names, empty for the top, else with its slash."""
    folder = "" if path is None else f"{path}/"
    if folder and not any(name.startswith(folder) for name in files):
        raise NotFoundError(f"no file or folder {shown(path)} among the {plural(len(files), 'file')}")
    return folder


def _named(one: WeightSet, is_named: bool) -> Verdict:
    """What becomes of `one` where the user named a file."""
    if not is_named:
        return Verdict(found=one, chosen=False, why="not the file that is named")
    if one.format not in READ:
        return Verdict(found=one, chosen=False, why=f"named, but {_not_read(one)}")
    return Verdict(found=one, chosen=True, why="named")


def _why(one: WeightSet, chosen: Sequence[WeightSet], sets: Sequence[WeightSet], folder: str, variant: str | None) -> str:
    """Why `one` is among `chosen`, or why not: the first reason that holds."""
    if one in chosen:
        return _why_chosen(one, chosen, sets)
    if (reason := _why_never(one)) is not None:
        return reason
    if not one.folder.startswith(folder):
        return f"not in {folder}"
    return _why_other(one, chosen[0]) if chosen else _why_undecided(one, variant)


def _why_other(one: WeightSet, best: WeightSet) -> str:
    if one.folder != best.folder:
        return f"in another folder: --subfolder {one.folder.rstrip('/') or '.'} chooses it"
    if one.variant != best.variant and one.stem in STEMS:
        return f"another variant: --variant {one.variant} chooses it" if one.variant else f"not of the variant {best.variant}"
    return f"loaders prefer {best.format if one.format != best.format else best.name}: --file {_handle(one)} chooses it"


def _why_chosen(one: WeightSet, chosen: Sequence[WeightSet], sets: Sequence[WeightSet]) -> str:
    if len(chosen) > 1:
        if one is not chosen[0]:
            return f"the same model in another quantization: --file {_handle(one)} chooses it"
        return "llama.cpp's default" if label(one) == LLAMA_CPP_DEFAULT else "the largest quantization"
    if len(sets) == 1:
        return "the only weights"
    rivals = [other for other in sets if other is not one and other.folder == one.folder and _why_never(other) is None]
    return "loaders prefer it" if rivals else "the only model that memscan reads in its folder"


def _why_never(one: WeightSet) -> str | None:
    if (part := role(one)) is not gguf_names.Role.MODEL:
        return ROLES[part]
    if one.format not in READ:
        return _not_read(one)
    return None if one.complete else f"shards are missing: {plural(len(one.files), 'file')} there"


def _why_undecided(one: WeightSet, variant: str | None) -> str:
    if variant is not None:
        return f"not of the variant {variant}" if one.variant != variant else f"--file {_handle(one)} chooses it"
    if one.variant is not None:
        return f"one of several variants: --variant {one.variant} chooses it"
    if one.folder:
        return f"one of several that no loader prefers: --subfolder {one.folder.rstrip('/')} or --file chooses"
    return f"one of several that no loader prefers: --file {_handle(one)} chooses it"


def _not_read(one: WeightSet) -> str:
    return f"memscan does not read the headers of {one.format}: sized by its files"


def _handle(one: WeightSet) -> str:
    """The path by which `--file` chooses the whole of `one`."""
    return one.index or one.files[0]


ROLES = {
    gguf_names.Role.PROJECTOR: "loaded beside the model for images or sound: --mmproj adds it",
    gguf_names.Role.ADAPTER: "an adapter, not a model",
    gguf_names.Role.IMATRIX: "statistics for quantizing; nothing loads it",
    gguf_names.Role.VOCABULARY: "a tokenizer without weights",
}


def none_chosen(sets: Sequence[WeightSet], files: Mapping[str, int], folder: str, variant: str | None) -> NoWeightsError:
    """The error for a folder in which nothing is chosen: what is there instead, and what to do."""
    where = f"the folder {folder.rstrip('/')}" if folder else "the top folder"
    below = [one for one in sets if one.folder.startswith(folder)]
    readable = [one for one in below if one.format in READ and role(one) is gguf_names.Role.MODEL]
    here = [one for one in readable if one.folder == folder]
    if readable and variant is not None:
        there = sorted({one.variant for one in here or readable if one.variant}) or [one.name for one in here or readable]
        return UndecidedError(f"no weights of the variant {shown(variant)} in {where}; there are {_some(there)}")
    if here:
        return UndecidedError(_why_undecided_among(here, where))
    if readable:
        return UndecidedError(
            f"no weights in {where} itself; name a folder or a file, there are {_some([one.name for one in readable])}"
        )
    if below:
        return NoWeightsError(_why_unread(below, where))
    count = sum(name.startswith(folder) for name in files)
    return NoWeightsError(f"nothing that holds weights in {where}: {plural(count, 'file')}, none of them in a format of weights")


def _why_undecided_among(here: Sequence[WeightSet], where: str) -> str:
    variants = sorted({one.variant for one in here if one.variant})
    if len(variants) > 1 and all(one.variant for one in here):
        return f"the weights in {where} are of several variants: --variant chooses one of {', '.join(variants)}"
    if not any(one.complete for one in here):
        there = _some([name for one in here for name in one.files])
        return f"the shards of {here[0].name} in {where} are not complete: there are {there}; --file reads one alone"
    names = [name for one in here for name in ((_handle(one),) if one.complete else one.files)]
    return f"{plural(len(names), 'file')} of weights in {where} and none that loaders prefer: name one of {_some(names)}"


def _why_unread(below: Sequence[WeightSet], where: str) -> str:
    """What is there instead of a model that can be read, with the sizes of the files."""
    parts = [one for one in below if one.format in READ]
    if parts:
        names = _some([f"{one.name} ({plural(one.nbytes, 'byte')}; {ROLES[role(one)].partition(':')[0]})" for one in parts])
        return f"no model in {where}, only {names}"
    listed = _some([sized(one) for one in below])
    return f"the weights in {where} are in formats whose headers memscan does not read: {listed}{WHAT_IT_READS}"


def sized(one: WeightSet) -> str:
    """Its name, format and bytes."""
    return f"{one.name} ({one.format}, {plural(one.nbytes, 'byte')})"


def _some(names: Sequence[str]) -> str:
    text = ", ".join(names[:SHOWN_FILES])
    return text if len(names) <= SHOWN_FILES else f"{text} and {len(names) - SHOWN_FILES:,} more"
