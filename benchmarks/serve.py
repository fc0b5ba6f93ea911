"""The loopback Hub as a process of its own, so that its work is not the client's.

python -m benchmarks.serve FOLDER [CERTIFICATE]

Prints its address; then one JSON object a line: `{"latency": 0.05, "endpoint": true}` sets how it answers from now on and forgets
the past, `{}` asks what it was asked since. Ends with its standard input.
"""

import json
import sys
from pathlib import Path

from tests.hub import Fault, LoopbackHub, load_fixtures, round_trips

NO_ENDPOINT = Fault(match="safetensors-metadata", kind="status", status=404)


def main(folder: str, certificate: str = "") -> None:
    """Serve the repositories below `folder` until standard input ends."""
    with LoopbackHub(load_fixtures(Path(folder)), certificate=Path(certificate) if certificate else None) as hub:
        print(json.dumps({"endpoint": hub.endpoint}), flush=True)
        for line in sys.stdin:
            print(json.dumps(_answer(hub, json.loads(line))), flush=True)


def _answer(hub: LoopbackHub, order: dict[str, float]) -> dict[str, int]:
    if not order:
        records = hub.requests
        return {"requests": len(records), "in_a_row": round_trips(records), "bytes": sum(one.body_bytes for one in records)}
    hub.forget()
    hub.clear_faults()
    hub.latency = order["latency"]
    if not order["endpoint"]:
        hub.add_fault(NO_ENDPOINT)
    return {}


if __name__ == "__main__":
    main(*sys.argv[1:])
