"""A report that is posted to the model's repository: seen first, posted by a click, and once."""

import pytest
from huggingface_hub import HfApi
from playwright.sync_api import Page, expect

from .conftest import Site
from .models import READ_ONLY, READER


def posted(site: Site, repo_id: str) -> list[str]:
    return [one.title for one in HfApi(endpoint=site.hub.endpoint).get_repo_discussions(repo_id, token=False)]


def to_the_tab(page: Page, model: str, token: str = READER) -> None:
    page.goto(f"/?model={model}")
    page.get_by_role("tab", name="Post to the Hub").click()
    page.get_by_label("Token that may write discussions").fill(token)


def test_a_report_is_seen_then_posted_then_not_again(page: Page, site: Site) -> None:
    to_the_tab(page, "bert-base-cased")
    assert page.get_by_role("button", name="Post", exact=True).count() == 0
    page.get_by_role("button", name="Preview").click()
    draft = page.locator("#ms-draft")
    expect(draft.get_by_role("heading", name="Memory needed to load and train this model")).to_be_visible()
    expect(draft.get_by_role("table")).to_contain_text("413.18 MB")
    expect(page.locator("#ms-post-status")).to_contain_text("would be posted to google-bert/bert-base-cased")
    assert posted(site, "google-bert/bert-base-cased") == []
    assert [record.method for record in site.hub.requests if record.method == "POST"] == []

    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator("#ms-post-status")).to_contain_text("Posted as discussion 1")
    link = page.locator("#ms-post-status").get_by_role("link")
    assert link.get_attribute("href") == f"{site.hub.endpoint}/google-bert/bert-base-cased/discussions/1"
    assert posted(site, "google-bert/bert-base-cased") == ["Memory needed to load and train this model [memscan]"]
    details = HfApi(endpoint=site.hub.endpoint).get_discussion_details("google-bert/bert-base-cased", 1, token=False)
    assert details.author == "reader"
    assert "| float32 | 84.95 MB | 413.18 MB | 1.61 GB |" in details.events[0].content

    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#ms-post-status")).to_contain_text("open already, as discussion 1")
    assert page.get_by_role("button", name="Post", exact=True).count() == 0
    assert READER not in page.content()


def test_one_that_somebody_else_has_posted_is_found(page: Page, site: Site) -> None:
    to_the_tab(page, "org/taken")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#ms-post-status")).to_contain_text("open already, as discussion 1")
    assert len(posted(site, "org/taken")) == 1


@pytest.mark.parametrize(
    ("token", "says"),
    [("", "takes a token"), (READ_ONLY, "may not open discussions"), ("hf_nobody", "refused the token as invalid")],
)
def test_who_may_not_post_is_told(page: Page, site: Site, token: str, says: str) -> None:
    site.hub.read_only.add(READ_ONLY)
    to_the_tab(page, "org/single", "")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#ms-draft")).to_be_visible()
    page.get_by_label("Token that may write discussions").fill(token)
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text=says)).to_be_visible()
    assert posted(site, "org/single") == []


def test_another_answer_starts_anew(page: Page) -> None:
    to_the_tab(page, "org/single")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#ms-draft")).to_be_visible()
    page.get_by_label("Model or URL").fill("org/pipeline")
    page.get_by_role("button", name="Estimate").click()
    expect(page.locator("#ms-summary")).to_contain_text("org/pipeline")
    expect(page.locator("#ms-draft")).to_be_hidden()
