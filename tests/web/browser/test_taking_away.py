"""Links, files and pictures that are taken from the page."""

import json
import struct
from pathlib import Path
from xml.etree import ElementTree as ET

from playwright.sync_api import Page, expect

from .conftest import Site


def saved(page: Page, click: object) -> tuple[str, bytes]:
    """The name and the bytes of what a click saves."""
    with page.expect_download() as waiting:
        click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_the_address_asks_the_same_again(page: Page) -> None:
    page.goto("/?model=bert-base-cased&device=4xh100&context=256&batch=8&work=training&dtypes=float32,int8")
    expect(page.locator("#ms-summary table tbody tr")).to_have_count(2)
    page.wait_for_function("location.search.includes('batch=8')")
    page.goto(page.url)
    expect(page.locator("#ms-summary table tbody tr")).to_have_count(2)
    assert page.get_by_label("Model or URL").input_value() == "bert-base-cased"
    assert page.get_by_label("Context Tokens").input_value() == "256"
    assert page.get_by_label("Batch Sequences").input_value() == "8"
    assert page.get_by_label("Device", exact=True).input_value() == "4xh100"
    expect(page.get_by_role("radio", name="Training")).to_be_checked()


def test_the_address_follows_what_is_asked(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Model or URL").fill("org/single")
    page.get_by_label("Context Tokens").fill("1k")
    page.get_by_role("button", name="Estimate").click()
    page.wait_for_url("**/?model=org/single&device=rtx-4090&context=1024")
    page.get_by_role("tab", name="Save and link").click()
    assert page.locator("#memscan-link").get_attribute("href") == "?model=org/single&device=rtx-4090&context=1024"


def test_an_example_is_a_link(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="bert-base-cased").click()
    expect(page.locator("#ms-summary table")).to_contain_text("413.18 MB")


def test_the_report_is_saved(page: Page, site: Site) -> None:
    page.goto("/?model=bigscience/bloom")
    page.get_by_role("tab", name="Save and link").click()
    name, content = saved(page, page.get_by_role("link", name="Report as JSON").click)
    found = json.loads(content)
    assert name == "memscan-bigscience-bloom.json"
    assert found["target"]["repo_id"] == found["target"]["requested"] == "bigscience/bloom"
    assert found["scopes"][found["scope"]]["bytes"] == 352_494_542_848
    name, content = saved(page, page.get_by_role("link", name="Report as Markdown").click)
    assert (name, content.decode().splitlines()[0]) == (
        "memscan-bigscience-bloom.md", "### Memory usage for loading `bigscience/bloom`",
    )  # fmt: skip


def test_a_picture_is_saved_as_svg_and_png(page: Page) -> None:
    page.goto("/?model=bert-base-cased")
    page.get_by_role("tab", name="Where the bytes are").click()
    panel = page.get_by_role("tabpanel").locator("visible=true").last
    name, content = saved(page, panel.get_by_role("button", name="Save as SVG").click)
    drawing = ET.fromstring(content)
    assert (name, drawing.tag, drawing.get("width")) == ("memscan-modules.svg", "{http://www.w3.org/2000/svg}svg", "960")
    name, content = saved(page, panel.get_by_role("button", name="Save as PNG").click)
    assert (name, content[:8]) == ("memscan-modules.png", b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    assert (width, height) == (1920, round(2 * float(drawing.get("height"))))
    assert len(content) > 20_000  # it is not empty paper
