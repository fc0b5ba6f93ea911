"""Safetensors headers, read by huggingface_hub in each of its ways."""

from pathlib import Path

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

from tests.hub import LoopbackHub, Repository

from .client import ask
from .models import READER, SHARDS, gated, index, sharded, weights


def test_a_single_file(api: HfApi) -> None:
    metadata = api.get_safetensors_metadata("google-bert/bert-base-cased")
    assert metadata.weight_map == {"a": "model.safetensors", "b": "model.safetensors"}
    assert metadata.parameter_count == {"F32": 12}


def test_shards_one_by_one_and_in_one_request_agree(api: HfApi, hub: LoopbackHub) -> None:
    one_by_one = api.get_safetensors_metadata("org/sharded")
    assert {record.origin for record in hub.requests} == {"hub", "cdn"}
    hub.forget()
    at_once = api.get_sharded_safetensors_metadata("org/sharded")
    assert at_once == one_by_one
    assert at_once.metadata == {"total_size": 48}
    assert set(at_once.files_metadata) == set(SHARDS)
    assert len(hub.requests) == 1


def test_the_one_request_route_can_be_missing() -> None:
    with LoopbackHub([sharded()], metadata_endpoint=False) as hub, pytest.raises(HfHubHTTPError, match="404"):
        HfApi(endpoint=hub.endpoint, token=False).get_sharded_safetensors_metadata("org/sharded")


def test_an_index_in_a_folder_names_shards_beside_it() -> None:
    files = {"unet/model.safetensors.index.json": index(a=SHARDS[0]), f"unet/{SHARDS[0]}": weights("a")}
    with LoopbackHub([Repository(repo_id="org/name", files=files)]) as hub:
        api = HfApi(endpoint=hub.endpoint, token=False)
        metadata = api.get_sharded_safetensors_metadata("org/name", filename="unet/model.safetensors.index.json")
        assert metadata.weight_map == {"a": SHARDS[0]}


def test_an_index_whose_shard_is_missing_or_broken() -> None:
    missing = Repository(repo_id="org/missing", files={"x.json": index(a="gone.safetensors")})
    broken = Repository(repo_id="org/broken", files={"x.json": index(a="s.safetensors"), "s.safetensors": b"\1"})
    no_index = Repository(repo_id="org/no-index", files={"x.json": b"[]"})
    with LoopbackHub([missing, broken, no_index]) as hub:
        statuses = [
            ask(f"{hub.endpoint}/api/models/org/{name}/safetensors-metadata/x.json").status
            for name in ("missing", "broken", "no-index")
        ]
    assert statuses == [404, 400, 400]


def test_an_index_that_is_not_there(api: HfApi) -> None:
    with pytest.raises(EntryNotFoundError):
        api.get_sharded_safetensors_metadata("google-bert/bert-base-cased")


def test_headers_are_files_and_gated_like_files() -> None:
    files = {"x.json": index(a="s.safetensors"), "s.safetensors": weights("a")}
    repository = Repository(repo_id=gated().repo_id, files=files, gated="auto", readers=frozenset({READER}))
    with LoopbackHub([repository]) as hub:
        url = f"{hub.endpoint}/api/models/{repository.repo_id}/safetensors-metadata/x.json"
        assert ask(url).status == 401
        assert ask(url, headers={"Authorization": f"Bearer {READER}"}).status == 200


def test_a_sparse_file_of_any_size(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.write(weights("a"))
        file.truncate(40 * 1024**3)
    with LoopbackHub([Repository(repo_id="org/huge", files={"model.safetensors": path})]) as hub:
        api = HfApi(endpoint=hub.endpoint, token=False)
        assert list(api.get_safetensors_metadata("org/huge").weight_map) == ["a"]
        assert sum(record.body_bytes for record in hub.requests) < 200_000
