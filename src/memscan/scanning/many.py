"""Many targets with options of their own, read at once over one HTTP client; each model once."""

import asyncio
from collections.abc import Sequence

from memscan.errors import MemscanError
from memscan.model import Model
from memscan.scanning.checkpoints import Progress
from memscan.scanning.options import ScanOptions
from memscan.scanning.reading import ModelReader
from memscan.source import Sources, parse_target

Asked = tuple[str, ScanOptions]


async def read_all(
    asked: Sequence[Asked], progress: Progress | None = None, sources: Sources | None = None
) -> list[Model | MemscanError]:
    """The model of each target, or the error that stands in its place; what is asked twice is read once.

    All share `sources`, which are closed at the end, or the token and the cache of the first.
    """
    if not asked:
        return []
    for _, options in asked:
        options.check()
    async with sources or asked[0][1].sources() as opened:

        async def one(word: str, options: ScanOptions) -> Model | MemscanError:
            try:
                return await ModelReader(opened, options, progress).read(parse_target(word, revision=options.revision))
            except MemscanError as error:
                return error

        different = list(dict.fromkeys(asked))
        found = dict(zip(different, await asyncio.gather(*(one(*each) for each in different)), strict=True))
    return [found[each] for each in asked]
