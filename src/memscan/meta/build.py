"""The door of the room: a config goes in, a checkpoint comes out that no file holds."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from memscan.checkpoint import Checkpoint
from memscan.document import Document, shown
from memscan.errors import MemscanError, TargetError
from memscan.meta import diffusers, timm, transformers
from memscan.meta.base import Built, Order, in_short
from memscan.meta.device import quiet
from memscan.meta.packages import advice, missing, version
from memscan.meta.tensors import tensors_of
from memscan.note import Note

BUILDERS: dict[str, Callable[[Order], Built]] = {
    "transformers": transformers.build,
    "timm": timm.build,
    "diffusers": diffusers.build,
}
"""The libraries that models are built with, by the Hub's name for them; `packages.NEEDS` says what each needs."""

# A config may ask for any number of modules, or of words in a list, before the first tensor is made.
LIMITS = (
    (re.compile(r"(layers|n_layer|num_layer|depth)$"), 2_000),  # the deepest of real models have some 1,200
    (re.compile(r"(experts|labels)$"), 1_000_000),
)


def build(
    *, library: str, config: bytes, repo_id: str | None = None, folder: Path | None = None, commit: str | None = None,
    token: str | None = None, trust_remote_code: bool = False, class_name: str | None = None,
) -> Checkpoint:  # fmt: skip
    """The tensors of the model that `config` (the bytes of its config.json) describes, as `library` would hold them.

    Of a diffusers pipeline, `config` is that of one component, and `class_name` the class that model_index.json states for it:
    it goes before the one that the config declares. Nothing is downloaded, and no code of a repository is run,
    unless `trust_remote_code` allows it and the library has no class of its own; then the code is read from `folder`, or
    from `repo_id` at `commit`. Blocks for seconds, and builds one model at a time: call it in a thread.

    UsageError for an unknown library; TargetError where packages are missing or the library cannot build it; FormatError
    where `config` is not a JSON object.
    """
    if missing(library):
        raise TargetError(advice(library))
    document = Document.parse(config, "config.json", strict=False)
    _check_counts(document.values)
    if class_name is not None:
        document = Document(document.path, {**document.values, "architectures": [class_name], "_class_name": class_name})
    order = Order(
        raw=config, config=document, repo_id=repo_id, folder=folder, commit=commit, token=token,
        trust_remote_code=trust_remote_code,
    )  # fmt: skip
    with quiet():
        try:
            built = BUILDERS[library](order)
            tensors, tied = tensors_of(built)
        except MemscanError:
            raise
        except (Exception, SystemExit) as error:  # whatever a library, or the code of a repository, raises
            raise TargetError(f"{version(library)} cannot build the model of this config.json: {in_short(error)}") from error
    checkpoint = Checkpoint(format="meta", shards=(), tensors=tensors, tied=tied)
    return replace(checkpoint, notes=(_how(built, checkpoint), *built.notes))


def _how(built: Built, checkpoint: Checkpoint) -> Note:
    name = type(built.module).__name__
    dtypes = " and ".join(checkpoint.by_dtype()) or "nothing"
    message = (
        f"no header was read: {built.by} built {name} from config.json on the meta device of {version('torch')}, in {dtypes}"
    )
    return Note(code="built-on-meta", message=message)


def _check_counts(config: object) -> None:
    """TargetError where a number in `config` says that there is more of something than any model has."""
    values = [config]
    while values:
        last = values.pop()
        if isinstance(last, list):
            values.extend(last)
        elif isinstance(last, dict):
            values.extend(last.values())
            for key, count in last.items():
                if isinstance(count, int) and any(pattern.search(key) and count > limit for pattern, limit in LIMITS):
                    raise TargetError(f"config.json: {shown(key)} is {shown(count)}, which no real model has")
