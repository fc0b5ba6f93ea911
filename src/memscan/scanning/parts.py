"""Models made of several parts: pipelines, sentence-transformers, adapters, projectors; each part has files of its own."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from memscan.architecture import MAX_CONFIG, Config
from memscan.checkpoint import Selection, Verdict, explain, renamed, select
from memscan.checkpoint.weight_sets import READ, find_weight_sets
from memscan.document import Document, shown
from memscan.errors import FormatError, NotFoundError, NoWeightsError
from memscan.model import Part, Role
from memscan.note import Note
from memscan.scanning.checkpoints import CheckpointReader
from memscan.scanning.together import both, every
from memscan.source import Source

PIPELINE = "model_index.json"
MODULES = "modules.json"
ROUTER = "router_config.json"
CONFIG = "config.json"
MODELOPT = "hf_quant_config.json"  # beside config.json, which does not always repeat it
MAX_PARTS = 200  # of one model; the largest real ones have a dozen
# Components of a pipeline that have no weights: what prepares its input, and what paces its steps.
WEIGHTLESS = ("Tokenizer", "Scheduler", "Processor", "FeatureExtractor")
# Modules of sentence-transformers that have no weights of their own.
MODULE_FOLDER = re.compile(r"\d+_(?P<kind>\w+)/")
WEIGHTLESS_MODULES = frozenset({"Pooling", "Normalize", "Dropout", "BoW", "SpladePooling", "Router", "Asym"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A part that is to be read."""

    name: str
    role: Role
    class_name: str | None
    library: str | None
    selection: Selection
    prefix: str
    """Before the names of its tensors."""
    config: str | None = None
    """The path of its config, which may declare that it is quantized."""
    notes: tuple[Note, ...] = ()
    """What is said where it is read."""
    has_variant: bool = False
    """Whether its weights are those of the variant that was asked for."""


async def read_parts(
    reader: CheckpointReader, source: Source, files: Mapping[str, int], plans: Sequence[Plan]
) -> tuple[Part, ...]:
    """All of `plans`, read at once."""

    async def one(plan: Plan) -> Part:
        checkpoint, config = await both(reader.read(plan.selection), read_config(source, files, plan.config))
        checkpoint = replace(checkpoint, notes=(*plan.selection.notes, *plan.notes, *checkpoint.notes))
        return Part(
            name=plan.name,
            role=plan.role,
            class_name=plan.class_name or (config.architecture if config is not None else None),
            library=plan.library,
            checkpoint=renamed(checkpoint, plan.prefix),
            quantized=config.quantization if config is not None else None,
        )

    return tuple(await every(one(plan) for plan in plans))


async def read_config(source: Source, files: Mapping[str, int], path: str | None) -> Config | None:
    """The config at `path`, if there is one, and what ModelOpt wrote beside it."""
    if path is None:
        return None
    beside = _present(files, path.removesuffix(CONFIG) + MODELOPT) if path.endswith(CONFIG) else None
    config, modelopt = await both(_document(source, path), _document(source, beside))
    return None if config is None else Config(config, modelopt)


async def _document(source: Source, path: str | None) -> Document | None:
    return None if path is None else Document.parse(await source.read(path, MAX_CONFIG), path, strict=False)


async def plan_pipeline(
    source: Source, files: Mapping[str, int], folder: str, variant: str | None
) -> tuple[list[Plan], Config, tuple[Note, ...]]:
    """The components that `model_index.json` of diffusers names and that have weights, the index, and notes about the others.

    Layout: `{"_class_name": ..., "unet": ["diffusers", "UNet2DConditionModel"], "safety_checker": [null, null], ...}`
    (`DiffusionPipeline.save_pretrained`).
    """
    path = folder + PIPELINE
    index = Document.parse(await source.read(path, MAX_CONFIG), path, strict=False)
    named = _components(index)
    folders = _by_folder(files)
    plans: list[Plan] = []
    notes: list[Note] = []
    for name, value in named.items():
        own = folders.get(folder + name, {})
        match value:
            case [str() as library, str() as class_name] if name.isidentifier():
                what = f"the component {shown(name)} ({shown(class_name)})"
            case [None, _]:
                continue  # an optional one that is left out
            case _ if own:
                notes.append(_uncounted(f"the component {shown(name)}", f"{path} describes it as {shown(value)}"))
                continue
            case _:
                continue  # a setting of the pipeline
        try:
            selection, has_variant = _weights(own, folder + name, variant)
        except NoWeightsError as error:
            if not class_name.removesuffix("Fast").endswith(WEIGHTLESS):
                notes.append(_uncounted(what, str(error)))
            continue
        plans.append(
            Plan(
                name=name,
                role=Role.COMPONENT,
                class_name=class_name,
                library=library,
                selection=selection,
                prefix=f"{name}.",
                config=_present(files, f"{folder}{name}/{CONFIG}"),
                notes=_without_variant(folder + name, selection, None if has_variant else variant),
                has_variant=has_variant,
            )
        )
    if not plans:
        raise NoWeightsError(f"{path} names no component with weights that memscan reads")
    _check_variant(plans, variant, f"component of {path}")
    return plans, Config(index), tuple(notes)


def _components(index: Document) -> Mapping[str, object]:
    named = {name: value for name, value in index.values.items() if isinstance(value, list) and not name.startswith("_")}
    if len(named) > MAX_PARTS:
        raise FormatError(f"{index.path} names {len(named):,} components, more than the {MAX_PARTS} that memscan reads")
    return named


