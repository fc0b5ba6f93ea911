"""The floor: an interpreter that makes round trips one after the other with the standard library, and nothing else.

`python benchmarks/floor.py URL COUNT`: no memscan is imported; a scan with as many round trips cannot be faster.
"""

import http.client
import sys
from urllib.parse import urlsplit


def main(url: str, count: str) -> None:
    """Ask for `url` so many times on one connection."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    for _ in range(int(count)):
        connection.request("GET", place.path)
        connection.getresponse().read()
    connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
