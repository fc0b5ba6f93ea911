"""The loopback Hub's answers over HTTP/2 and HTTP/1.1 with TLS: `python -m benchmarks.http2.serve FOLDER TLS LATENCY`.

Hypercorn (https://hypercorn.readthedocs.io) speaks both protocols, so that the server is the same for both. Prints the Hub's
address and serves until it is ended.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve  # type: ignore[import-not-found,unused-ignore]
from hypercorn.config import Config  # type: ignore[import-not-found,unused-ignore]
from tests.hub import Headers, load_fixtures
from tests.hub.catalogue import Catalogue
from tests.hub.cdn import Cdn
from tests.hub.message import Request
from tests.hub.server import listen
from tests.hub.site import Site

Send = Callable[[dict[str, Any]], Awaitable[None]]


class App:
    """Both origins, told apart by their port."""

    def __init__(self, folder: Path, cdn_port: int, latency: float) -> None:
        catalogue = Catalogue({})
        catalogue.replace(load_fixtures(folder))
        self._hub = Site(catalogue, f"https://127.0.0.1:{cdn_port}", 1000, metadata_endpoint=True)
        self._cdn = Cdn(catalogue, {})
        self._cdn_port = cdn_port
        self._latency = latency

    async def __call__(self, scope: dict[str, Any], _receive: object, send: Send) -> None:
        """Answer one request, after the latency."""
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        at_cdn = scope["server"][1] == self._cdn_port
        headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        target = scope["raw_path"].decode("latin-1") + "?" + scope["query_string"].decode("latin-1")
        request = Request("cdn" if at_cdn else "hub", scope["method"], target, headers)
        await asyncio.sleep(self._latency)
        reply = self._cdn.answer(request) if at_cdn else self._hub.answer(request)
        body = reply.body.read(0, reply.body.length)
        fields = {"content-length": str(len(body)), **{name.lower(): value for name, value in reply.headers.items()}}
        start = {"type": "http.response.start", "status": reply.status}
        await send({**start, "headers": [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]})
        await send({"type": "http.response.body", "body": body})


def main(folder: str, tls: str, latency: str) -> None:
    """Serve the repositories below `folder`."""
    hub, cdn = listen(), listen()
    config = Config()
    config.bind = [f"fd://{hub.fileno()}", f"fd://{cdn.fileno()}"]
    config.certfile, config.keyfile = f"{tls}/server.pem", f"{tls}/server.key"
    config.accesslog = config.errorlog = None
    print("https://{}:{}".format(*hub.getsockname()), flush=True)
    asyncio.run(serve(App(Path(folder), cdn.getsockname()[1], float(latency)), config))


if __name__ == "__main__":
    main(*sys.argv[1:])
