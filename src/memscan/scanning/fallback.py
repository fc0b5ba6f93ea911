"""The model of a config: derived by the architecture table, or built on torch's meta device.

Where no header can be read, or where the user asks for it. The table needs no torch, and goes first.
"""

import asyncio
import json
import posixpath
from dataclasses import replace

from memscan.architecture import MAX_CONFIG, Config
from memscan.checkpoint import Checkpoint, combined, renamed
from memscan.document import shown
from memscan.errors import FormatError, MemscanError, NoWeightsError, TargetError, UndecidedError, UnderivedError, UsageError
from memscan.model import Model, Origin, Part, Role, derive
from memscan.note import Note
from memscan.scanning.options import AUTO, META, ScanOptions
from memscan.scanning.options import CONFIG as DERIVED
from memscan.scanning.parts import CONFIG, PIPELINE, read_config
from memscan.source import Listing, Source, Target

LIBRARIES = ("transformers", "timm", "diffusers")
SAME_CLASSES = {"sentence-transformers": "transformers", "setfit": "transformers"}  # libraries that load through another


class ConfigReader:
    """Makes the model of one listing from its config; no weights are read, and nothing that needs torch is imported before."""

    def __init__(self, source: Source, listing: Listing, target: Target, options: ScanOptions) -> None:
        self._source = source
        self._listing = listing
        self._target = target
        self._options = options

    @property
    def named(self) -> str | None:
        """The config that the target names itself, instead of weights."""
        place = self._options.place(self._target)
        is_config = place is not None and place.endswith(".json") and not place.endswith(".index.json")
        return place if is_config and place in self._listing.files else None

    @property
    def is_asked(self) -> bool:
        """Whether the user asks for the config rather than for weights."""
        options = self._options
        return options.backend in (DERIVED, META) or bool(options.changes) or (options.backend == AUTO and self.named is not None)

    async def read(self, folder: str, origin: Origin) -> Model:
        """The model of the config that the target names, or of that in `folder`, in the way that the user asked for."""
        self._options.check_built()
        if self.named is not None:
            folder = self.named.removesuffix(posixpath.basename(self.named))
        if self._options.backend == META:
            return await self.build(folder, origin)
        try:
            return await self.derive(folder + CONFIG if self.named is None else self.named, origin)
        except UnderivedError as why:
            if self._options.backend == DERIVED:
                raise
            return await self._built_instead_of(why, why, folder, origin)

    async def derive(self, path: str, origin: Origin) -> Model:
        """The model of the config at `path`, by the table; UnderivedError where the table cannot tell."""
        folder = path.removesuffix(posixpath.basename(path))
        if folder + PIPELINE in self._listing.files:
            raise UnderivedError(f"{folder}{PIPELINE} is of a pipeline of diffusers, which the architecture table does not have")
        read = await read_config(self._source, self._listing.files, path if path in self._listing.files else None)
        if read is None:
            raise NoWeightsError(f"no {CONFIG} in {origin.name} to derive a model from")
        from memscan.architecture.changes import changed

        config = changed(read, self._options.changes)
        notes = (*self._listing.notes, *self._changes(read))
        library = origin.library if origin.library in (*LIBRARIES, *SAME_CLASSES) else "transformers"
        return Model(origin=_with_library(origin, library), checkpoint=derive(config), config=config, notes=notes)

    def _changes(self, config: Config) -> tuple[Note, ...]:
        if not self._options.changes:
            return ()
        words = ", ".join(f"{path} = {value}" for path, value in self._options.changes)
        return (Note(code="config-changed", message=f"{config.document.path} was read with changes: {shown(words)[1:-1]}"),)

    async def instead_of(self, error: MemscanError, folder: str, origin: Origin) -> Model:
        """The model where no weights could be read; the `error` that said so, and what would help, where it cannot be made."""
        if isinstance(error, UndecidedError):
            raise error
        if folder + CONFIG not in self._listing.files and folder + PIPELINE not in self._listing.files:
            raise error
        try:
            model = await self.derive(folder + CONFIG, origin)
        except UnderivedError as why:
            if not isinstance(error, NoWeightsError):
                raise error from why
            return await self._built_instead_of(error, why, folder, origin)
        except MemscanError as failed:  # gated too, or no JSON
            raise error from failed
        return replace(model, notes=(Note(code="not-read", message=str(error)), *model.notes))

    async def _built_instead_of(self, error: TargetError, why: UnderivedError, folder: str, origin: Origin) -> Model:
        """The model built with torch, where no weights could be read and the table could not tell `why`."""
        from memscan.meta import advice, available

        library = self._library(None, folder)
        reasons = f"{error}" if error is why else f"{error}; {why}"
        if not available(library):
            raise NoWeightsError(f"{reasons}; {advice(library)}") from error
        try:
            model = await self.build(folder, origin)
        except (TargetError, FormatError) as failed:
            raise NoWeightsError(f"{reasons}; nor can it be built from its config: {failed}") from failed
        # Why no header was read, first: the files that are there may be what a user expects to be counted.
        return replace(model, notes=(Note(code="not-read", message=str(error)), *model.notes))

    async def build(self, folder: str, origin: Origin) -> Model:
        """The model of the config, or of the configs of a pipeline's components, in `folder`."""
        if folder + PIPELINE in self._listing.files:
            return await self._pipeline(folder, origin)
        path = folder + CONFIG if self.named is None else self.named
        if path not in self._listing.files:
            raise NoWeightsError(f"no config.json in {origin.name} to build a model from")
        raw = await self._source.read(path, MAX_CONFIG)
        config = Config.parse(raw)
        notes = (*self._listing.notes, *self._changes(config))
        if self._options.changes:
            from memscan.architecture.changes import changed

            config = changed(config, self._options.changes)
            raw = json.dumps(config.document.values).encode()
        library = self._library(config, folder)
        checkpoint = await self._built(library, raw, folder)
        return Model(origin=_with_library(origin, library), checkpoint=checkpoint, config=config, notes=notes)

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
