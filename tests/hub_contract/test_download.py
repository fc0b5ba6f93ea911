"""Files: small ones from the Hub itself, LFS files from the CDN."""

from pathlib import Path

import pytest
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError

from tests.hub import LoopbackHub, Repository

from .client import ask
from .models import CONFIG, single, weights

REPO = "google-bert/bert-base-cased"


def test_a_small_file_stays_on_the_hub(api: HfApi, hub: LoopbackHub) -> None:
    assert Path(api.hf_hub_download(REPO, "config.json")).read_bytes() == CONFIG
    assert {record.origin for record in hub.requests} == {"hub"}
    first = ask(f"{hub.endpoint}/{REPO}/resolve/main/config.json")
    assert first.status == 307
    assert first.headers["Location"].startswith(f"/api/resolve-cache/models/{REPO}/{single().commit}/config.json?")


def test_an_lfs_file_comes_from_the_cdn(api: HfApi, hub: LoopbackHub) -> None:
    assert Path(api.hf_hub_download(REPO, "model.safetensors")).read_bytes() == weights("a", "b")
    assert [(record.origin, record.status) for record in hub.requests] == [("hub", 302), ("cdn", 200)]


def test_the_metadata_of_a_file(hub: LoopbackHub) -> None:
    for name, size in (("config.json", len(CONFIG)), ("model.safetensors", len(weights("a", "b")))):
        url = hf_hub_url(REPO, name, endpoint=hub.endpoint)
        metadata = get_hf_file_metadata(url, token=False, endpoint=hub.endpoint)
        assert (metadata.commit_hash, metadata.size) == (single().commit, size)
        assert metadata.etag


def test_a_file_that_is_not_there(api: HfApi) -> None:
    assert api.file_exists(REPO, "config.json")
    assert not api.file_exists(REPO, "nope.json")
    with pytest.raises(EntryNotFoundError):
        api.hf_hub_download(REPO, "nope.json")


def test_a_token_never_reaches_the_cdn(hub: LoopbackHub) -> None:
    hub.tokens["hf_mine"] = "me"
    api = HfApi(endpoint=hub.endpoint, token="hf_mine")
    assert api.parse_safetensors_file_metadata(REPO, "model.safetensors").tensors
    seen = {record.origin: "Authorization" in record.headers for record in hub.requests}
    assert seen == {"hub": True, "cdn": False}


def test_the_cdn_refuses_a_token_and_an_unsigned_address(hub: LoopbackHub) -> None:
    location = ask(f"{hub.endpoint}/{REPO}/resolve/main/model.safetensors").headers["Location"]
    assert location.startswith(hub.cdn)
    assert ask(location).status == 200
    assert ask(location, headers={"Authorization": "Bearer x"}).status == 400
    assert ask(location.partition("?")[0]).status == 403
    assert "authorization" in hub.requests[-2].headers


def test_a_known_file_is_not_sent_again(hub: LoopbackHub) -> None:
    url = f"{hub.endpoint}/{REPO}/resolve/main/config.json"
    again = ask(url, headers={"If-None-Match": ask(url).headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


def test_a_large_file_is_an_lfs_file_whatever_its_name(tmp_path: Path) -> None:
    large = tmp_path / "index.json"
    with large.open("wb") as file:
        file.truncate(11 * 1024 * 1024)
    with LoopbackHub([Repository(repo_id="org/name", files={"model.safetensors.index.json": large})]) as hub:
        answer = ask(f"{hub.endpoint}/org/name/resolve/main/model.safetensors.index.json", "HEAD")
        assert (answer.status, answer.headers["X-Linked-Size"]) == (302, str(large.stat().st_size))