async def plan_modules(source: Source, files: Mapping[str, int], folder: str, variant: str | None) -> list[Plan]:
    """The modules that `modules.json` of sentence-transformers names and that have weights; none where all stand at the top.

    Layout: `[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}, ...]`.
    """
    below = {one.folder for one in find_weight_sets(files) if one.folder != folder and one.format in READ}
    if not any(inside.startswith(folder) for inside in below) and not _has_module_folders(files, folder):
        return []  # without asking: whatever the modules are, their weights are those at the top
    path = folder + MODULES
    modules = [
        ((module.text("path") or "").strip("/"), (module.text("type") or "").rpartition(".")[2], module.text("name") or "")
        for module in Document.of_list(await source.read(path, MAX_CONFIG), path)[: MAX_PARTS + 1]
    ]
    for routed in await every(_routed(source, files, folder, place) for place, kind, _ in modules if kind in ("Router", "Asym")):
        modules.extend(routed)
    if len(modules) > MAX_PARTS:
        raise FormatError(f"{path} names more than the {MAX_PARTS} modules that memscan reads")
    folders = _by_folder(files)
    plans: dict[str, Plan] = {}
    notes: list[Note] = []
    for place, kind, name in modules:
        if kind in WEIGHTLESS_MODULES or place in plans:
            continue  # two routes may share a module
        inside = f"{folder}{place}" if place else folder.rstrip("/")
        try:
            selection, has_variant = _weights(folders.get(inside, {}), inside, variant)
        except NoWeightsError as error:
            notes.append(_uncounted(f"the module {shown(place or name)} ({shown(kind)})", str(error)))
            continue
        plans[place] = Plan(
            name=place or kind or name,
            role=Role.MODULE,
            class_name=kind or None,
            library="sentence-transformers",
            selection=selection,
            prefix=f"{place.replace('/', '.')}." if place else "",
            config=_present(files, f"{inside}/{CONFIG}".lstrip("/")),
            notes=_without_variant(inside or "the top folder", selection, None if has_variant else variant),
            has_variant=has_variant,
        )
    planned = list(plans.values())
    if planned:
        planned[0] = replace(planned[0], notes=(*notes, *planned[0].notes))
        _check_variant(planned, variant, f"module of {path}")
    return planned


def _has_module_folders(files: Iterable[str], folder: str) -> bool:
    """Whether a folder is named as sentence-transformers names that of a module with weights: `2_Dense`, not `1_Pooling`."""
    found = (MODULE_FOLDER.match(path.removeprefix(folder)) for path in files if path.startswith(folder))
    return any(match is not None and match["kind"] not in WEIGHTLESS_MODULES for match in found)


async def _routed(source: Source, files: Mapping[str, int], folder: str, place: str) -> list[tuple[str, str, str]]:
    """Path, kind and name of the modules behind a router at `place`: `{"types": {"query_0_Dense": "...models.Dense"}, ...}`."""
    inside = f"{folder}{place}/" if place else folder
    path = _present(files, inside + ROUTER) or _present(files, inside + CONFIG)
    types = None if path is None else Document.parse(await source.read(path, MAX_CONFIG), path, strict=False).child("types")
    if types is None:
        return []
    prefix = f"{place}/" if place else ""
    return [((prefix + name).strip("/"), (types.text(name) or "").rpartition(".")[2], name) for name in types.values]


def _weights(own: Mapping[str, int], folder: str, variant: str | None) -> tuple[Selection, bool]:
    """The weights among `own`, the files of `folder`, and whether they are of `variant`, in whose place diffusers takes any."""
    if not own:
        raise NoWeightsError(f"there is no folder {shown(folder)}")
    if variant is not None:
        with suppress(NoWeightsError):  # then any other, of which a note says so
            return select(own, folder or None, variant=variant), True
    return select(own, folder or None), False


def _without_variant(where: str, selection: Selection, variant: str | None) -> tuple[Note, ...]:
    if variant is None:
        return ()
    message = f"{where} has no weights of the variant {shown(variant)}; counted instead: {selection.index or selection.files[0]}"
    return (Note(code="variant-missing", message=message),)


def _check_variant(plans: Iterable[Plan], variant: str | None, parts: str) -> None:
    if variant is not None and not any(plan.has_variant for plan in plans):
        raise NotFoundError(f"no {parts} has weights of the variant {shown(variant)}")


def _uncounted(what: str, reason: str) -> Note:
    return Note(code="component-without-weights", message=f"{what} is not counted: {reason}")


def _by_folder(files: Mapping[str, int]) -> Mapping[str, Mapping[str, int]]:
    """The files that stand in each folder itself: a component's weights are never below its folder."""
    folders: dict[str, dict[str, int]] = {}
    for path, size in files.items():
        folders.setdefault(path.rpartition("/")[0], {})[path] = size
    return folders


def _present(files: Mapping[str, int], path: str) -> str | None:
    return path if path in files else None


def explain_parts(files: Mapping[str, int], plans: Iterable[Plan]) -> tuple[Verdict, ...]:
    """Every weight set among `files`: which part it is, why the part is not read from it, or that it belongs to none."""
    folders = _by_folder(files)
    known: dict[str, Verdict] = {}
    for plan in plans:
        first = plan.selection.index or plan.selection.files[0]
        verdicts = explain(folders[first.rpartition("/")[0]], first)
        variants = {verdict.found.variant for verdict in verdicts if verdict.chosen}
        for verdict in verdicts:
            why = f"the {plan.role.value} {plan.name}" if verdict.chosen else "loaders prefer another of its folder"
            if not verdict.chosen and verdict.found.variant is not None and verdict.found.variant not in variants:
                why = f"another variant: --variant {verdict.found.variant} chooses it"
            known[verdict.found.name] = replace(verdict, why=why)
    rest = "no part of the model is loaded from it"
    return tuple(known.get(found.name) or Verdict(found=found, chosen=False, why=rest) for found in find_weight_sets(files))
