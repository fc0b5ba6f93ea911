"""`memscan serve`: the page, until it is interrupted."""

import gc
import sys
from collections.abc import Mapping
from typing import Any

from memscan.cli.exit import Exit
from memscan.web import Limits, Urls
from memscan.web.server import serve

CYCLES = (50_000, 20, 20)  # objects until Python looks for cycles: a scan ends and need not look, a server goes on


def run_serve(given: Mapping[str, Any]) -> int:
    """Serve until Ctrl-C, which is how it is meant to end."""
    limits = Limits(
        readings=given["readings"], waiting=given["waiting"], seconds=given["timeout"], header_bytes=given["max_headers"],
        per_minute=given["rate"], burst=max(1, round(given["rate"])), urls=Urls(given["urls"]), proxies=given["proxies"],
    )  # fmt: skip

    def ready(address: str) -> None:
        print(f"memscan: the page is at {address} (Ctrl-C ends it)", file=sys.stderr, flush=True)

    gc.set_threshold(*CYCLES)
    try:
        serve(limits, host=given["host"], port=given["port"], ready=ready)
    except KeyboardInterrupt:
        print("memscan: stopped", file=sys.stderr)
    return Exit.OK
