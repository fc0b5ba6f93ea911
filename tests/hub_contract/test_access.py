"""Who may read what, and in which words the others are refused."""

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import DisabledRepoError, GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from tests.hub import STRANGER, LoopbackHub

from .client import ask
from .models import READER


def status(error: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    """Return the status of the reply behind an error."""
    return error.value.response.status_code


@pytest.mark.parametrize("repo_id", ["org/nowhere", "nowhere", "org/private"])
def test_missing_and_private_repositories_look_the_same(api: HfApi, hub: LoopbackHub, repo_id: str) -> None:
    stranger = HfApi(endpoint=hub.endpoint, token=STRANGER)
    for client, expected in ((api, 401), (stranger, 404)):
        with pytest.raises(RepositoryNotFoundError) as info:
            client.model_info(repo_id)
        with pytest.raises(RepositoryNotFoundError) as download:
            client.hf_hub_download(repo_id, "config.json")
        assert status(info) == expected
        assert download.type is RepositoryNotFoundError


def test_a_private_repository_opens_to_its_readers(hub: LoopbackHub) -> None:
    reader = HfApi(endpoint=hub.endpoint, token=READER)
    assert reader.model_info("org/private").private
    assert reader.file_exists("org/private", "config.json")


def test_a_gated_repository_is_listed_but_not_read(api: HfApi, hub: LoopbackHub) -> None:
    assert api.model_info("meta-llama/gated").gated == "manual"
    assert [row.path for row in api.list_repo_tree("meta-llama/gated")] == ["config.json"]
    stranger = HfApi(endpoint=hub.endpoint, token=STRANGER)
    for client, expected in ((api, 401), (stranger, 403)):
        with pytest.raises(GatedRepoError) as refused:
            client.get_hf_file_metadata(url=f"{hub.endpoint}/meta-llama/gated/resolve/main/config.json")
        assert status(refused) == expected


def test_a_gated_repository_opens_to_its_readers(api: HfApi, hub: LoopbackHub) -> None:
    assert api.hf_hub_download("meta-llama/gated", "config.json", token=READER)
    assert ask(f"{hub.endpoint}/meta-llama/gated/resolve/main/config.json").headers["X-Error-Code"] == "GatedRepo"


def test_a_token_that_nobody_has_is_refused_everywhere(hub: LoopbackHub) -> None:
    nobody = HfApi(endpoint=hub.endpoint, token="hf_wrong")
    with pytest.raises(HfHubHTTPError, match="Invalid credentials in Authorization header") as refused:
        nobody.model_info("google-bert/bert-base-cased")
    assert status(refused) == 401
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        nobody.whoami()


def test_who_am_i(hub: LoopbackHub) -> None:
    assert HfApi(endpoint=hub.endpoint, token=READER).whoami()["name"] == "reader"
    assert ask(f"{hub.endpoint}/api/whoami-v2").status == 401


def test_a_disabled_repository(api: HfApi) -> None:
    with pytest.raises(DisabledRepoError):
        api.model_info("org/disabled")


def test_a_former_name_is_redirected_on_every_route(api: HfApi, hub: LoopbackHub) -> None:
    assert api.model_info("bert-base-cased").id == "google-bert/bert-base-cased"
    assert list(api.list_repo_tree("bert-base-cased", revision="refs/pr/4"))
    assert api.hf_hub_download("bert-base-cased", "model.safetensors")
    first = ask(f"{hub.endpoint}/bert-base-cased/resolve/feature%2Fx%231/config.json?download=true")
    assert first.status == 307
    assert first.headers["Location"] == "/google-bert/bert-base-cased/resolve/feature%2Fx%231/config.json?download=true"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/org",
        "/resolve/",
        "/docs/resolve/",
        "/org/sharded/resolve/main",
        "/api",
        "/api/models/",
        "/api/models/org/sharded/nothing",
        "/api/models/org/sharded/tree",
        "/api/resolve-cache/models/org/sharded",
    ],
)
def test_other_pages_are_not_found(hub: LoopbackHub, path: str) -> None:
    assert ask(hub.endpoint + path).status in {401, 404}


def test_nothing_can_be_written(hub: LoopbackHub) -> None:
    assert ask(f"{hub.endpoint}/api/models/org/sharded", "POST").status == 405
    assert ask(f"{hub.cdn}/files/x", "PUT").status == 405
