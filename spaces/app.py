"""The page as a Hugging Face Space: `memscan serve` for everybody, behind the proxy of Spaces.

MEMSCAN_PROXIES is the number of proxies in front, each of which writes whom it was asked by into X-Forwarded-For (Spaces: 1).
The cache of headers is shared by all visitors, and holds nothing that was read with a token; a Space with a persistent disk
keeps it over restarts where MEMSCAN_CACHE names a folder there.
"""

import os
import sys

from memscan.errors import MemscanError
from memscan.web import Limits, Urls
from memscan.web.server import serve


def main() -> None:
    """Serve until the Space is stopped."""
    limits = Limits(readings=4, waiting=100, seconds=60, urls=Urls.PUBLIC, proxies=int(os.environ.get("MEMSCAN_PROXIES", "1")))
    try:
        serve(limits, host="0.0.0.0", port=int(os.environ.get("PORT", "7860")), ready=_say)  # noqa: S104 -- it is there to serve
    except MemscanError as error:
        sys.exit(f"memscan: {error}")


def _say(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
