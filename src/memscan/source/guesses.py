"""What most repositories hold, asked for beside the listing: where the guess is right, a scan waits once less for the Hub.

A guess that is wrong costs a request that is answered with 404; none is ever believed without the listing's commit.
"""

import asyncio
from dataclasses import replace
from urllib.parse import quote

from memscan.errors import MemscanError, UnreachableError
from memscan.read import ByteRange
from memscan.source.base import HEAD
from memscan.source.transport import Reply, StatusError, Transport

LIMIT = 1_000_000  # bytes of a file that is guessed at whole; a larger one is asked for as any other
GUESSES: dict[str, ByteRange | None] = {"config.json": None, "model.safetensors": ByteRange(0, HEAD)}


class Guesses:
    """The requests for `GUESSES` in one repository; each is made once, and its reply taken once."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._asked: dict[str, asyncio.Task[Reply | UnreachableError | None]] = {}

    def ask(self, base: str) -> None:
        """Send the requests for the files below the URL `base`, and do not wait for them."""
        for path, wanted in GUESSES.items():
            if path not in self._asked:
                self._asked[path] = asyncio.create_task(self._reply(f"{base}/{quote(path)}", wanted))

    async def take(self, path: str, wanted: ByteRange | None) -> Reply | None:
        """The reply to a guess, cut to `wanted`; None where nobody guessed it, or what came is not all of that.

        Raises the UnreachableError that the request ended in: a server that hangs for one request would hang for the next.
        """
        task = self._asked.pop(path, None)
        reply = None if task is None else await task
        if isinstance(reply, UnreachableError):
            raise reply
        if reply is None or wanted is None:
            return reply if GUESSES.get(path) is None else None
        if wanted.start != 0 or len(reply.body) < wanted.stop:
            return None
        return replace(reply, body=reply.body[: wanted.stop])

    async def drop(self) -> None:
        """Stop what nobody took."""
        tasks, self._asked = list(self._asked.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _reply(self, url: str, wanted: ByteRange | None) -> Reply | UnreachableError | None:
        try:
            return await self._transport.get(url, limit=LIMIT if wanted is None else wanted.length, wanted=wanted)
        except UnreachableError as error:
            return error
        except (StatusError, MemscanError):  # not there, or not to be had so: it is asked for again if the listing names it
            return None
