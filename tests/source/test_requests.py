"""How much is asked, counted where it arrives: requests, round trips, bytes, and what is under way at once."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from memscan import Report, scan
from tests.hub import Fault, LoopbackHub, Record, Repository, Revision, round_trips
from tests.runner import run_memscan

from .models import CONFIG, DEV, INDEX, NBYTES, index, sharded, sharded_files, single, sparse, weights

LATENCY = 0.2  # seconds; enough that requests which were sent together overlap at the server, on a busy machine too
CROWD_LATENCY = 0.4  # likewise where there are many of them
HEAD = 100_000  # bytes of the first read, as the README states
CONCURRENT = 100  # requests to one origin
NO_SERVICE = Fault(match="safetensors-metadata", kind="status", status=404)


def counted(hub: LoopbackHub, target: str, *, latency: float = LATENCY, **options: str) -> tuple[Report, int, int]:
    """The report, the number of requests and the number of round trips."""
    hub.latency = latency
    hub.forget()
    report = scan(target, **options)
    records = hub.requests
    repeated = [key for key, count in Counter((r.path, r.headers.get("range")) for r in records).items() if count > 1]
    assert repeated == [], "asked twice"
    return report, len(records), round_trips(records)


def most_at_once(records: Iterable[Record]) -> int:
    """The largest number of requests under way at one moment."""
    records = list(records)
    events = sorted([(r.start, 1) for r in records] + [(r.end, -1) for r in records])
    now, most = 0, 0
    for _, change in events:
        now += change
        most = max(most, now)
    return most


def cdn(hub: LoopbackHub) -> list[tuple[int, int]]:
    """The byte ranges that the CDN was asked for, first and last."""
    ranges = [record.headers["range"].removeprefix("bytes=").split("-") for record in hub.requests if record.origin == "cdn"]
    return [(int(first), int(last)) for first, last in ranges]


def test_a_single_file(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    report, requests, trips = counted(hub, "org/single")
    assert report.model.checkpoint.nbytes == 2 * NBYTES
    # At once the listing, the config and the header; then where the Hub redirects the two.
    assert (requests, trips) == (5, 2)


def test_a_single_file_without_a_config(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="org/bare", files={"model.safetensors": weights("a")}))
    _, requests, trips = counted(hub, "org/bare")
    assert (requests, trips) == (4, 2)


def test_a_legacy_id_costs_one_more(hub: LoopbackHub) -> None:
    hub.add_repository(single("google-bert/bert-base-cased", aliases=("bert-base-cased",)))
    report, requests, trips = counted(hub, "bert-base-cased")
    assert report.model.origin.repo_id == "google-bert/bert-base-cased"
    assert (requests, trips) == (8, 3)


def test_the_first_scan_on_a_machine_asks_nothing_else(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add_repository(single())
    run = run_memscan(hub, "org/single", env={"HF_HOME": str(tmp_path / "empty")})
    assert run.code == 0
    assert [record.path for record in hub.requests if "org/single" not in record.path] == []
    assert len(hub.requests) == 5


@pytest.mark.parametrize("count", [2, 19, 72])
def test_sharded_through_the_endpoint(hub: LoopbackHub, count: int) -> None:
    hub.add_repository(sharded(count=count))
    report, requests, trips = counted(hub, "org/sharded")
    assert report.model.checkpoint.nbytes == count * NBYTES
    # At once the listing, the config and a file that is not there; then the redirected config beside the endpoint.
    assert (requests, trips) == (5, 2)
    assert [record for record in hub.requests if record.origin == "cdn"] == []


def test_shards_with_any_name_through_the_endpoint(hub: LoopbackHub) -> None:
    hub.add_repository(sharded(count=4, pattern="shard_{:02}.safetensors"))
    report, _, trips = counted(hub, "org/sharded")
    assert report.model.checkpoint.nbytes == 4 * NBYTES
    assert trips <= 3


@pytest.mark.parametrize("count", [4, 19, 72])
def test_the_fallback_where_the_endpoint_is_missing(hub: LoopbackHub, count: int) -> None:
    hub.add_repository(sharded(count=count))
    hub.add_fault(NO_SERVICE)
    report, requests, trips = counted(hub, "org/sharded", latency=CROWD_LATENCY)
    assert report.model.checkpoint.nbytes == count * NBYTES
    assert len(cdn(hub)) == count
    # The listing, a guess, and the endpoint; config, index and shards with a redirect each.
    assert requests == 3 + 2 * (2 + count)
    assert trips <= 5


@pytest.mark.parametrize("count", [4, 19, 72])
def test_the_fallback_on_another_revision(hub: LoopbackHub, count: int) -> None:
    hub.add_repository(sharded(count=count))
    report, requests, trips = counted(hub, "org/sharded", revision="dev", latency=CROWD_LATENCY)
    assert (report.model.origin.commit, report.model.checkpoint.nbytes) == (DEV, count * NBYTES)
    assert len(cdn(hub)) == count
    assert requests == 2 + 2 * (2 + count)
    assert trips <= 5


def test_no_more_is_under_way_than_a_server_can_bear(hub: LoopbackHub) -> None:
    hub.add_repository(sharded(count=250))
    report, _, _ = counted(hub, "org/sharded", revision="dev", latency=CROWD_LATENCY)
    assert report.model.checkpoint.nbytes == 250 * NBYTES
    for origin in ("hub", "cdn"):
        assert 32 <= most_at_once(record for record in hub.requests if record.origin == origin) <= CONCURRENT


@pytest.mark.parametrize("revision", ["main", "dev"])
def test_shards_that_only_the_index_knows(hub: LoopbackHub, revision: str) -> None:
    hub.add_repository(sharded(count=7, pattern="shard_{:02}.safetensors"))
    hub.add_fault(NO_SERVICE)
    report, _, trips = counted(hub, "org/sharded", revision=revision, latency=CROWD_LATENCY)
    assert report.model.checkpoint.nbytes == 7 * NBYTES
    assert len(cdn(hub)) == 7
    assert trips <= 5


def test_a_large_header_in_a_shard_of_the_fallback(hub: LoopbackHub) -> None:
    files = {**sharded_files(4), "model-00003-of-00004.safetensors": weights("layer.2.weight", header=150_000)}
    hub.add_repository(Repository(repo_id="org/large", files=files))
    hub.add_fault(NO_SERVICE)
    report, requests, trips = counted(hub, "org/large", latency=CROWD_LATENCY)
    assert report.model.checkpoint.nbytes == 4 * NBYTES
    assert (requests, len(cdn(hub))) == (3 + 2 * 6 + 1, 5)
    assert trips <= 5


def test_shards_of_both_kinds_of_name_are_read_once(hub: LoopbackHub) -> None:
    files = sharded_files(3)
    files["extra.safetensors"] = weights("head")
    places = {f"layer.{n}.weight": f"model-0000{n + 1}-of-00003.safetensors" for n in range(3)}
    files[INDEX] = index({**places, "head": "extra.safetensors"})
    hub.add_repository(Repository(repo_id="org/mixed", files=files))
    hub.add_fault(NO_SERVICE)
    report, _, _ = counted(hub, "org/mixed")
    assert report.model.checkpoint.nbytes == 4 * NBYTES
    assert len(cdn(hub)) == 4


@pytest.mark.parametrize("header", [*range(99_991, 100_002), 150_000, 3_000_000])
def test_a_header_at_and_beyond_the_first_read(hub: LoopbackHub, header: int, tmp_path: Path) -> None:
    path = sparse(tmp_path / "x", "a", elements=10_000_000, header=header)
    hub.add_repository(single(file=path))
    report, requests, _ = counted(hub, "org/single", latency=0)
    assert report.model.checkpoint.nbytes == 40_000_000
    end = 8 + header
    if end <= HEAD:
        assert cdn(hub) == [(0, HEAD - 1)]
        assert requests == 5
    else:
        assert cdn(hub) == [(0, HEAD - 1), (HEAD, end - 1)]
        assert requests == 6
    assert sum(record.body_bytes for record in hub.requests if record.origin == "cdn") == max(HEAD, end)


def test_a_large_header_costs_one_more_round_trip(hub: LoopbackHub) -> None:
    hub.add_repository(single(file=weights("a", header=150_000)))
    _, requests, trips = counted(hub, "org/single", latency=CROWD_LATENCY)
    assert (requests, trips) == (6, 3)


def test_a_file_shorter_than_the_first_read_is_asked_for_no_more_than_it_has(hub: LoopbackHub) -> None:
    file = weights("a", "b")
    hub.add_repository(single(file=file))
    scan("org/single", file="model.safetensors")
    assert cdn(hub) == [(0, len(file) - 1)]
    hub.forget()
    scan("org/single", cache=False)  # asked for before its size is known
    assert [record.body_bytes for record in hub.requests if record.origin == "cdn"] == [len(file)]


def test_a_large_header_behind_a_plain_url(hub: LoopbackHub, tmp_path: Path) -> None:
    url = hub.add_file("x.safetensors", sparse(tmp_path / "x", "a", elements=10_000_000, header=150_000))
    report, requests, trips = counted(hub, url)
    assert report.model.checkpoint.nbytes == 40_000_000
    assert (requests, trips) == (2, 2)
    assert cdn(hub) == [(0, HEAD - 1), (HEAD, 150_007)]


def test_no_more_is_transferred_than_headers(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add_repository(single(file=sparse(tmp_path / "x", "a", "b", elements=1_000_000_000)))
    report = scan("org/single")
    assert report.model.checkpoint.nbytes == 8_000_000_000
    assert sum(record.body_bytes for record in hub.requests) < HEAD + 10_000


@pytest.mark.parametrize("header", [None, 3_000_000])
def test_a_server_that_ignores_ranges_is_cut_off(hub: LoopbackHub, header: int | None, tmp_path: Path) -> None:
    path = sparse(tmp_path / "x", "a", elements=1_000_000_000, header=header)
    hub.add_repository(single(file=path))
    hub.add_fault(Fault(match="cdn", kind="ignore_range"))
    assert scan("org/single").model.checkpoint.nbytes == 4_000_000_000
    assert scan(hub.add_file("x.safetensors", path)).model.checkpoint.nbytes == 4_000_000_000
    most = max(record.body_bytes for record in hub.requests)
    assert most < 32_000_000  # what the kernel's buffers swallow, of 4 GB


def resolved(hub: LoopbackHub) -> list[str]:
    """What was asked of the Hub's resolver, without the repository."""
    return sorted(record.path.partition("/resolve/")[2] for record in hub.requests if "/resolve/" in record.path)


