"""From a target to a model: which files make it, and what is read of them."""

import posixpath
from dataclasses import replace

from memscan.architecture import MAX_CONFIG, Config
from memscan.checkpoint import Checkpoint, Selection, combined, explain, select
from memscan.document import Document
from memscan.errors import FormatError, GatedError, MemscanError, NoWeightsError, OfflineError, TargetError
from memscan.model import Alternative, FileSurvey, Model, Origin, Part, Role
from memscan.note import Note
from memscan.scanning.adapters import ADAPTER, base_failed, base_target
from memscan.scanning.checkpoints import CheckpointReader, Progress
from memscan.scanning.fallback import ConfigReader
from memscan.scanning.options import AUTO, ScanOptions
from memscan.scanning.parts import (
    CONFIG,
    MODULES,
    PIPELINE,
    Plan,
    explain_parts,
    plan_modules,
    plan_pipeline,
    read_config,
    read_parts,
)
from memscan.scanning.projector import plan_projector, projector_notes
from memscan.scanning.together import both, every
from memscan.source import Listing, Source, Sources, Target

GGUF = "gguf"
TORCH = "torch"
MAX_ADAPTERS = 3  # adapters of adapters
ADAPTER_WEIGHTS = "adapter_model."  # how PEFT calls the file of an adapter
Step = tuple[str, str]  # a repository or folder, and the folder inside it


