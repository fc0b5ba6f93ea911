"""What people need to use the page: contrast, names, keys, room on narrow screens; axe-core looks at every tab."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

TABS = ("Memory", "Where the bytes are", "Over context", "Fits on", "Modules", "Save and link", "Post to the Hub")
SEVERE = {"serious", "critical"}


def problems(page: Page) -> list[str]:
    """What axe-core calls serious or critical, with the elements."""
    page.wait_for_timeout(150)  # colours that fade in
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found
        if one["impact"] in SEVERE
        for node in one["nodes"]
    ]


def everything(page: Page) -> list[str]:
    found = problems(page)
    page.get_by_role("button", name="More options").click()
    found += problems(page)
    page.get_by_label("Model or URL").fill("meta-llama/Llama-3.1-8B")
    page.get_by_label("Model or URL").press("Enter")
    expect(page.locator("#ms-summary table")).to_be_visible()
    for name in TABS:
        tab = page.get_by_role("tab", name=name)
        if tab.count() and tab.first.is_visible():
            tab.first.click()
            found += problems(page)
    page.get_by_label("Model or URL").fill("org/nothing")
    page.get_by_label("Model or URL").press("Enter")
    expect(page.get_by_role("alert").filter(has_text="org/nothing")).to_be_visible()
    return found + problems(page)


def test_nothing_serious_in_light(page: Page) -> None:
    page.goto("/")
    assert everything(page) == []


@pytest.mark.dark
def test_nothing_serious_in_the_dark(page: Page) -> None:
    page.goto("/")
    page.wait_for_selector(".dark #ms-form")
    assert everything(page) == []


@pytest.mark.narrow
@pytest.mark.parametrize(
    "address", ["/", "/?model=meta-llama/Llama-3.1-8B", "/?model=bigscience/bloom&work=training", "/?model=org/no"]
)
def test_nothing_is_wider_than_a_telephone(page: Page, address: str) -> None:
    page.goto(address)
    if "bloom" in address or "Llama" in address:
        expect(page.locator("#ms-summary table")).to_be_visible()
        picture = page.get_by_role("tabpanel").locator("svg").locator("visible=true").first
        assert picture.get_attribute("viewBox").startswith("0 0 360 ")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_the_keyboard_reaches_everything(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Model or URL").focus()
    page.keyboard.type("org/single")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Estimate")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#ms-summary table")).to_be_visible()
    page.get_by_role("tab", name="Memory").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Where the bytes are")).to_have_attribute("aria-selected", "true")