def test_everything_is_read_at_the_commit_of_the_listing(hub: LoopbackHub) -> None:
    repository = hub.add_repository(sharded(count=3))
    hub.add_fault(NO_SERVICE)
    scan("org/sharded")
    shards = [f"{repository.commit}/model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]
    assert resolved(hub) == sorted([*shards, f"{repository.commit}/{INDEX}", "main/config.json", "main/model.safetensors"])


def test_a_guess_of_another_commit_is_not_believed(hub: LoopbackHub) -> None:
    repository = hub.add_repository(single())
    hub.add_fault(Fault(match="/resolve/main/", kind="wrong_commit"))
    scan("org/single")
    # The config came by way of a redirect to the right commit after all.
    assert resolved(hub) == sorted([f"{repository.commit}/model.safetensors", "main/config.json", "main/model.safetensors"])


@pytest.mark.parametrize("options", [{"file": "model.safetensors"}, {"subfolder": "sub"}, {"variant": "fp16"}])
def test_nothing_is_guessed_where_something_else_is_asked_for(hub: LoopbackHub, options: dict[str, str]) -> None:
    files = {
        f"{folder}{name}": weights("a") for folder in ("", "sub/") for name in ("model.safetensors", "model.fp16.safetensors")
    }
    hub.add_repository(Repository(repo_id="org/several", files=files))
    scan("org/several", **options)
    assert [path for path in resolved(hub) if path.startswith("main/")] == []


def test_a_head_is_never_asked(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    hub.add_repository(sharded())
    scan("org/single")
    scan("org/sharded")
    assert {record.method for record in hub.requests} == {"GET"}


def test_a_redirect_keeps_its_connection(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="org/bare", files={"model.safetensors": weights("a")}, aliases=("bare",)))
    scan("bare", file="model.safetensors")
    assert [record.status for record in hub.requests] == [307, 200, 302, 206]
    assert len({record.connection for record in hub.requests}) == 2  # one to each origin


def test_many_files_in_the_listing(hub: LoopbackHub) -> None:
    files = {f"data/{number:05}.txt": b"x" for number in range(2500)}
    hub.add_repository(Repository(repo_id="org/many", files={"zz.safetensors": weights("a"), "config.json": CONFIG, **files}))
    report, requests, trips = counted(hub, "org/many")
    assert report.model.checkpoint.nbytes == NBYTES
    assert (requests, trips) == (6, 3)


def test_a_subfolder_of_a_repository(hub: LoopbackHub) -> None:
    inner = {f"sub/{path}": content for path, content in sharded_files(2).items()}
    files = {**inner, "model.safetensors": weights("other"), "config.json": json.dumps({"model_type": "outer"}).encode()}
    hub.add_repository(Repository(repo_id="org/nested", files=files, tags={"v1": Revision(commit=DEV, files=files)}))
    for revision in ("main", "v1"):
        report, _, _ = counted(hub, f"hf://org/nested@{revision}/sub")
        assert report.model.checkpoint.nbytes == 2 * NBYTES
        assert report.model.config is not None
        assert report.model.config.model_type == "bert"
