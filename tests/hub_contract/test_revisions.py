"""Branches, tags, references and commits, quoted in every way that clients quote them."""

from pathlib import Path

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import RevisionNotFoundError

from tests.hub import LoopbackHub

from .client import ask
from .models import BRANCH, PULL_REQUEST, TAG, single

REPO = "google-bert/bert-base-cased"


@pytest.mark.parametrize(
    ("revision", "commit"),
    [
        ("main", single().commit),
        (single().commit, single().commit),
        (single().commit[:7], single().commit),
        ("feature/x#1", BRANCH),
        (BRANCH[:8], BRANCH),
        ("refs/pr/4", PULL_REQUEST),
        ("v1.0", TAG),
    ],
)
def test_a_revision_leads_to_its_commit(api: HfApi, revision: str, commit: str) -> None:
    assert api.model_info(REPO, revision=revision).sha == commit
    assert list(api.list_repo_tree(REPO, revision=revision))


def test_a_file_of_a_branch(api: HfApi, hub: LoopbackHub) -> None:
    path = api.hf_hub_download(REPO, "config.json", revision="feature/x#1")
    assert Path(path).read_bytes() == b'{"branch": true}'
    assert {record.headers["host"] for record in hub.requests} == {hub.endpoint.removeprefix("http://")}


def test_a_pull_request_needs_no_quoting(hub: LoopbackHub) -> None:
    answer = ask(f"{hub.endpoint}/{REPO}/resolve/refs/pr/4/model.safetensors", "HEAD")
    assert (answer.status, answer.headers["X-Repo-Commit"]) == (302, PULL_REQUEST)


@pytest.mark.parametrize("revision", ["nope", "feature", "0" * 40, single().commit[:6]])
def test_a_revision_that_is_not_there(api: HfApi, revision: str) -> None:
    with pytest.raises(RevisionNotFoundError):
        api.model_info(REPO, revision=revision)
    with pytest.raises(RevisionNotFoundError):
        list(api.list_repo_tree(REPO, revision=revision))
