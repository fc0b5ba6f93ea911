"""The Hub's one reply for all headers: believed where it holds, and otherwise every shard is asked."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from memscan import Report, scan
from memscan.errors import FormatError, ServerError
from tests.hub import Fault, LoopbackHub, Repository
from tests.source.models import CONFIG, INDEX, NBYTES, index, shard_names, sharded_files, weights

SHARDS = shard_names(3)
ENDPOINT = "safetensors-metadata"


def table(*names: str) -> dict[str, Any]:
    """The header of a shard, as `weights` writes it."""
    return {
        name: {"dtype": "F32", "shape": [6], "data_offsets": [NBYTES * place, NBYTES * (place + 1)]}
        for place, name in enumerate(names)
    }


WHOLE: dict[str, Any] = {
    "index": {"metadata": {"total_size": 3 * NBYTES}},
    "headers": {shard: table(f"layer.{number}.weight") for number, shard in enumerate(SHARDS)},
}


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The right reply with one change."""
    reply = copy.deepcopy(WHOLE)
    change(reply)
    return json.dumps(reply).encode()


def scan_with(hub: LoopbackHub, **fault: Any) -> Report:
    """Scan a checkpoint of three shards while the endpoint goes wrong."""
    hub.add_repository(Repository(repo_id="org/sharded", files=sharded_files(3)))
    hub.add_fault(Fault(match=ENDPOINT, **fault))
    return scan("org/sharded")


def fell_back(hub: LoopbackHub) -> bool:
    """Whether the shards themselves were asked."""
    return any(record.origin == "cdn" for record in hub.requests)


def notes(report: Report) -> list[str]:
    """The codes of everything that the checkpoint notes."""
    return [note.code for note in report.model.checkpoint.notes]


def test_a_reply_that_holds_is_enough(hub: LoopbackHub) -> None:
    report = scan_with(hub, kind="status", status=200, body=json.dumps(WHOLE).encode())
    assert (report.model.checkpoint.nbytes, notes(report), fell_back(hub)) == (3 * NBYTES, [], False)


@pytest.mark.parametrize(
    "fault",
    [
        *({"kind": "status", "status": status} for status in (400, 401, 403, 404, 405, 410, 418, 429, 500, 502, 503, 504)),
        {"kind": "status", "status": 200, "body": b"<html>Please log in</html>", "headers": {"Content-Type": "text/html"}},
        {"kind": "status", "status": 204},
        {"kind": "reset"},
        {"kind": "cut", "after": 10},
        {"kind": "redirect"},
        {"kind": "redirect", "location": "file:///etc/passwd"},
        {"kind": "redirect", "location": "http://[bad"},
        {"kind": "redirect", "location": "http://nonexistent.invalid/"},
    ],
    ids=str,
)
def test_an_endpoint_that_fails(hub: LoopbackHub, fault: dict[str, Any]) -> None:
    report = scan_with(hub, **fault)
    assert (report.model.checkpoint.nbytes, notes(report)) == (3 * NBYTES, [])
    assert len([record for record in hub.requests if ENDPOINT in record.path]) <= 6
    assert fell_back(hub)


WRONG = {
    "empty": lambda reply: reply.clear(),
    "no index": lambda reply: reply.pop("index"),
    "no headers": lambda reply: reply.pop("headers"),
    "headers of another type": lambda reply: reply.update(headers=[]),
    "no header at all": lambda reply: reply["headers"].clear(),
    "a shard is missing": lambda reply: reply["headers"].pop(SHARDS[1]),
    "a shard is null": lambda reply: reply["headers"].update({SHARDS[1]: None}),
    "a shard is empty": lambda reply: reply["headers"].update({SHARDS[1]: {}}),
    "a file that is not there": lambda reply: reply["headers"].update({"x.safetensors": table("x")}),
    "a file outside": lambda reply: reply["headers"].update({"../x.safetensors": table("x")}),
    "a shard with tensors too many": lambda reply: reply["headers"].update({SHARDS[1]: table(*map(str, range(100)))}),
    "a tensor of the wrong size": lambda reply: reply["headers"][SHARDS[1]]["layer.1.weight"].update(data_offsets=[0, 20]),
    "a smaller tensor": lambda reply: reply["headers"][SHARDS[1]]["layer.1.weight"].update(shape=[5], data_offsets=[0, 20]),
    "a hole": lambda reply: reply["headers"][SHARDS[1]]["layer.1.weight"].update(data_offsets=[4, 4 + NBYTES]),
    "a tensor without a shape": lambda reply: reply["headers"][SHARDS[1]]["layer.1.weight"].pop("shape"),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_a_reply_that_does_not_hold(hub: LoopbackHub, change: Callable[[dict[str, Any]], object]) -> None:
    report = scan_with(hub, kind="status", status=200, body=changed(change))
    assert (report.model.checkpoint.nbytes, notes(report)) == (3 * NBYTES, [])
    assert fell_back(hub)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"headers": {}, "headers": {}}'])
