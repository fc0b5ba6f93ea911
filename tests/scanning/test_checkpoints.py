"""How much of a checkpoint is under way at once."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from memscan.checkpoint import Selection
from memscan.read import ByteRange
from memscan.scanning.checkpoints import FILES, LARGE, CheckpointReader
from memscan.source import Listing
from tests.writers.safetensors import write

READAHEAD = 64


class SlowSource:
    """Files that come a turn of the loop later, and how many bytes were asked for and not yet parsed."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.heads = self.rests = self.most_heads = self.most_rests = 0

    async def listing(self) -> Listing:
        sizes = {path: len(raw) for path, raw in self.files.items()}
        return Listing(name="slow", files=sizes, readahead=READAHEAD)

    async def fetch(self, path: str, wanted: ByteRange) -> bytes:
        is_rest = wanted.start > 0
        self.heads += not is_rest
        self.rests += is_rest
        self.most_heads, self.most_rests = max(self.most_heads, self.heads), max(self.most_rests, self.rests)
        await asyncio.sleep(0.001)
        self.rests -= is_rest
        self.heads -= is_rest  # the rest of a header is all that is missing of it
        return self.files[path][wanted.start : wanted.stop]

    async def read(self, path: str, limit: int) -> bytes:
        raise NotImplementedError

    async def bundle(self, index: str) -> bytes | None:
        raise NotImplementedError

    async def conversion(self) -> str | None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass


def test_what_is_held_before_it_is_parsed_does_not_grow_with_the_number_of_shards() -> None:
    source = SlowSource({f"{number}": write({f"a.tensor.with.a.name.{number}": ("U8", (1,))}) for number in range(300)})

    async def scan() -> int:
        reader = CheckpointReader(source, await source.listing(), None)
        return len((await reader.read(Selection(files=tuple(source.files)))).tensors)

    assert asyncio.run(scan()) == 300
    assert LARGE < source.most_heads <= FILES
    assert 1 < source.most_rests <= LARGE
