"""The requests of a scan of many shards, and nothing else, with httpx2: `python client.py (1 | 2) ENDPOINT REPO FILE ...`.

For each file the Hub's redirect and the first 100 kB from the CDN, a hundred at a time, as memscan asks for them; the Hub and the
CDN have a client each. Fails where the server does not speak the version that is asked for.
"""

import asyncio
import sys

import httpx2

CONCURRENT = 100
FIRST = 100_000  # bytes


async def main(version: str, endpoint: str, repo: str, *files: str) -> None:
    """Ask for the headers of `files`."""
    slots = asyncio.Semaphore(CONCURRENT)
    limits = httpx2.Limits(max_connections=CONCURRENT, max_keepalive_connections=CONCURRENT)
    two = version == "2"

    async def read(client: httpx2.AsyncClient, url: str) -> httpx2.Response:
        async with slots:
            reply = await client.get(url, headers={"range": f"bytes=0-{FIRST - 1}"})
        if reply.is_error or (reply.http_version == "HTTP/2") is not two:
            raise SystemExit(f"{url}: {reply.http_version} {reply.status_code}")
        return reply

    async def one(hub: httpx2.AsyncClient, cdn: httpx2.AsyncClient, file: str) -> None:
        reply = await read(hub, f"{endpoint}/{repo}/resolve/main/{file}")
        await read(cdn, reply.headers["location"])

    async with (
        httpx2.AsyncClient(http2=two, limits=limits, timeout=60) as hub,
        httpx2.AsyncClient(http2=two, limits=limits, timeout=60) as cdn,
    ):
        await asyncio.gather(*(one(hub, cdn, file) for file in files))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
