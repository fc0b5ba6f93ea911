"""What the server promises to tests: records, speed, and that it always stops at once."""

import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.hub import Fault, LoopbackHub, Repository, round_trips

from .client import ask

INFO = "/api/models/org/sharded"


def test_a_record_says_what_was_asked_and_sent(hub: LoopbackHub) -> None:
    body = ask(f"{hub.endpoint}{INFO}?blobs=true", headers={"X-Test": "1"}).body
    (record,) = hub.requests
    assert (record.index, record.origin, record.method, record.status) == (0, "hub", "GET", 200)
    assert (record.path, record.headers["x-tEST"], record.body_bytes) == (f"{INFO}?blobs=true", "1", len(body))
    assert record.start <= record.end <= time.monotonic()
    hub.forget()
    assert hub.requests == ()


def test_round_trips_count_what_waited() -> None:
    with LoopbackHub([Repository(repo_id="org/sharded", files={})], latency=0.3) as hub:
        for _ in range(2):
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda _: ask(hub.endpoint + INFO), range(8)))
        assert len(hub.requests) == 16
        assert round_trips(hub.requests) == 2


def test_connections_are_kept(hub: LoopbackHub) -> None:
    connection = http.client.HTTPConnection(hub.endpoint.removeprefix("http://"))
    begin = time.monotonic()
    for _ in range(50):
        connection.request("GET", INFO)
        connection.getresponse().read()
    assert time.monotonic() - begin < 1.0  # delayed acknowledgements would make it two seconds
    connection.close()
    assert {record.connection for record in hub.requests} == {0}


def test_many_ranges_at_once(hub: LoopbackHub, tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(10 * 1024**3)
    url = hub.add_file("sparse", path)
    begin = time.monotonic()
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: ask(url, headers={"Range": "bytes=0-99999"}), range(200)))
    assert time.monotonic() - begin < 2.0
    assert {(answer.status, len(answer.body)) for answer in answers} == {(206, 100_000)}


def test_bytes_that_nobody_reads_are_not_sent(hub: LoopbackHub, tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(10 * 1024**3)
    host = hub.add_file("sparse", path).split("/")[2]
    connection = http.client.HTTPConnection(host)
    connection.request("GET", "/files/sparse")
    with connection.getresponse() as response:
        response.read(100_000)
    connection.close()
    time.sleep(0.05)
    assert hub.requests[0].body_bytes < 16 * 1024**2


@pytest.mark.parametrize("kind", ["hang", "slow"])
def test_a_reply_under_way_does_not_hold_the_hub(kind: str) -> None:
    asked = threading.Event()
    with LoopbackHub([Repository(repo_id="org/sharded", files={})]) as hub:
        hub.add_fault(Fault(match=".", kind="hang") if kind == "hang" else Fault(match=".", kind="slow", pause=60))
        client = socket.create_connection(("127.0.0.1", int(hub.endpoint.rpartition(":")[2])))
        client.sendall(f"GET {INFO} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        while not hub.requests and not asked.wait(0.001):
            pass
        begin = time.monotonic()
    assert time.monotonic() - begin < 0.5
    client.close()
    with pytest.raises(ConnectionRefusedError):
        ask(hub.endpoint)


def test_garbage_is_no_failure(hub: LoopbackHub) -> None:
    with socket.create_connection(("127.0.0.1", int(hub.endpoint.rpartition(":")[2]))) as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        client.recv(100)
    assert ask(hub.endpoint + INFO).status == 200


def test_either_origin_serves_as_a_proxy(hub: LoopbackHub) -> None:
    connection = http.client.HTTPConnection(hub.endpoint.removeprefix("http://"))
    connection.request("GET", f"http://hub.invalid{INFO}")
    assert connection.getresponse().read().startswith(b'{"_id"')
    connection.request("GET", hub.add_file("x", b"plain"))
    assert connection.getresponse().read() == b"plain"
    connection.close()
    assert [record.origin for record in hub.requests] == ["hub", "cdn"]


def test_a_failure_of_the_hub_itself_fails_the_test(tmp_path: Path) -> None:
    repository = Repository(repo_id="org/name", files={"config.json": tmp_path / "gone"})
    with pytest.raises(RuntimeError, match="the loopback Hub itself failed"), LoopbackHub([repository]) as hub:
        assert ask(f"{hub.endpoint}/api/models/org/name").status == 500


def test_one_name_for_one_repository() -> None:
    with pytest.raises(ValueError, match="two repositories answer to"):
        LoopbackHub([Repository(repo_id="org/a", files={}), Repository(repo_id="b", files={}, aliases=("ORG/A",))])