def test_a_reply_that_is_no_reply(hub: LoopbackHub, body: bytes) -> None:
    report = scan_with(hub, kind="status", status=200, body=body)
    assert (report.model.checkpoint.nbytes, notes(report)) == (3 * NBYTES, [])


def test_a_reply_of_another_commit_is_not_mixed_with_the_listing(hub: LoopbackHub) -> None:
    with pytest.raises(ServerError, match="a reply belongs to commit"):
        scan_with(hub, kind="wrong_commit")


def both_ways(hub: LoopbackHub, repository: Repository) -> tuple[Report, Report]:
    """The report through the endpoint, and the one without it."""
    hub.add_repository(repository)
    through = scan(repository.repo_id)
    hub.add_fault(Fault(match=ENDPOINT, kind="status", status=404))
    return through, scan(repository.repo_id)


def test_both_ways_give_the_same_numbers(hub: LoopbackHub) -> None:
    through, without = both_ways(hub, Repository(repo_id="org/sharded", files=sharded_files(19)))
    assert through == without


@pytest.mark.parametrize("total_size", [0, 1, 10**12])
def test_a_total_size_that_is_wrong_is_noted_both_ways(hub: LoopbackHub, total_size: int) -> None:
    files = sharded_files(3)
    files[INDEX] = index({f"layer.{n}.weight": shard for n, shard in enumerate(SHARDS)}, total_size=total_size)
    through, without = both_ways(hub, Repository(repo_id="org/sharded", files=files))
    assert notes(through) == notes(without) == ["index-total-size"]
    assert through.model.checkpoint.nbytes == without.model.checkpoint.nbytes == 3 * NBYTES


def test_a_shard_that_the_index_does_not_name_is_noted_both_ways(hub: LoopbackHub) -> None:
    files = sharded_files(3)
    files[INDEX] = index({f"layer.{n}.weight": shard for n, shard in enumerate(SHARDS[:2])})
    through, without = both_ways(hub, Repository(repo_id="org/sharded", files=files))
    assert notes(through) == notes(without) == ["index-unlisted-shards"]
    assert through.model.checkpoint.nbytes == without.model.checkpoint.nbytes == 2 * NBYTES


def test_a_tensor_that_is_not_in_its_shard_is_noted(hub: LoopbackHub) -> None:
    files = sharded_files(3)
    places = {f"layer.{n}.weight": shard for n, shard in enumerate(SHARDS)}
    files[INDEX] = index({**places, "mtp.fc.weight": SHARDS[2]}, total_size=3 * NBYTES)
    hub.add_repository(Repository(repo_id="org/sharded", files=files))
    hub.add_fault(Fault(match=ENDPOINT, kind="status", status=404))
    assert notes(scan("org/sharded")) == ["index-missing-tensors"]


def test_a_shard_that_is_not_there(hub: LoopbackHub) -> None:
    files = sharded_files(3)
    del files[SHARDS[1]]
    hub.add_repository(Repository(repo_id="org/sharded", files=files))
    with pytest.raises(FormatError, match=f"names the shard '{SHARDS[1]}', which is not there"):
        scan("org/sharded")


def test_a_config_that_is_no_json_is_the_fault_of_the_file(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="org/single", files={"model.safetensors": weights("a"), "config.json": CONFIG[:-1]}))
    with pytest.raises(FormatError, match=r"config\.json"):
        scan("org/single")
