"""The server: what it says, where it listens, what it lets in, and how it ends."""

import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from tests.hub import LoopbackHub, Repository
from tests.runner import run_memscan
from tests.source.models import weights
from tests.web.load import load
from tests.web.served import serving

from .conftest import Site


def status(url: str, data: bytes | None = None) -> tuple[int, dict[str, str]]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=20) as reply:
            reply.read()
            return reply.status, dict(reply.headers)
    except urllib.error.HTTPError as refused:
        return refused.code, dict(refused.headers)


def test_it_says_its_address_and_ends_when_it_is_interrupted() -> None:
    with LoopbackHub() as hub:
        with serving(hub) as served:
            assert served.address.startswith("http://127.0.0.1:")
            assert status(served.address)[0] == 200
        assert (served.code, served.said) == (0, "memscan: stopped\n")
        assert hub.requests == ()  # a page that nobody asks asks nobody


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = run_memscan(None, "serve", "--port", str(taken.getsockname()[1]))
    assert (run.code, run.stdout) == (2, "")
    assert "cannot listen at 127.0.0.1" in run.stderr
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd", "/gradio_api/file/etc/passwd", "/file=/etc/passwd", "/gradio_api/info", "/openapi.json",
        "/gradio_api/proxy=http://127.0.0.1:1/", "/proxy=http://127.0.0.1:1/", "/gradio_api/openapi.json", "/gradio_api/call/ask",
        "/docs", "/monitoring", "/monitoring/summary", "/gradio_api/mcp/", "/gradio_api/runs",
        "/gradio_api//file=/etc/passwd", "//gradio_api/file=/etc/passwd", "/gradio_api/%66ile=/etc/passwd",
        "/gradio_api/upload_progress?upload_id=x",
    ],
)  # fmt: skip
def test_doors_that_the_page_does_not_use_are_closed(site: Site, path: str) -> None:
    assert status(site.address + path)[0] == 404


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/gradio_api/run/ask", "/gradio_api/api/ask", "/gradio_api/call/ask"])
def test_nothing_is_sent_to_them(site: Site, path: str) -> None:
    assert status(site.address + path, b"{}")[0] == 404


def test_a_request_has_a_largest_size(site: Site) -> None:
    assert status(f"{site.address}/gradio_api/queue/join", b"x" * 300_000)[0] == 413


def test_a_head_has_a_largest_size(site: Site) -> None:
    parts = urlsplit(site.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000)
        try:
            reply = client.recv(100)
        except ConnectionError:
            return
    assert not reply or reply.startswith(b"HTTP/1.1 4")


def test_the_policy_lets_nothing_in_from_elsewhere(site: Site) -> None:
    _, headers = status(site.address)
    policy = {part.split()[0]: part.split()[1:] for part in headers["content-security-policy"].split(";") if part.strip()}
    assert policy["default-src"] == policy["connect-src"] == ["'self'"]
    assert policy["frame-ancestors"] == ["'self'"]
    assert all("http" not in word for name, words in policy.items() if name != "form-action" for word in words)


def test_many_at_once_are_all_answered() -> None:
    files = {"model.safetensors": weights("a", "b")}
    names = [f"org/model-{number}" for number in range(20)]
    repositories = [Repository(repo_id=name, files=files) for name in names]
    with LoopbackHub(repositories, latency=0.02) as hub, serving(hub, "--rate", "100000") as served:
        outcome = load(served.address, names, users=20, seconds=3)
    assert outcome.errors == ()
    assert outcome.answers >= 20


def test_one_client_gets_so_many() -> None:
    files = {"model.safetensors": weights("a", "b")}
    with LoopbackHub([Repository(repo_id="org/model", files=files)]) as hub, serving(hub, "--rate", "3") as served:
        outcome = load(served.address, ["org/model"], users=5, seconds=1)
    assert outcome.answers == 3
    assert outcome.errors
    assert all(error.startswith("more than 3 queries a minute came from your address; try again in") for error in outcome.errors)
