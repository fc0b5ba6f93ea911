"""The Space's own program, in the environment of a Space."""

import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.hub import LoopbackHub, Repository
from tests.runner import environment
from tests.source.models import weights

SPACE = Path(__file__).resolve().parents[3] / "spaces"
SOURCE = SPACE.parent / "src"
STARTS = 60  # seconds, and more than it takes


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    shutil.copy(SPACE / "app.py", tmp_path)
    files = {"model.safetensors": weights("a", "b")}
    with LoopbackHub([Repository(repo_id="org/model", files=files)]) as hub:
        space = {
            "SYSTEM": "spaces", "SPACE_ID": "org/memscan", "SPACE_HOST": "org-memscan.hf.space", "OAUTH_CLIENT_ID": "x",
            "OAUTH_CLIENT_SECRET": "y", "OAUTH_SCOPES": "openid profile write-discussions", "OPENID_PROVIDER_URL": hub.endpoint,
            "PORT": "0", "PYTHONPATH": str(SOURCE), "PYTHONWARNINGS": None,
        }  # fmt: skip
        values = environment(hub, space)
        with subprocess.Popen([sys.executable, "app.py"], cwd=tmp_path, env=values, stdout=subprocess.PIPE, text=True) as app:
            found = app.stdout.readline().strip()
            ready(found)
            yield found.replace("localhost", "127.0.0.1")
            app.terminate()


def ready(address: str) -> None:
    end = time.monotonic() + STARTS
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("the Space does not start")


def test_people_sign_in_to_post_and_nothing_comes_from_elsewhere(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address)
    page, came = context.new_page(), []
    page.on("response", lambda reply: came.append(reply.url))
    page.goto("/?model=org/model")
    expect(page.locator("#ms-summary table")).to_be_visible()
    page.get_by_role("tab", name="Post to the Hub").click()
    expect(page.get_by_role("button", name="Sign in with Hugging Face")).to_be_visible()
    context.close()
    assert came
    # Gradio's script would fetch fonts and ask the Hub about the Space; the policy of the page does not let it.
    assert [url for url in came if not url.startswith((address, "data:", "blob:"))] == []
