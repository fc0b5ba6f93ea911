"""What the page shows for models of every kind, typed and linked."""

import pytest
from playwright.sync_api import Page, expect

from .conftest import Site
from .models import READER


def ask(page: Page, model: str) -> None:
    """Type a model's name and press Enter."""
    page.goto("/")
    page.get_by_label("Model or URL").fill(model)
    page.get_by_label("Model or URL").press("Enter")


def table(page: Page) -> list[list[str]]:
    """The cells of the seed's table."""
    rows = page.locator("#ms-summary table tbody tr")
    expect(rows.first).to_be_visible()
    return [row.locator("td").all_inner_texts() for row in rows.all()]


def test_a_name_is_typed_and_the_numbers_are_read(page: Page) -> None:
    ask(page, "bert-base-cased")
    assert table(page) == [
        ["float32", "84.95 MB", "413.18 MB", "1.61 GB"],
        ["float16", "42.47 MB", "206.59 MB", "826.37 MB"],
        ["int8", "21.24 MB", "103.3 MB", "413.2 MB"],
        ["int4", "10.62 MB", "51.65 MB", "206.62 MB"],
    ]
    expect(page.get_by_role("heading", name="google-bert/bert-base-cased", level=2)).to_be_visible()
    expect(page.locator("#ms-status-box")).to_contain_text("Read google-bert/bert-base-cased.")


