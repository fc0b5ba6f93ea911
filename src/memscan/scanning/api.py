"""The library's front door: a word in, a report out, with and without a running event loop."""

import asyncio
from collections.abc import Coroutine, Sequence
from os import PathLike, fspath
from threading import Thread

from memscan.document import shown
from memscan.dtype import CASTS
from memscan.errors import MemscanError, UsageError
from memscan.estimate import Report, estimate_weights
from memscan.model import CHECKPOINT
from memscan.scanning.reading import Progress, read_model
from memscan.source import Sources, parse_target

AUTO = "auto"
SCOPES = (AUTO, CHECKPOINT)


def scan(
    target: str | PathLike[str], *, revision: str | None = None, token: str | None = None, library: str | None = None,
    dtypes: Sequence[str] | None = None, scope: str = AUTO,
) -> Report:  # fmt: skip
    """How much memory the model `target` needs, from its headers alone.

    `target` is a model on the Hub (`bert-base-cased`, `org/name`, `org/name@revision`, `hf://org/name/file`, a URL of it),
    the URL of one .safetensors file, or a folder or file on this machine. `dtypes` are names in `memscan.DTYPES`; `library`
    (transformers, timm, ...) overrides what the Hub and the config say. Works with and without a running event loop.

    Raises a `memscan.MemscanError`: see `memscan.errors` for which and why.
    """
    work = ascan(target, revision=revision, token=token, library=library, dtypes=dtypes, scope=scope)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    return _in_thread(work)


async def ascan(
    target: str | PathLike[str], *, revision: str | None = None, token: str | None = None, library: str | None = None,
    dtypes: Sequence[str] | None = None, scope: str = AUTO, progress: Progress | None = None,
) -> Report:  # fmt: skip
    """The asynchronous twin of `scan`."""
    _check_options(dtypes, scope)
    async with Sources(token=token) as sources:
        found = parse_target(fspath(target), revision=revision)
        model = await read_model(sources, found, library=library, progress=progress)
    return estimate_weights(model, dtypes=dtypes, scope=CHECKPOINT if scope == AUTO else scope)


async def scan_all(
    words: Sequence[str], *, revision: str | None, token: str | None, library: str | None, dtypes: Sequence[str] | None,
    scope: str, progress: Progress | None,
) -> list[Report | MemscanError]:  # fmt: skip
    """A report, or the error that stands in its place, for each of `words`; all at once, over one HTTP client."""
    _check_options(dtypes, scope)
    async with Sources(token=token) as sources:

        async def one(word: str) -> Report | MemscanError:
            try:
                found = parse_target(word, revision=revision)
                model = await read_model(sources, found, library=library, progress=progress)
            except MemscanError as error:
                return error
            return estimate_weights(model, dtypes=dtypes, scope=CHECKPOINT if scope == AUTO else scope)

        return list(await asyncio.gather(*(one(word) for word in words)))


def _check_options(dtypes: Sequence[str] | None, scope: str) -> None:
    if isinstance(dtypes, str) or (dtypes is not None and not dtypes):
        raise UsageError(f"dtypes is {shown(dtypes)}, expected a list of some of {', '.join(CASTS)}")
    for name in dtypes or ():
        if name not in CASTS:
            raise UsageError(f"{shown(name)} is not a dtype; expected some of {', '.join(CASTS)}")
    if scope not in SCOPES:
        raise UsageError(f"{shown(scope)} is not a scope; expected one of {', '.join(SCOPES)}")


def _in_thread(work: Coroutine[object, object, Report]) -> Report:
    """Run `work` in a loop of its own, beside the one that is running here (Jupyter, an async application)."""
    outcome: list[Report | BaseException] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001 -- handed over whole to the thread that waits
            outcome.append(error)

    thread = Thread(target=run, name="memscan")
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]
