"""One server and one browser for all of these tests, and a window for each."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from tests.hub import LoopbackHub
from tests.web.served import Served, serving

from .chromium import ARGUMENTS, NONE, find_browser, is_required
from .models import READ_ONLY, READER, repositories

LEAVING = ("AbortError", "Connection errored out")  # what Gradio's own script says of its stream when a window goes elsewhere


@dataclass(slots=True, kw_only=True)
class Site:
    """The page, and the Hub that it asks."""

    served: Served
    hub: LoopbackHub

    @property
    def address(self) -> str:
        return self.served.address


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="memscan-page-") as name:
        folder = Path(name)
        tokens = {READER: "reader", READ_ONLY: "watcher"}
        with LoopbackHub(repositories(folder / "hub"), tokens=tokens) as hub:
            environment = {"MEMSCAN_CACHE": str(folder / "cache"), "MEMSCAN_CACHE_SIZE": "1GB", "HF_TOKEN": READER}
            with serving(hub, "--rate", "100000", "--urls", "any", env=environment) as served:
                yield Site(served=served, hub=hub)
            assert served.code == 0
            assert READER not in served.said
            assert "Traceback" not in served.said


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = find_browser()
    if program is None:
        if is_required():
            pytest.fail(NONE)
        pytest.skip(NONE)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield opened
        opened.close()


@dataclass(slots=True)
class Watch:
    """What a window asked for, and what it complained of."""

    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def watched(context: BrowserContext, address: str) -> tuple[Page, Watch]:
    page, watch = context.new_page(), Watch()

    def asked(request: Request) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            watch.outside.append(request.url)

    page.on("request", asked)

    def complained(text: str) -> None:
        if not any(word in text for word in LEAVING):
            watch.errors.append(text)

    page.on("pageerror", lambda error: complained(str(error)))
    page.on("console", lambda line: complained(line.text) if line.type == "error" else None)
    return page, watch


@pytest.fixture
def page(browser: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A window at the page; marks `narrow` and `dark` make it so. No test may make it ask another host, or break its script."""
    width = 375 if request.node.get_closest_marker("narrow") else 1200
    scheme = "dark" if request.node.get_closest_marker("dark") else "light"
    site.hub.reset()
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, base_url=site.address)
    context.set_default_timeout(20_000)
    opened, watch = watched(context, site.address)
    yield opened
    context.close()
    assert watch.outside == []
    assert watch.errors == []
