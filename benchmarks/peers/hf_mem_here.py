"""hf-mem against another Hub than huggingface.co, whose name it has in its source.

Run by the interpreter that hf-mem is installed for. Everything else is hf-mem as it is: its client's transport is led to
`HF_ENDPOINT` at the last moment.
"""

import os
import sys
from typing import Any

import httpx2
from hf_mem.cli import main  # type: ignore[import-not-found,unused-ignore]

HERE = httpx2.URL(os.environ["HF_ENDPOINT"])
handle = httpx2.AsyncHTTPTransport.handle_async_request


async def led_here(self: Any, request: Any) -> Any:
    """Send what was meant for huggingface.co to the Hub of this machine."""
    if request.url.host == "huggingface.co":
        request.url = request.url.copy_with(scheme=HERE.scheme, host=HERE.host, port=HERE.port)
    return await handle(self, request)


httpx2.AsyncHTTPTransport.handle_async_request = led_here  # type: ignore[method-assign,unused-ignore]
sys.exit(main())