def test_the_button_asks_too(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Model or URL").fill("org/single")
    page.get_by_role("button", name="Estimate").click()
    assert table(page)[0] == ["float32", "24 bytes", "48 bytes", "192 bytes"]


@pytest.mark.parametrize(
    ("model", "row", "says"),
    [
        ("bigscience/bloom", ["float32", "13.4 GB", "656.57 GB", "2.56 TB"], "72 safetensors files"),
        ("org/pipeline", ["float32", "16.25 KB", "26.56 KB", "106.25 KB"], "in 3 safetensors files"),
        ("org/gguf", ["F16", "2.0 KB", "9.0 KB", "unknown"], "1 other quantization"),
        ("org/torch", ["float32", "160 bytes", "448 bytes", "1.75 KB"], "1 torch file"),
    ],
)
def test_models_of_every_kind_are_answered(page: Page, model: str, row: list[str], says: str) -> None:
    ask(page, model)
    assert table(page)[0] == row
    expect(page.locator("#ms-summary")).to_contain_text(says)


def test_progress_is_shown_while_it_reads(page: Page, site: Site) -> None:
    site.hub.latency = 0.7
    ask(page, "meta-llama/Llama-3.1-8B")
    expect(page.locator("#ms-status-box .ms-busy")).to_contain_text("meta-llama/Llama-3.1-8B")
    assert table(page)[0][0] == "float32"
    expect(page.locator("#ms-status-box .ms-busy")).to_have_count(0)


def test_the_bill_stands_beside_the_device(page: Page) -> None:
    page.goto("/?model=meta-llama/Llama-3.1-8B&device=rtx-4090&context=4096")
    panel = page.get_by_role("tabpanel").first
    expect(panel).to_contain_text("On NVIDIA GeForce RTX 4090 (23.49 GiB usable, measured): fits")
    expect(panel.locator("svg").first).to_contain_text("weights")
    expect(panel.get_by_role("table", name="meta-llama/Llama-3.1-8B @")).to_contain_text("16,060,522,496")


def test_training_is_another_bill(page: Page) -> None:
    page.goto("/?model=meta-llama/Llama-3.1-8B&device=h100&work=training")
    expect(page.get_by_role("tabpanel").first).to_contain_text("optimizer states")
    expect(page.get_by_role("radio", name="Training")).to_be_checked()
    page.get_by_role("tab", name="Fits on").click()
    expect(page.get_by_role("columnheader", name="QLoRA, NF4")).to_be_visible()


def test_pictures_are_opened(page: Page) -> None:
    page.goto("/?model=bert-base-cased")
    page.get_by_role("tab", name="Where the bytes are").click()
    picture = page.get_by_role("img", name="Where the bytes of google-bert/bert-base-cased are").locator("visible=true")
    expect(picture).to_be_visible()
    assert picture.bounding_box()["width"] > 600
    page.get_by_role("tab", name="Over context").click()
    expect(page.get_by_role("tabpanel").locator("visible=true").last).to_contain_text("over the length of the context")


def test_the_module_tree_opens_by_the_keyboard(page: Page) -> None:
    page.goto("/?model=bert-base-cased")
    page.get_by_role("tab", name="Modules").click()
    layer = page.locator("#ms-tabs .tree summary", has_text="layer").first
    layer.focus()
    assert not layer.evaluate("one => one.parentElement.open")
    page.keyboard.press("Enter")
    assert layer.evaluate("one => one.parentElement.open")


def test_devices_that_it_fits_on_are_listed(page: Page) -> None:
    page.goto("/?model=meta-llama/Llama-3.1-8B")
    page.get_by_role("tab", name="Fits on").click()
    row = page.get_by_role("row", name="NVIDIA T4")
    expect(row.get_by_role("cell").nth(2)).to_contain_text("No")
    expect(page.get_by_role("row", name="NVIDIA L4 ").get_by_role("cell").nth(2)).to_contain_text("Fits")


class TestProblems:
    def test_a_model_that_is_not_there(self, page: Page) -> None:
        ask(page, "org/nothing")
        alert = page.get_by_role("alert").filter(has_text="org/nothing")
        expect(alert).to_contain_text("was not found")
        expect(alert).to_contain_text("give a token under More options")
        expect(page.locator("#ms-result")).to_be_hidden()

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            ("model=/etc/passwd", "reads no files of its server"),
            ("model=http://127.0.0.1:1/x.safetensors&device=none", "cannot connect to 127.0.0.1:1"),
            ("model=org/single&context=many", "context: 'many' is not a count"),
            ("model=org/single&dtypes=float99", "'float99' is not a dtype"),
        ],
    )
    def test_what_is_wrong_is_one_line(self, page: Page, words: str, says: str) -> None:
        page.goto(f"/?{words}")
        expect(page.get_by_role("alert").filter(has_text=says)).to_be_visible()

    def test_a_device_that_is_none_leaves_the_table(self, page: Page) -> None:
        page.goto("/?model=org/single&device=rtx-9999")
        assert table(page)[0][0] == "float32"
        expect(page.get_by_role("tabpanel").first).to_contain_text("no device is called 'rtx-9999'")

    def test_gated_without_and_with_a_token(self, page: Page, site: Site) -> None:
        ask(page, "org/gated")
        expect(page.get_by_role("alert").filter(has_text="gated")).to_contain_text("no token was given")
        assert all("authorization" not in record.headers for record in site.hub.requests)  # the server has one of its own
        page.get_by_role("button", name="More options").click()
        page.get_by_label("Token For gated").fill(READER)
        page.get_by_role("button", name="Estimate").click()
        assert table(page)[0] == ["float32", "24 bytes", "48 bytes", "192 bytes"]
        assert READER not in page.url
        assert READER not in page.content()
        ask(page, "org/gated")  # another window, as anybody's: nothing of it was kept
        expect(page.get_by_role("alert").filter(has_text="gated")).to_be_visible()

    def test_nothing_of_a_stranger_is_markup(self, page: Page) -> None:
        ask(page, "org/hostile")
        table(page)
        for tab in ("Where the bytes are", "Modules", "Save and link", "Memory"):
            page.get_by_role("tab", name=tab).click()
        page.get_by_role("tab", name="Modules").click()
        expect(page.locator("#ms-tabs .tree")).to_contain_text("${document")
        assert page.title().startswith("memscan")
        assert page.locator("#ms-result img").count() == 0
