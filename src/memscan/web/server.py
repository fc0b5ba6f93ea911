"""The server of the page: Gradio behind a door of our own, until it is told to stop."""

import os
import socket
from collections.abc import Callable
from importlib.util import find_spec
from ipaddress import ip_address

from memscan.errors import UsageError
from memscan.web.desk import Desk
from memscan.web.doorway import Doorway
from memscan.web.limits import Limits

MOST_HEAD = 32 * 1024  # bytes of the head of a request
CONNECTIONS = 1_000  # at once; a page that is open holds one or two
GRACE = 3  # seconds for requests under way when it is told to stop
# Read when Gradio is imported. Its history of runs would keep what was typed, tokens too, in the browser.
SETTINGS = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_RUN_HISTORY": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}


def serve(limits: Limits, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve the page at `host` and `port` (0: any that is free) until an interrupt; `ready` is told its address.

    UsageError where Gradio is not installed, or where there is no listening.
    """
    if find_spec("gradio") is None:
        raise UsageError("memscan serve needs Gradio, which is not installed; pip install 'memscan[web]'")
    os.environ.update(SETTINGS)
    listener = _listen(host, port)
    import uvicorn

    desk = Desk(limits)
    config = uvicorn.Config(
        application(desk, limits), log_level="warning", access_log=False, proxy_headers=False, server_header=False,
        h11_max_incomplete_event_size=MOST_HEAD, limit_concurrency=CONNECTIONS, timeout_graceful_shutdown=GRACE, http="h11",
        ws="none", lifespan="on",
    )  # fmt: skip
    ready(address(listener))
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        desk.close()
        listener.close()


def application(desk: Desk, limits: Limits) -> Doorway:
    """The page as an ASGI application."""
    import gradio as gr
    from fastapi import FastAPI

    from memscan.web.page import build
    from memscan.web.shell import HEAD, STYLE

    in_space = os.environ.get("SYSTEM") == "spaces"  # as Gradio knows a Space, and would mock a sign-in elsewhere
    signs_in = in_space and bool(os.environ.get("OAUTH_CLIENT_ID")) and find_spec("authlib") is not None
    fonts = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
    theme = gr.themes.Default(
        primary_hue=gr.themes.colors.blue, neutral_hue=gr.themes.colors.slate, font=list(fonts),
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"],
    )  # fmt: skip
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    mounted = gr.mount_gradio_app(
        app, build(desk, limits, signs_in=signs_in), path="/", footer_links=[], run_history=False, show_error=False,
        enable_monitoring=False, mcp_server=False, pwa=False, ssr_mode=False, theme=theme, css=STYLE, head=HEAD,
        max_file_size=1,
    )  # fmt: skip
    return Doorway(mounted, in_space=in_space)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"cannot listen at {host} port {port}: {reason}; choose others by --host and --port") from error


def address(listener: socket.socket) -> str:
    """The address that a browser on this machine opens."""
    host, port = listener.getsockname()[:2]
    if ip_address(host).is_unspecified:
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