class ModelReader:
    """Reads models from sources; requests that do not depend on each other run at once."""

    def __init__(self, sources: Sources, options: ScanOptions, progress: Progress | None = None) -> None:
        self._sources = sources
        self._options = options
        self._progress = progress

    async def read(self, target: Target, *, above: tuple[Step, ...] = ()) -> Model:
        """The model at `target`; `above` are the adapters that lead to it, for the base of an adapter may be one too."""
        place = self._options.place(target)
        async with self._sources.open(target, guess=self._options.is_plain) as source:
            listing = await source.listing()
            folder = f"{place}/" if place is not None else ""
            reader = CheckpointReader(source, listing, self._progress)
            config = ConfigReader(source, listing, target, self._options)
            origin = _origin(target, listing, self._options.library or listing.library)
            if config.is_asked:
                return await config.read(folder, origin)
            step = (listing.name, folder)
            is_adapter = folder + ADAPTER in listing.files
            if is_adapter and step in above:
                raise TargetError(f"{listing.name} is its own base model")
            if is_adapter and len(above) == MAX_ADAPTERS:
                raise TargetError(f"it is an adapter too, the last of more than {MAX_ADAPTERS} on top of each other")
            try:
                made = await self._made_of_parts(source, listing, target, folder, reader)
                if made is not None:
                    return made
                model, raw = await both(
                    self._plain(source, listing, target, reader), _small(source, folder + ADAPTER if is_adapter else None)
                )
            except (NoWeightsError, GatedError, FormatError) as error:
                is_asked = self._options.names_weights or folder.rstrip("/") in listing.files
                if self._options.backend != AUTO or is_asked or not _is_closed(error, listing, place):
                    raise
                return await config.instead_of(error, folder, origin)
        if raw is None:
            return model
        if not posixpath.basename(model.checkpoint.shards[0].path).startswith(ADAPTER_WEIGHTS):
            message = f"{folder}{ADAPTER} stands beside the weights of a whole model; the adapter is not counted"
            return replace(model, notes=(*model.notes, Note(code="adapter-beside", message=message)))
        adapter = Document.parse(raw, folder + ADAPTER, strict=False)
        return await self._adapted(target, model, adapter, (*above, step))

    async def _made_of_parts(
        self, source: Source, listing: Listing, target: Target, folder: str, reader: CheckpointReader
    ) -> Model | None:
        """A pipeline, or a sentence-transformers model with weights in more than one module; None for any other."""
        options = self._options
        if folder + PIPELINE in listing.files:
            plans, config, notes = await plan_pipeline(source, listing.files, folder, options.variant)
            parts = await read_parts(reader, source, listing.files, plans)
            origin = _origin(target, listing, options.library or "diffusers")
            return _made_of(parts, origin, config=config, notes=(*listing.notes, *notes))
        if folder + MODULES not in listing.files:
            return None
        plans = await plan_modules(source, listing.files, folder, options.variant)
        if not any(plan.prefix or plan.notes for plan in plans):
            return None
        # The config at the top is that of the model and of the module at the top: read it once.
        others = [replace(plan, config=None) if plan.config == folder + CONFIG else plan for plan in plans]
        parts, own = await both(read_parts(reader, source, listing.files, others), _config(source, listing, folder))
        if own is not None:
            parts = tuple(
                replace(part, quantized=own.quantization) if plan.config == folder + CONFIG else part
                for part, plan in zip(parts, plans, strict=True)
            )
        origin = _origin(target, listing, options.library or listing.library or "sentence-transformers")
        return _made_of(parts, origin, config=own, notes=listing.notes)

    async def _plain(self, source: Source, listing: Listing, target: Target, reader: CheckpointReader) -> Model:
        """A model in one set of weight files, or in several quantizations of it."""
        options = self._options
        selection = select(listing.files, options.place(target), variant=options.variant)
        beside = [plan_projector(listing.files, selection.files[0])] if options.mmproj else []
        # A projector is loaded beside one quantization, not beside each.
        selection = replace(selection, alternatives=()) if beside else selection
        (((checkpoint, *others), parts), conversion), config = await both(
            both(
                both(
                    every(reader.read(one) for one in (selection, *selection.alternatives)),
                    read_parts(reader, source, listing.files, beside),
                ),
                _conversion(source, selection),
            ),
            _config(source, listing, _folder(selection)),
        )
        _check_tensors(checkpoint, selection)
        is_gguf = selection.format == GGUF
        if is_gguf:
            config = _config_of_gguf(checkpoint)
        library = options.library or listing.library or (config.library if config is not None else None)
        model = Model(
            origin=_origin(target, listing, GGUF if is_gguf else library),
            checkpoint=checkpoint,
            config=config,
            label=selection.label,
            alternatives=tuple(
                Alternative(label=one.label or one.files[0], checkpoint=read)
                for one, read in zip(selection.alternatives, others, strict=True)
            ),
            notes=(*listing.notes, *selection.notes, *conversion),
        )
        if not parts:
            return replace(model, notes=(*model.notes, *projector_notes(listing.files, selection)))
        class_name = config.architecture if config is not None else None
        own = Part(name="model", role=Role.BASE, class_name=class_name, library=model.origin.library, checkpoint=checkpoint)
        return replace(model, parts=(own, *parts), checkpoint=combined([checkpoint, *(part.checkpoint for part in parts)]))

    async def _adapted(self, target: Target, own: Model, config: Document, above: tuple[Step, ...]) -> Model:
        """The adapter `own` with its base model, or alone where that cannot be read."""
        base = base_target(config, target)
        if isinstance(base, Note):
            return replace(own, notes=(*own.notes, base))
        plain = replace(self._options, file=None, subfolder=None, variant=None, library=None, mmproj=False)
        try:
            model = await ModelReader(self._sources, plain, self._progress).read(base, above=above)
        except OfflineError:
            raise  # with a network it would be counted
        except (TargetError, FormatError) as error:  # a network that fails may work the next time
            return replace(own, notes=(*own.notes, base_failed(base.requested.removeprefix("hf://"), error)))
        adapter = Part(
            name="adapter",
            role=Role.ADAPTER,
            class_name=config.text("peft_type"),
            library="peft",
            checkpoint=own.checkpoint,
        )
        adapted = Part(
            name=model.origin.name,
            role=Role.BASE,
            class_name=model.config.architecture if model.config is not None else None,
            library=model.origin.library,
            checkpoint=model.checkpoint,
            label=model.quantization if model.has_blocks_of_quants else None,
            quantized=next((part.quantized for part in model.parts if part.quantized is not None), model.quantized),
        )
        return _made_of(
            (adapter, adapted),
            replace(own.origin, library=own.origin.library or "peft"),
            config=model.config,
            notes=(*own.notes, *model.notes),
        )


