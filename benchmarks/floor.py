"""The floor: an interpreter that makes round trips one after the other with the standard library, and nothing else.

python -S benchmarks/floor.py KIND WHAT ...

listing URL                     the listing
file URL FILE-URL LENGTH        the listing, a file's redirect, LENGTH bytes of it from the CDN
endpoint URL ENDPOINT-URL       the listing, the headers of every shard in one reply
folder FILE LENGTH ...          the first bytes of files here

No memscan is imported, nothing is parsed but what leads to the next request; a scan with as many round trips cannot be faster.
"""

import http.client
import sys
from urllib.parse import urlsplit

REDIRECT = 302


class Origin:
    """One connection to one origin."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        if place.scheme == "https":
            import ssl  # noqa: PLC0415 -- plain HTTP needs none of it

            context = ssl.create_default_context()
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                place.hostname or "", place.port, timeout=60, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)

    def get(self, url: str, length: int = 0) -> str:
        """GET `url`, or its first bytes, and return where it redirects to."""
        place = urlsplit(url)
        headers = {"Range": f"bytes=0-{length - 1}"} if length else {}
        self._connection.request("GET", f"{place.path}?{place.query}", headers=headers)
        reply = self._connection.getresponse()
        reply.read()
        if reply.status > REDIRECT:
            raise SystemExit(f"{url}: {reply.status}")
        return reply.headers.get("Location", "")


def main(kind: str, *words: str) -> None:
    """Make the round trips of `kind`."""
    if kind == "folder":
        for path, length in zip(words[::2], words[1::2], strict=True):
            with open(path, "rb") as file:  # noqa: PTH123 -- pathlib is more to import than all the rest
                file.read(int(length))
        return
    hub = Origin(words[0])
    hub.get(words[0])
    if kind == "endpoint":
        hub.get(words[1])
    elif kind == "file":
        location = hub.get(words[1], int(words[2]))
        Origin(location).get(location, int(words[2]))


if __name__ == "__main__":
    main(*sys.argv[1:])
