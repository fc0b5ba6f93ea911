"""The library's front door: a word in, a report out, with and without a running event loop."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike, fspath

from memscan.architecture import Changes
from memscan.document import shown
from memscan.errors import MemscanError, UsageError
from memscan.estimate import Report, estimate_weights
from memscan.model import FileSurvey
from memscan.scanning.checkpoints import Progress
from memscan.scanning.options import AUTO, ScanOptions
from memscan.scanning.reading import ModelReader, read_files
from memscan.scanning.together import run_anywhere
from memscan.source import Sources, parse_target


def scan(
    target: str | PathLike[str],
    *,
    revision: str | None = None,
    token: str | None = None,
    library: str | None = None,
    dtypes: Iterable[str] | None = None,
    scope: str = AUTO,
    file: str | None = None,
    subfolder: str | None = None,
    variant: str | None = None,
    mmproj: bool = False,
    backend: str = AUTO,
    set: Mapping[str, object] | None = None,  # noqa: A002 -- as the option is called
    trust_remote_code: bool = False,
    cache: bool = True,
    offline: bool = False,
) -> Report:
    """How much memory the model `target` needs, from its headers alone.

    `target` is a model on the Hub (`bert-base-cased`, `org/name`, `org/name@revision`, `hf://org/name/file`, a URL of it),
    the URL of one file of weights, or a folder or file on this machine. `dtypes` are names in `memscan.DTYPES`; `library`
    (transformers, timm, ...) overrides what the Hub and the config say; `file`, `subfolder` and `variant` choose among the
    weights of a repository. `backend="config"` derives every tensor from config.json alone, and `backend="meta"` builds the model
    on torch's meta device; `auto` does the one or else the other where there are no headers to read. `set` changes fields of
    config.json first: `{"num_hidden_layers": 48, "text_config.hidden_size": 6144}`. Headers that were read of the Hub are kept,
    unless `cache` says not to; `offline` asks no server, and reads what was kept. Works with and without a running event loop.

    Raises a `memscan.MemscanError`: see `memscan.errors` for which and why.
    """
    work = ascan(
        target, revision=revision, token=token, library=library, dtypes=dtypes, scope=scope, file=file, subfolder=subfolder,
        variant=variant, mmproj=mmproj, backend=backend, set=set, trust_remote_code=trust_remote_code, cache=cache,
        offline=offline,
    )  # fmt: skip
    return run_anywhere(work)


async def ascan(
    target: str | PathLike[str],
    *,
    revision: str | None = None,
    token: str | None = None,
    library: str | None = None,
    dtypes: Iterable[str] | None = None,
    scope: str = AUTO,
    file: str | None = None,
    subfolder: str | None = None,
    variant: str | None = None,
    mmproj: bool = False,
    backend: str = AUTO,
    set: Mapping[str, object] | None = None,  # noqa: A002 -- as the option is called
    trust_remote_code: bool = False,
    cache: bool = True,
    offline: bool = False,
    progress: Progress | None = None,
) -> Report:
    """The asynchronous twin of `scan`."""
    if isinstance(dtypes, str):
        raise UsageError(f"dtypes is {shown(dtypes)}, expected a list of names")
    options = ScanOptions(
        revision=revision, token=token, library=library, dtypes=None if dtypes is None else tuple(dtypes), scope=scope,
        file=file, subfolder=subfolder, variant=variant, mmproj=mmproj, backend=backend, changes=_changes(set),
        trust_remote_code=trust_remote_code, cache=cache, offline=offline,
    )  # fmt: skip
    (outcome,) = await scan_all([fspath(target)], options, progress)
    if isinstance(outcome, MemscanError):
        raise outcome
    return outcome


def _changes(given: Mapping[str, object] | None) -> Changes:
    try:
        return tuple((path, json.dumps(value)) for path, value in (given or {}).items())
    except (TypeError, ValueError) as error:
        raise UsageError(f"set holds what JSON has no word for: {error}") from error


async def scan_all(
    words: Sequence[str], options: ScanOptions, progress: Progress | None = None, sources: Sources | None = None
) -> list[Report | MemscanError]:
    """A report, or the error that stands in its place, for each of `words`; all at once, over one HTTP client.

    `sources` are such as the options make, with requests under way; they are closed at the end.
    """
    options.check()
    async with sources or options.sources() as opened:
        reader = ModelReader(opened, options, progress)

        async def one(word: str) -> Report | MemscanError:
            try:
                model = await reader.read(parse_target(word, revision=options.revision))
                return estimate_weights(model, dtypes=options.dtypes, scope=options.scope)
            except MemscanError as error:  # a config may be wrong where only the estimate asks for it
                return error

        return list(await asyncio.gather(*(one(word) for word in words)))


async def survey_all(
    words: Sequence[str], options: ScanOptions, sources: Sources | None = None
) -> list[FileSurvey | MemscanError]:
    """The weight files of each of `words`, which of them are chosen, and why; no header is read."""
    options.check()
    async with sources or options.sources() as opened:

        async def one(word: str) -> FileSurvey | MemscanError:
            try:
                return await read_files(opened, parse_target(word, revision=options.revision), options)
            except MemscanError as error:
                return error

        return list(await asyncio.gather(*(one(word) for word in words)))
