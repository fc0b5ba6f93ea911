"""Model info, listings and references, as huggingface_hub reads them."""

import hashlib

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.hf_api import RepoFile, RepoFolder

from tests.hub import LoopbackHub, Repository

from .client import ask
from .models import BRANCH, CONFIG, PULL_REQUEST, TAG, single, weights


def test_model_info_names_the_files_with_their_sizes_and_digests(api: HfApi) -> None:
    info = api.model_info("google-bert/bert-base-cased", files_metadata=True)
    assert info.siblings is not None
    files = {sibling.rfilename: sibling for sibling in info.siblings}
    assert list(files) == ["1_Pooling/config.json", "config.json", "model.safetensors"]
    assert files["config.json"].size == len(CONFIG)
    assert files["config.json"].lfs is None
    lfs = files["model.safetensors"].lfs
    assert lfs is not None
    assert lfs.sha256 == hashlib.sha256(weights("a", "b")).hexdigest()
    assert (info.sha, info.library_name, info.gated) == (single().commit, "transformers", False)
    assert info.config == {"architectures": ["BertForMaskedLM"], "model_type": "bert"}


def test_sizes_are_told_only_when_asked_for(api: HfApi) -> None:
    info = api.model_info("google-bert/bert-base-cased")
    assert info.siblings is not None
    assert {sibling.size for sibling in info.siblings} == {None}


def test_expand_gives_what_it_names(api: HfApi) -> None:
    info = api.model_info("google-bert/bert-base-cased", expand=["library_name", "sha"])
    assert (info.library_name, info.sha, info.siblings) == ("transformers", single().commit, None)


def test_a_listing_of_several_pages_is_complete() -> None:
    files = {f"part-{number:04}.json": b"{}" for number in range(2500)}
    with LoopbackHub([Repository(repo_id="org/many", files=files)]) as hub:
        rows = list(HfApi(endpoint=hub.endpoint, token=False).list_repo_tree("org/many", recursive=True))
        assert sorted(row.path for row in rows) == sorted(files)
        assert len(hub.requests) == 3


def test_the_page_size_is_an_option() -> None:
    files = {f"{number}/config.json": b"{}" for number in range(5)}
    with LoopbackHub([Repository(repo_id="org/many", files=files)], page_size=4) as hub:
        rows = list(HfApi(endpoint=hub.endpoint, token=False).list_repo_tree("org/many", recursive=True))
        assert len(rows) == 10
        assert len(hub.requests) == 3


def test_a_flat_listing_shows_folders_and_a_folder_can_be_listed(api: HfApi) -> None:
    flat = list(api.list_repo_tree("google-bert/bert-base-cased"))
    assert [row.path for row in flat] == ["1_Pooling", "config.json", "model.safetensors"]
    assert isinstance(flat[0], RepoFolder)
    inside = list(api.list_repo_tree("google-bert/bert-base-cased", "1_Pooling", expand=True))
    assert [row.path for row in inside] == ["1_Pooling/config.json"]
    assert isinstance(inside[0], RepoFile)
    assert inside[0].last_commit is not None


def test_a_folder_that_is_not_there(api: HfApi) -> None:
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree("google-bert/bert-base-cased", "nowhere"))


def test_references(api: HfApi) -> None:
    refs = api.list_repo_refs("google-bert/bert-base-cased", include_pull_requests=True)
    assert [(ref.name, ref.target_commit) for ref in refs.branches] == [
        ("main", single().commit),
        ("feature/x#1", BRANCH),
    ]
    assert [(ref.ref, ref.target_commit) for ref in refs.tags] == [("refs/tags/v1.0", TAG)]
    assert [(ref.ref, ref.target_commit) for ref in refs.pull_requests or ()] == [("refs/pr/4", PULL_REQUEST)]


def test_every_reply_tells_what_is_left_of_the_budget(hub: LoopbackHub) -> None:
    info = ask(f"{hub.endpoint}/api/models/org/sharded")
    file = ask(f"{hub.endpoint}/google-bert/bert-base-cased/resolve/main/config.json")
    assert info.headers["RateLimit"].startswith('"api";')
    assert file.headers["RateLimit"].startswith('"resolvers";')
