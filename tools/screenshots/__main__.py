"""Takes the screenshots of docs/: the page served against the fixtures behind a loopback Hub, in the browser that is here.

python -m tools.screenshots docs
"""

import argparse
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from tests.hub import FIXTURES, LoopbackHub, load_fixtures, materialise
from tests.web.browser.chromium import ARGUMENTS, NONE, find_browser
from tests.web.served import serving

MOST = 300_000  # bytes of a picture that a repository keeps
COLOURS = 256  # where it has to be smaller
MODEL = "meta-llama/Llama-3.1-8B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture."""

    name: str
    address: str
    width: int = 1200
    height: int = 1500
    scheme: str = "light"
    tab: str = ""
    scale: float = 1.0


SHOTS = (
    Shot(name="page-empty", address="/", height=760),
    Shot(name="page-light", address=f"/?model={MODEL}&device=rtx-4090"),
    Shot(name="page-dark", address=f"/?model={MODEL}&device=rtx-4090", scheme="dark", tab="Where the bytes are"),
    Shot(name="page-devices", address=f"/?model={MODEL}&device=rtx-4090", tab="Fits on", height=1600),
    Shot(name="page-narrow", address="/?model=bert-base-cased&device=t4", width=375, height=1700, scale=1.5),
)


def main() -> None:
    """Write a PNG for each of SHOTS."""
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    program = find_browser()
    if program is None:
        parser.error(NONE)
    with tempfile.TemporaryDirectory(prefix="memscan-shots-") as name:
        for fixture in FIXTURES.glob("*/*"):
            materialise(fixture, Path(name) / fixture.relative_to(FIXTURES))
        with LoopbackHub(load_fixtures(Path(name))) as hub, serving(hub) as served, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
            for shot in SHOTS:
                _take(browser, served.address, shot, folder)
            browser.close()


def _take(browser: Browser, address: str, shot: Shot, folder: Path) -> None:
    size = {"width": shot.width, "height": shot.height}
    page = browser.new_page(viewport=size, color_scheme=shot.scheme, device_scale_factor=shot.scale)
    page.goto(address + shot.address)
    page.wait_for_selector("#ms-model textarea")
    if "model=" in shot.address:
        page.wait_for_selector("#ms-summary table")
    if shot.tab:
        page.get_by_role("tab", name=shot.tab).click()
    page.wait_for_timeout(800)
    place = folder / f"{shot.name}.png"
    place.write_bytes(_small(page.screenshot()))
    print(f"{place}: {place.stat().st_size:,} bytes")
    page.close()


def _small(raw: bytes) -> bytes:
    """The same picture, with fewer colours only where it is too large."""
    picture = Image.open(io.BytesIO(raw)).convert("RGB")
    whole = _png(picture)
    return whole if len(whole) <= MOST else _png(picture.quantize(COLOURS, dither=Image.Dither.NONE))


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main()
