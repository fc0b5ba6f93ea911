"""Servers that misbehave: what is put up with, for how long, and what is said in the end."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from email.utils import formatdate

import httpx2
import pytest
from huggingface_hub import set_async_client_factory
from huggingface_hub.utils._http import default_async_client_factory

from memscan import scan
from memscan.cli.exit import Exit, code_of
from memscan.errors import MemscanError, NetworkError, RateLimitError, ServerError, UnreachableError
from tests.hub import Fault, LoopbackHub
from tests.runner import run_memscan

from .models import NBYTES, sharded, single, sparse, weights
from .together import scan_together

WHERE = {
    "listing": "hub /api/models/org/{name}\\?",
    "resolve": "hub /org/{name}/resolve/.*safetensors",
    "cdn": "cdn /lfs/org/{name}/",
    "config": "hub /api/resolve-cache/models/org/{name}/.*config.json",
}


def spoiled(hub: LoopbackHub, fault: Fault, where: str = "listing", name: str = "single") -> str:
    """Add a repository of which one kind of request goes wrong; return its name."""
    hub.add_repository(single(f"org/{name}"))
    return spoil(hub, fault, WHERE[where].format(name=name), f"org/{name}")


def spoil(hub: LoopbackHub, fault: Fault, match: str, target: str) -> str:
    """Add the fault for requests that match."""
    about = {field: getattr(fault, field) for field in fault.__dataclass_fields__}
    hub.add_fault(Fault(**{**about, "match": match}))
    return target


def refusal(target: str, kind: type[MemscanError]) -> str:
    """The message of the error that a scan ends with."""
    with pytest.raises(MemscanError) as refused:
        scan(target)
    assert refused.type is kind, str(refused.value)
    message = str(refused.value)
    assert "\n" not in message
    return message


def fault(kind: str, **about: object) -> Fault:
    """A fault that matches nothing yet."""
    return Fault(match="", kind=kind, **about)  # type: ignore[arg-type]


@pytest.fixture(params=["pool", "session"], autouse=True)
def client(request: pytest.FixtureRequest) -> Iterator[str]:
    """The HTTP client; a factory of the user's own is served by huggingface_hub's session."""
    if request.param == "session":

        def factory() -> httpx2.AsyncClient:
            return default_async_client_factory()

        set_async_client_factory(factory)
    yield request.param
    set_async_client_factory(default_async_client_factory)


# --- waiting -----------------------------------------------------------------------------------------------------------


def test_a_server_that_fails_once_is_asked_again(hub: LoopbackHub) -> None:
    targets = [
        spoiled(hub, fault("status", status=status, times=1), where, f"{where}-{status}")
        for where in WHERE
        for status in (408, 429, 500, 502, 503, 504)
    ]
    outcomes = scan_together(*targets)
    assert {target: outcomes[target].nbytes for target in targets} == dict.fromkeys(targets, 2 * NBYTES)
    assert max(outcome.seconds for outcome in outcomes.values()) < 5


def test_a_connection_that_breaks_once_is_made_again(hub: LoopbackHub) -> None:
    faults = {"reset": fault("reset", times=1), "cut": fault("cut", after=10, times=1), "torn": fault("reset", after=10, times=1)}
    targets = [
        spoiled(hub, one, where, f"{where}-{name}") for where in WHERE for name, one in faults.items() if where != "resolve"
    ]
    targets += [spoiled(hub, fault("short_body", after=10, times=1), "cdn", "short")]
    outcomes = scan_together(*targets)
    assert {target: outcomes[target].nbytes for target in targets} == dict.fromkeys(targets, 2 * NBYTES)


def test_a_server_that_always_fails_gets_one_clear_line(hub: LoopbackHub) -> None:
    targets = {spoiled(hub, fault("status", status=status), where, f"{where}-{status}"): status
               for where in ("listing", "cdn") for status in (500, 502, 503, 504)}  # fmt: skip
    outcomes = scan_together(*targets)
    for target, status in targets.items():
        result = outcomes[target].result
        assert isinstance(result, ServerError)
        assert f"HTTP status {status}" in str(result)
        assert "try again later" in str(result)
        assert code_of(result) is Exit.NETWORK
        assert outcomes[target].seconds < 15
    asked = [record.path for record in hub.requests if record.path.startswith("/api/models/org/listing-503?")]
    assert 2 <= len(asked) <= 5


def test_a_rate_limit_is_waited_for_as_the_server_says(hub: LoopbackHub) -> None:
    said = {
        "seconds": {"Retry-After": "1"},
        "date": {"Retry-After": formatdate(time.time() + 2, usegmt=True)},  # in whole seconds: one to two from now
        "ratelimit": {"RateLimit": '"api";r=0;t=1', "RateLimit-Policy": '"api";q=500;w=300'},
        "nothing": {},
    }
    targets = [spoiled(hub, fault("status", status=429, times=1, headers=said[name]), name=name) for name in said]
    outcomes = scan_together(*targets)
    assert {target: outcomes[target].nbytes for target in targets} == dict.fromkeys(targets, 2 * NBYTES)
    for name in said:
        refused, again = [record for record in hub.requests if record.path == f"/api/models/org/{name}?blobs=true"]
        assert refused.status == 429
        least, most = (0.4, 2.0) if name == "nothing" else (0.9, 3.5)
        assert least <= again.start - refused.end < most, name


def test_what_is_left_of_a_rate_limit_is_no_refusal(hub: LoopbackHub) -> None:
    target = spoiled(hub, fault("status", status=500, times=1, headers={"RateLimit": '"api";r=10;t=300'}))
    started = time.monotonic()
    scan(target)
    assert time.monotonic() - started < 5


def test_those_who_were_refused_together_do_not_come_back_together(hub: LoopbackHub) -> None:
    hub.add_repository(sharded(count=8))
    hub.add_fault(Fault(match="cdn", kind="status", status=429, headers={"Retry-After": "1"}, times=8))
    scan("org/sharded", revision="dev")
    starts = sorted(record.start for record in hub.requests if record.origin == "cdn" and record.status == 206)
    assert len(starts) == 8
    assert starts[-1] - starts[0] > 0.05


@pytest.mark.parametrize("wait", ["3600", "999999999", "Fri, 31 Dec 2999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -2359"])
def test_a_rate_limit_that_is_too_long_fails_at_once(hub: LoopbackHub, wait: str) -> None:
    target = spoiled(hub, fault("status", status=429, headers={"Retry-After": wait}))
    started = time.monotonic()
    message = refusal(target, RateLimitError)
    assert time.monotonic() - started < 1
    assert "HTTP 429" in message
    assert "HF_TOKEN" in message


def test_a_time_that_makes_no_sense_is_no_time(hub: LoopbackHub) -> None:
    nonsense = ("", "-1", "soon", "1.5", "Mon, 01 Jan 1990 00:00:00 GMT", "Mon, 01 Jan 0101 00:00:00 -0000", "Xxx, 99 Yyy 2020")
    targets = [
        spoiled(hub, fault("status", status=429, headers={"Retry-After": wait}, times=1), name=f"wait-{number}")
        for number, wait in enumerate(nonsense)
    ]
    for target, outcome in scan_together(*targets).items():
        assert (outcome.nbytes, target) == (2 * NBYTES, target)
        assert outcome.seconds < 3


def test_the_line_says_how_long_the_server_asks_to_wait(hub: LoopbackHub) -> None:
    target = spoiled(hub, fault("status", status=429, headers={"Retry-After": "3600"}))
    run = run_memscan(hub, target)
    assert (run.code, run.stdout) == (4, "")
    assert run.stderr.startswith("memscan: ")
    assert "3600 s" in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_server_that_is_merely_slow_is_waited_for(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    hub.latency = 0.3
    assert scan("org/single").model.checkpoint.nbytes == 2 * NBYTES


# --- replies that lie -------------------------------------------------------------------------------------------------------


def test_a_connection_that_always_breaks(hub: LoopbackHub) -> None:
    faults = {"reset": fault("reset"), "cut": fault("cut", after=10), "torn": fault("reset", after=10)}
    targets = [spoiled(hub, one, where, f"{where}-{name}") for where in ("listing", "cdn") for name, one in faults.items()]
    for target, outcome in scan_together(*targets).items():
        assert isinstance(outcome.result, NetworkError), (target, outcome.result)
        assert "127.0.0.1" in str(outcome.result)


def test_a_body_that_is_always_short(hub: LoopbackHub) -> None:
    message = refusal(spoiled(hub, fault("short_body", after=10), "cdn"), ServerError)
    assert "sent 10 bytes of a range of" in message


@pytest.mark.parametrize(
    "stated", [None, "bytes 1-10/20", "bytes 0-9/10", "bytes 0-5/3", "bytes */10", "lines 0-9/10", "0-9", "bytes 0--9/10", ""]
)
def test_another_range_than_asked(hub: LoopbackHub, stated: str | None) -> None:
    refusal(spoiled(hub, fault("wrong_range", content_range=stated), "cdn"), ServerError)


def test_a_file_of_another_size_than_listed(hub: LoopbackHub) -> None:
    size = len(weights("a", "b"))
    target = spoiled(hub, fault("wrong_range", content_range=f"bytes 0-{size - 1}/{size + 1}"), "cdn")
    assert f"has {size + 1:,} bytes here and {size:,} in the repository's listing" in refusal(target, ServerError)


def test_a_range_of_unknown_size_is_believed(hub: LoopbackHub) -> None:
    size = len(weights("a", "b"))
    target = spoiled(hub, fault("wrong_range", content_range=f"bytes 0-{size - 1}/*"), "cdn")
    assert scan(target).model.checkpoint.nbytes == 2 * NBYTES


def test_a_compressed_range(hub: LoopbackHub) -> None:
    assert "Content-Encoding 'gzip'" in refusal(spoiled(hub, fault("gzip"), "cdn"), ServerError)


@pytest.mark.parametrize("where", ["listing", "config"])
def test_a_compressed_file_that_is_read_whole(hub: LoopbackHub, where: str) -> None:
    assert scan(spoiled(hub, fault("gzip"), where)).model.checkpoint.nbytes == 2 * NBYTES


@pytest.mark.parametrize("where", ["resolve", "cdn", "config"])
def test_a_reply_of_another_commit(hub: LoopbackHub, where: str) -> None:
    message = refusal(spoiled(hub, fault("wrong_commit"), where), ServerError)
    assert f"commit '{'f' * 40}'" in message
    assert "try again" in message


PORTAL = fault("status", status=200, body=b"<html>Please log in</html>", headers={"Content-Type": "text/html"})


def test_a_portal_instead_of_the_hub(hub: LoopbackHub) -> None:
    message = refusal(spoiled(hub, PORTAL), ServerError)
    assert "is not a Hugging Face Hub" in message
    assert "HF_ENDPOINT" in message


@pytest.mark.parametrize("where", ["resolve", "cdn", "config"])
def test_a_portal_that_comes_between(hub: LoopbackHub, where: str) -> None:
    refusal(spoiled(hub, PORTAL, where), ServerError)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b"\xff", b'{"id": "org/single"}', b'{"id": "../x", "sha": "%s"}', b'{"sha": "main"}',
        json.dumps({"id": "org/single", "sha": "0" * 40, "siblings": [{"rfilename": "x"}]}).encode(),
        json.dumps({"id": "org/single", "sha": "0" * 40, "siblings": [{"rfilename": "x", "size": -1}]}).encode(),
        json.dumps({"id": "org/single", "sha": "0" * 40, "siblings": [{"rfilename": 1, "size": 1}]}).encode(),
        json.dumps({"id": "org/single", "sha": "0" * 40, "siblings": "x"}).encode(),
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_listing_that_makes_no_sense(hub: LoopbackHub, body: bytes) -> None:
    refusal(spoiled(hub, fault("status", status=200, body=body)), ServerError)


def test_a_listing_without_files(hub: LoopbackHub) -> None:
    body = json.dumps({"id": "org/single", "sha": "0" * 40, "siblings": []}).encode()
    with pytest.raises(MemscanError, match="nothing that holds weights"):
        scan(spoiled(hub, fault("status", status=200, body=body)))


@pytest.mark.parametrize("where", ["resolve", "cdn", "config"])
@pytest.mark.parametrize("status", [400, 403, 404, 410, 416, 418])
def test_a_listed_file_that_cannot_be_had_is_not_a_missing_repository(hub: LoopbackHub, where: str, status: int) -> None:
    with pytest.raises(MemscanError) as refused:
        scan(spoiled(hub, fault("status", status=status), where))
    assert "org/single was not found" not in str(refused.value)
    assert "''" not in str(refused.value)


# --- redirects --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["listing", "resolve", "cdn"])
def test_a_redirect_in_a_circle(hub: LoopbackHub, where: str) -> None:
    target = spoiled(hub, fault("redirect"), where)
    assert "redirects more than" in refusal(target, ServerError)
    assert len(hub.requests) < 20


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://example.com/x", "javascript:alert(1)", "", "http://[bad",
                                      "http://host.invalid:abc/", "http://host.invalid:99999/", "data:,x"])  # fmt: skip
def test_a_redirect_to_what_is_no_web_address(hub: LoopbackHub, location: str) -> None:
    with pytest.raises(NetworkError) as refused:
        scan(spoiled(hub, fault("redirect", location=location), "resolve"))
    assert "root:" not in str(refused.value)


def test_a_redirect_does_not_show_what_it_signs(hub: LoopbackHub) -> None:
    location = "http://user:s3cret@nonexistent.invalid/x?Signature=s3cret"
    message = refusal(spoiled(hub, fault("redirect", location=location), "resolve"), UnreachableError)
    assert "nonexistent.invalid" in message
    assert "s3cret" not in message


def test_a_redirect_to_another_host_is_followed_without_the_token(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.tokens["hf_mine"] = "me"
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    with LoopbackHub([single()]) as other:
        target = spoiled(hub, fault("redirect", location=f"{other.endpoint}/api/models/org/single?blobs=true"))
        assert scan(target).model.checkpoint.nbytes == 2 * NBYTES
        assert [("authorization" in record.headers) for record in other.requests] == [False]
    assert "authorization" in hub.requests[0].headers


def test_an_error_status_below_400_is_an_error(hub: LoopbackHub) -> None:
    for status in (204, 206, 304):
        hub.clear_faults()
        hub.add_fault(Fault(match="hub /api/models", kind="status", status=status))
        if status == 204:
            hub.add_repository(single())
        assert f"HTTP status {status}" in refusal("org/single", ServerError)


# --- no connection ------------------------------------------------------------------------------------------------------------


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    message = refusal(f"{address}/x.safetensors", UnreachableError)
    assert message.startswith(f"cannot connect to {address.removeprefix('http://')}")


def test_a_name_that_does_not_exist() -> None:
    run = run_memscan(None, "org/name")
    assert (run.code, run.stdout) == (4, "")
    assert run.stderr.startswith("memscan: cannot connect to hub.invalid: ")
    assert run.stderr.count("\n") == 1


def test_something_that_does_not_speak_http() -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"220 ready\r\n")
        writer.close()

    async def main() -> str:
        server = await asyncio.start_server(garbage, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await asyncio.to_thread(refusal, f"http://127.0.0.1:{port}/x.safetensors", ServerError)

    assert "broke the protocol" in asyncio.run(main())


def test_a_listing_beyond_all_bounds_is_cut_off(hub: LoopbackHub, tmp_path_factory: pytest.TempPathFactory) -> None:
    large = sparse(tmp_path_factory.mktemp("large") / "x", "a", elements=100_000_000)
    url = hub.add_file("x", large)
    target = spoiled(hub, fault("redirect", location=url))
    assert "sends more than 200,000,000 bytes" in refusal(target, ServerError)
