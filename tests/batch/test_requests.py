"""What each repository costs, in requests that the Hub counts: API requests are the scarce kind."""

from collections import Counter
from pathlib import Path

import pytest

from tests.batch.batches import batch, kinds, rows, small
from tests.hub import Fault, LoopbackHub, RateLimits, Repository
from tests.layouts.files import CONFIG, gguf, safe, torch_zip
from tests.source.models import sharded


@pytest.mark.parametrize("count", [1, 7])
def test_a_search_costs_one_api_request_and_three_resolvers_a_repository(hub: LoopbackHub, tmp_path: Path, count: int) -> None:
    hub.add_repositories(small(count))
    batch(hub, tmp_path / "rows.csv", "--author", "many")
    assert kinds(hub.requests) == Counter(api=1, resolvers=3 * count)


def test_a_page_of_a_search_is_asked_when_the_one_before_it_is_read(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add_repositories(small(2100))
    batch(hub, tmp_path / "rows.csv", "--author", "many", "--limit", "1001")
    found = kinds(hub.requests)
    assert found == Counter(api=2, resolvers=3 * 1001)


def test_a_name_costs_an_api_request_and_three_resolvers(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add_repositories(small(5))
    batch(hub, tmp_path / "rows.csv", "-", stdin="".join(f"many/{number:05}\n" for number in range(5)))
    assert kinds(hub.requests) == Counter(api=5, resolvers=15)


def test_without_a_config_a_search_costs_one_resolver(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add_repository(Repository(repo_id="org/bare", files={"model.safetensors": safe()}))
    batch(hub, tmp_path / "rows.csv", "--author", "org")
    assert kinds(hub.requests) == Counter(api=1, resolvers=1)


@pytest.mark.parametrize(
    ("files", "resolvers"),
    [
        ({"model.safetensors": safe(), "pytorch_model.bin": torch_zip(), "tf_model.h5": b"", "config.json": CONFIG}, 3),
        ({"pytorch_model.bin": torch_zip(), "config.json": CONFIG}, 3),
        ({"model.Q8_0.gguf": gguf("Q8_0"), "model.F16.gguf": gguf("F16"), "config.json": CONFIG}, 4),
        ({"README.md": b"#", "config.json": CONFIG}, 0),
        ({"nested/model.safetensors": safe(), "nested/config.json": CONFIG}, 3),
    ],
    ids=["formats", "torch", "quantizations", "nothing", "folder"],
)
def test_what_names_tell_is_not_listed(hub: LoopbackHub, tmp_path: Path, files: dict[str, bytes], resolvers: int) -> None:
    hub.add_repository(Repository(repo_id="org/found", files=files))
    batch(hub, tmp_path / "rows.csv", "--author", "org", code=0 if resolvers else 3)
    assert kinds(hub.requests) == Counter(api=1, resolvers=resolvers)


def test_a_second_batch_by_names_asks_for_the_commits_alone(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMSCAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MEMSCAN_CACHE_SIZE", "1GB")
    hub.add_repositories(small(3))
    names = "".join(f"many/{number:05}\n" for number in range(3))
    batch(hub, tmp_path / "one.jsonl", "-", stdin=names)
    hub.forget()
    batch(hub, tmp_path / "two.jsonl", "-", stdin=names)
    assert kinds(hub.requests) == Counter(api=3)
    hub.forget()
    batch(hub, tmp_path / "three.jsonl", "-", "--offline", stdin=names)
    assert hub.requests == ()
    assert len({(tmp_path / f"{name}.jsonl").read_text() for name in ("one", "two", "three")}) == 1


class TestManyShards:
    """Their headers come in one API request, or in a resolver for each shard and two for the index: what is left decides."""

    @staticmethod
    def cost(tmp_path: Path, *, shards: int, api: int, resolvers: int) -> Counter[str]:
        allowed = {"api": api, "resolvers": resolvers, "pages": 100}
        repositories = [*small(1, author="org"), sharded("org/sharded", count=shards)]
        with LoopbackHub(repositories, limits=RateLimits(allowed=allowed, enforced=True)) as hub:
            # One after the other, so that replies have told of both kinds when the shards are to be read.
            batch(hub, tmp_path / "rows.csv", "--author", "org", "--sort", "created_at", "--concurrency", "1")
            return kinds(hub.requests) - Counter(api=1, resolvers=3)  # without the page, and the repository before

    def test_few_shards_are_asked_one_by_one_where_api_requests_are_short(self, tmp_path: Path) -> None:
        assert self.cost(tmp_path, shards=2, api=500, resolvers=3000) == Counter(api=1, resolvers=6)

    def test_many_shards_come_in_one_reply(self, tmp_path: Path) -> None:
        assert self.cost(tmp_path, shards=9, api=500, resolvers=3000) == Counter(api=2, resolvers=2)

    def test_two_shards_come_in_one_reply_where_resolvers_are_short(self, tmp_path: Path) -> None:
        assert self.cost(tmp_path, shards=2, api=500, resolvers=1000) == Counter(api=2, resolvers=2)


def test_the_base_of_many_adapters_is_asked_for_once(hub: LoopbackHub, tmp_path: Path) -> None:
    config = b'{"peft_type": "LORA", "base_model_name_or_path": "base/model"}'
    files = {"adapter_model.safetensors": safe({"a.lora_A.weight": (2, 4)}), "adapter_config.json": config}
    hub.add_repositories([Repository(repo_id=f"org/{number}", files=files) for number in range(20)])
    hub.add_repository(Repository(repo_id="base/model", files={"model.safetensors": safe(), "config.json": CONFIG}))
    batch(hub, tmp_path / "rows.jsonl", "--author", "org")
    # A page, and the listing of the base; of each adapter the file and its small config, of the base likewise.
    assert kinds(hub.requests) == Counter(api=2, resolvers=21 * 3)
    assert {row["total_size"] for row in rows(tmp_path / "rows.jsonl")} == {448 + 32}


def test_a_base_that_fails_once_is_asked_for_again(hub: LoopbackHub, tmp_path: Path) -> None:
    config = b'{"peft_type": "LORA", "base_model_name_or_path": "base/model"}'
    files = {"adapter_model.safetensors": safe({"a.lora_A.weight": (2, 4)}), "adapter_config.json": config}
    hub.add_repositories([Repository(repo_id=f"org/{number}", files=files) for number in range(3)])
    hub.add_repository(Repository(repo_id="base/model", files={"model.safetensors": safe(), "config.json": CONFIG}))
    hub.add_fault(Fault(match="hub /api/models/base/model", kind="reset", times=2))
    batch(hub, tmp_path / "rows.jsonl", "--author", "org")
    assert {row["total_size"] for row in rows(tmp_path / "rows.jsonl")} == {448 + 32}


def test_everything_is_asked_over_few_connections(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add_repositories(small(100))
    batch(hub, tmp_path / "rows.csv", "--author", "many", "--concurrency", "8")
    connections = {record.connection for record in hub.requests if record.origin == "hub"}
    assert len(connections) <= 2 * 8  # each repository has at most two requests under way


def test_a_token_goes_to_the_hub_alone(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.tokens["hf_batch_secret"] = "user"
    hub.add_repository(Repository(repo_id="org/gated", files={"model.safetensors": safe(), "config.json": CONFIG}, gated="auto",
                                  readers=frozenset({"hf_batch_secret"})))  # fmt: skip
    run = batch(hub, tmp_path / "rows.jsonl", "--author", "org", "--token", "hf_batch_secret")
    asked = {record.origin: "Authorization" in record.headers for record in hub.requests}
    assert asked == {"hub": True, "cdn": False}
    assert "hf_batch_secret" not in run.stderr + (tmp_path / "rows.jsonl").read_text()
