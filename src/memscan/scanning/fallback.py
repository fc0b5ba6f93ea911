"""The model built from its config on torch's meta device: where no header can be read, or where the user asks for it."""

import asyncio
from dataclasses import replace

from memscan.architecture import MAX_CONFIG, Config
from memscan.checkpoint import Checkpoint, combined, renamed
from memscan.document import shown
from memscan.errors import FormatError, NoWeightsError, TargetError, UndecidedError, UsageError
from memscan.model import Model, Origin, Part, Role
from memscan.note import Note
from memscan.scanning.options import ScanOptions
from memscan.scanning.parts import CONFIG, PIPELINE
from memscan.source import Listing, Source, Target

LIBRARIES = ("transformers", "timm", "diffusers")
SAME_CLASSES = {"sentence-transformers": "transformers", "setfit": "transformers"}  # libraries that load through another


class MetaReader:
    """Builds the model of one listing; nothing is imported before that, and no weights are read."""

    def __init__(self, source: Source, listing: Listing, target: Target, options: ScanOptions) -> None:
        self._source = source
        self._listing = listing
        self._target = target
        self._options = options

    async def instead_of(self, error: NoWeightsError, folder: str, origin: Origin) -> Model:
        """The model where no weights were found; the `error` that said so, and what would help, where it cannot be built."""
        from memscan.meta import advice, available

        if isinstance(error, UndecidedError):
            raise error
        if folder + CONFIG not in self._listing.files and folder + PIPELINE not in self._listing.files:
            raise error
        library = self._library(None, folder)
        if not available(library):
            raise NoWeightsError(f"{error}; {advice(library)}") from error
        try:
            model = await self.build(folder, origin)
        except (TargetError, FormatError) as failed:
            raise NoWeightsError(f"{error}; nor can it be built from its config: {failed}") from failed
        # Why no header was read, first: the files that are there may be what a user expects to be counted.
        return replace(model, notes=(Note(code="not-read", message=str(error)), *model.notes))

    async def build(self, folder: str, origin: Origin) -> Model:
        """The model of the config, or of the configs of a pipeline's components, in `folder`."""
        if folder + PIPELINE in self._listing.files:
            return await self._pipeline(folder, origin)
        if folder + CONFIG not in self._listing.files:
            raise NoWeightsError(f"no config.json in {origin.name} to build a model from")
        raw = await self._source.read(folder + CONFIG, MAX_CONFIG)
        config = Config.parse(raw)
        library = self._library(config, folder)
        checkpoint = await self._built(library, raw, folder)
        return Model(origin=_with_library(origin, library), checkpoint=checkpoint, config=config, notes=self._listing.notes)

    async def _pipeline(self, folder: str, origin: Origin) -> Model:
        from memscan.meta import components

        parts, left_out = [], []
        for one in components(await self._source.read(folder + PIPELINE, MAX_CONFIG)):
            inside = f"{folder}{one.name}/"
            if inside + CONFIG not in self._listing.files:
                continue  # tokenizers, schedulers: what has no config has no weights
            if one.library not in LIBRARIES:
                left_out.append(f"{one.name} ({one.library})")
                continue
            raw = await self._source.read(inside + CONFIG, MAX_CONFIG)
            checkpoint = renamed(await self._built(one.library, raw, inside, one.class_name), f"{one.name}.")
            parts.append(
                Part(name=one.name, role=Role.COMPONENT, class_name=one.class_name, library=one.library, checkpoint=checkpoint)
            )
        if not parts:
            raise NoWeightsError(f"{folder}{PIPELINE} names no component with a config to build it from")
        return Model(
            origin=_with_library(origin, "diffusers"),
            checkpoint=combined([part.checkpoint for part in parts]),
            config=None,
            parts=tuple(parts),
            notes=(*self._listing.notes, *_left_out(left_out)),
        )

    async def _built(self, library: str, config: bytes, folder: str, class_name: str | None = None) -> Checkpoint:
        from memscan.meta import build

        listing, options = self._listing, self._options
        if options.trust_remote_code and self._target.snapshot is not None:
            raise UsageError("a snapshot holds no code of its repository; do without --trust-remote-code, or give the repository")
        local = self._target.folder / folder if self._target.folder is not None else None
        # In a thread: building takes seconds, and other targets are being read meanwhile.
        return await asyncio.to_thread(
            build,
            library=library,
            config=config,
            repo_id=listing.repo_id,
            folder=local,
            commit=listing.commit,
            token=options.token,
            trust_remote_code=options.trust_remote_code,
            class_name=class_name,
        )

    def _library(self, config: Config | None, folder: str) -> str:
        """The library to build with: the user's word, the Hub's where it names one that builds, the config's."""
        if self._options.library is not None:
            return SAME_CLASSES.get(self._options.library, self._options.library)
        if folder + PIPELINE in self._listing.files:
            return "diffusers"
        named = SAME_CLASSES.get(self._listing.library or "", self._listing.library or "")
        if named in LIBRARIES:
            return named
        return (config.library if config is not None else None) or "transformers"


def _with_library(origin: Origin, library: str) -> Origin:
    return replace(origin, library=library)


def _left_out(names: list[str]) -> tuple[Note, ...]:
    if not names:
        return ()
    message = f"not built and not counted, being of other libraries: {shown(', '.join(names))[1:-1]}"
    return (Note(code="component-not-built", message=message),)
