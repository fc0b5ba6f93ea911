"""One file behind a plain URL."""

from pathlib import Path

import pytest

from memscan import scan
from memscan.errors import FormatError, MemscanError, NotFoundError, TargetError
from tests.hub import Fault, LoopbackHub
from tests.runner import run_memscan

from .models import NBYTES, sparse, weights


def test_the_size_comes_with_the_first_range(hub: LoopbackHub, tmp_path: Path) -> None:
    url = hub.add_file("big model.safetensors", sparse(tmp_path / "x", "a", elements=1_000_000_000))
    model = scan(url).model
    (shard,) = model.checkpoint.shards
    assert (shard.path, model.checkpoint.nbytes) == ("big model.safetensors", 4_000_000_000)
    assert shard.size == (tmp_path / "x").stat().st_size
    assert [record.headers["range"] for record in hub.requests] == ["bytes=0-99999"]


def test_a_signed_query_is_sent_and_never_shown(hub: LoopbackHub) -> None:
    url = hub.add_file("x.safetensors", weights("a")) + "?Signature=s3cret"
    for arguments in ([url], [url, "--json"], [url, "--format", "markdown"], ["layers", url]):
        run = run_memscan(hub, *arguments)
        assert run.code == 0
        assert "s3cret" not in run.stdout + run.stderr
    assert all(record.path.endswith("?Signature=s3cret") for record in hub.requests if record.origin == "cdn")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 416, 500])
def test_no_error_shows_the_query(hub: LoopbackHub, status: int) -> None:
    url = hub.add_file("x.safetensors", weights("a")) + "?Signature=s3cret"
    hub.add_fault(Fault(match="cdn", kind="status", status=status))
    with pytest.raises(MemscanError) as refused:
        scan(url)
    assert "s3cret" not in str(refused.value)
    assert "''" not in str(refused.value)


def test_not_found(hub: LoopbackHub) -> None:
    with pytest.raises(NotFoundError, match=r"/files/no\.safetensors was not found \(HTTP 404\)"):
        scan(f"{hub.cdn}/files/no.safetensors?Signature=s3cret")


def test_forbidden(hub: LoopbackHub) -> None:
    hub.add_fault(Fault(match="cdn", kind="status", status=403))
    with pytest.raises(TargetError, match=r"may not be read \(HTTP 403"):
        scan(hub.add_file("x.safetensors", weights("a")))


def test_an_empty_file(hub: LoopbackHub) -> None:
    with pytest.raises(FormatError, match="is an empty file"):
        scan(hub.add_file("x.safetensors", b""))


@pytest.mark.parametrize("size", [1, 7, 8, 9])
def test_a_tiny_file(hub: LoopbackHub, size: int) -> None:
    with pytest.raises(FormatError):
        scan(hub.add_file("x.safetensors", bytes(size)))


def test_a_file_that_is_cut_off(hub: LoopbackHub) -> None:
    with pytest.raises(FormatError, match="the file is cut off"):
        scan(hub.add_file("x.safetensors", weights("a")[:-1]))


@pytest.mark.parametrize("header", [None, 99_992, 99_993, 150_000])
def test_a_server_without_ranges(hub: LoopbackHub, header: int | None) -> None:
    hub.add_fault(Fault(match="cdn", kind="ignore_range"))
    assert scan(hub.add_file("x.safetensors", weights("a", header=header))).model.checkpoint.nbytes == NBYTES


def test_an_empty_file_of_a_server_without_ranges(hub: LoopbackHub) -> None:
    hub.add_fault(Fault(match="cdn", kind="ignore_range"))
    with pytest.raises(FormatError):
        scan(hub.add_file("x.safetensors", b""))


def test_a_size_that_the_server_does_not_say(hub: LoopbackHub) -> None:
    data = weights("a")
    hub.add_fault(Fault(match="cdn", kind="wrong_range", content_range=f"bytes 0-{len(data) - 1}/*"))
    with pytest.raises(MemscanError) as refused:
        scan(hub.add_file("x.safetensors", data))
    assert "\n" not in str(refused.value)


def test_a_redirect_is_followed_once(hub: LoopbackHub) -> None:
    url = hub.add_file("x.safetensors", weights("a", header=150_000))
    hub.add_fault(Fault(match="cdn /files/y", kind="redirect", location=url))
    assert scan(f"{hub.cdn}/files/y.safetensors").model.checkpoint.nbytes == NBYTES
    assert [record.status for record in hub.requests] == [302, 206, 206]