def _made_of(parts: tuple[Part, ...], origin: Origin, *, config: Config | None = None, notes: tuple[Note, ...] = ()) -> Model:
    checkpoint = combined([part.checkpoint for part in parts])
    return Model(origin=origin, checkpoint=checkpoint, config=config, parts=parts, notes=notes)


async def read_files(sources: Sources, target: Target, options: ScanOptions) -> FileSurvey:
    """Every weight set of `target`, which of them is chosen, and why; reads no header."""
    place = options.place(target)
    async with sources.open(target) as source:
        listing = await source.listing()
        plans = await _plans(source, listing, f"{place}/" if place is not None else "", options.variant)
    verdicts = explain_parts(listing.files, plans) if plans else explain(listing.files, place, variant=options.variant)
    origin = _origin(target, listing, options.library or listing.library)
    return FileSurvey(origin=origin, verdicts=verdicts, notes=listing.notes)


async def _plans(source: Source, listing: Listing, folder: str, variant: str | None) -> list[Plan]:
    """The parts of a model that is made of several; none of any other."""
    if folder + PIPELINE in listing.files:
        plans, _, _ = await plan_pipeline(source, listing.files, folder, variant)
        return plans
    if folder + MODULES not in listing.files:
        return []
    plans = await plan_modules(source, listing.files, folder, variant)
    return plans if any(plan.prefix for plan in plans) else []


def _origin(target: Target, listing: Listing, library: str | None) -> Origin:
    return Origin(
        requested=target.requested,
        name=listing.name,
        repo_id=listing.repo_id,
        revision=listing.revision,
        commit=listing.commit,
        library=library,
    )


def _is_closed(error: MemscanError, listing: Listing, place: str | None) -> bool:
    """Whether weights are missing, or not open to us, rather than broken: pickles that hold more than tensors are no reading."""
    if not isinstance(error, FormatError):
        return True
    try:
        return select(listing.files, place).format == TORCH
    except NoWeightsError:  # a pipeline, whose own description is broken
        return False


def _folder(selection: Selection) -> str:
    """The folder that the weights stand in, where their config stands too; empty for the top, else with its slash."""
    head, slash, _ = (selection.index or selection.files[0]).rpartition("/")
    return head + slash


async def _small(source: Source, path: str | None) -> bytes | None:
    return None if path is None else await source.read(path, MAX_CONFIG)


async def _config(source: Source, listing: Listing, folder: str) -> Config | None:
    path = folder + CONFIG
    return await read_config(source, listing.files, path if path in listing.files else None)


async def _conversion(source: Source, selection: Selection) -> tuple[Note, ...]:
    """What to try where only torch files are there and their conversion waits to be merged."""
    revision = await source.conversion() if selection.format == "torch" else None
    if revision is None:
        return ()
    message = f"a conversion of these weights to safetensors waits in a pull request: --revision {revision} reads it"
    return (Note(code="conversion", message=message),)


def _check_tensors(checkpoint: Checkpoint, selection: Selection) -> None:
    """NoWeightsError where files are read well and hold no weights: the state of an optimizer, a vocabulary."""
    if checkpoint.tensors or selection.format == "safetensors":
        return
    kept = (
        f"only training state, {sum(one.nbytes for one in checkpoint.optimizer):,} bytes"
        if checkpoint.optimizer
        else "no tensors"
    )
    raise NoWeightsError(f"{', '.join(selection.files[:3])}: {kept}; name a file of weights")


def _config_of_gguf(checkpoint: Checkpoint) -> Config:
    from memscan.architecture import gguf_keys, settings

    return Config.of_words(gguf_keys.words(checkpoint.metadata), settings.GGUF)
