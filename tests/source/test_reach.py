"""What a server may ask for strangers: public hosts, a bounded number of bytes, and no token of its own."""

import asyncio
import os

import pytest

from memscan.errors import MemscanError, TargetError
from memscan.scanning import ScanOptions, scan_all
from memscan.source import Sources
from memscan.source.allowance import Allowance
from memscan.source.connection import Connection, Origin
from memscan.source.reach import is_public, public_addresses
from tests.hub import LoopbackHub, Repository

from .models import weights

WEIGHTS = weights("a", "b")

PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1")
OTHERS = (
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.251",
    "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:db8::1",
)  # fmt: skip


def read(words: list[str], sources: Sources) -> object:
    (outcome,) = asyncio.run(scan_all(words, ScanOptions(backend="header"), sources=sources))
    return outcome


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", OTHERS)
def test_what_is_not_of_the_internet_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1"])
def test_a_name_of_this_machine_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(TargetError, match="is not a public host"):
        asyncio.run(public_addresses(host, 443))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_request_goes_to_a_host_that_is_not_public(hub: LoopbackHub, scheme: str) -> None:
    url = hub.add_file("model.safetensors", WEIGHTS).replace("http", scheme, 1)
    outcome = read([url], Sources(token=False, cache=False, public_only=True))
    assert isinstance(outcome, TargetError)
    assert "is not" in str(outcome)
    assert hub.requests == ()


def test_a_connection_goes_to_the_address_that_was_looked_at(hub: LoopbackHub) -> None:
    port = int(hub.endpoint.rpartition(":")[2])

    async def ask() -> int:
        # No resolver knows this name: only the address that is given leads anywhere.
        connection = await Connection.open(Origin(scheme="http", host="models.invalid", port=port), None, ("127.0.0.1",))
        status = (await connection.ask("/", {"host": "models.invalid"})).status
        connection.close()
        return status

    assert asyncio.run(ask()) == 404


def test_a_proxy_keeps_urls_from_being_read(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", hub.endpoint)
    outcome = read([hub.add_file("model.safetensors", WEIGHTS)], Sources(token=False, cache=False, public_only=True))
    assert isinstance(outcome, TargetError)
    assert "proxy" in str(outcome)


def test_no_token_means_none(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "HF_TOKEN", "hf_of_the_server")
    readers = frozenset({"hf_of_the_server"})
    hub.add_repository(Repository(repo_id="org/private", files={"model.safetensors": WEIGHTS}, private=True, readers=readers))
    assert not isinstance(read(["org/private"], Sources(cache=False)), MemscanError)
    hub.forget()
    assert isinstance(read(["org/private"], Sources(token=False, cache=False)), MemscanError)
    assert all("authorization" not in record.headers for record in hub.requests)


class TestAllowance:
    def test_a_model_within_it_is_read(self, hub: LoopbackHub) -> None:
        hub.add_repository(Repository(repo_id="org/model", files={"model.safetensors": WEIGHTS}))
        assert not isinstance(read(["org/model"], Sources(cache=False, most_bytes=200_000)), MemscanError)

    def test_a_model_beyond_it_is_not(self, hub: LoopbackHub) -> None:
        files = {f"model-0000{one}-of-00009.safetensors": weights(f"w{one}", header=90_000) for one in range(1, 10)}
        hub.add_repository(Repository(repo_id="org/model", files=files))
        assert not isinstance(read(["org/model"], Sources(cache=False, most_bytes=2_000_000)), MemscanError)
        outcome = read(["org/model"], Sources(cache=False, most_bytes=200_000))
        assert isinstance(outcome, TargetError)
        assert "the most that is read here" in str(outcome)

    def test_what_is_left_bounds_a_reply(self) -> None:
        allowance = Allowance(100)
        allowance.take(60)
        assert (allowance.bound(30), allowance.bound(90)) == (30, 40)
        allowance.take(40)
        with pytest.raises(TargetError, match="the most that is read here"):
            allowance.bound(1)

    def test_too_many_are_refused(self) -> None:
        with pytest.raises(TargetError):
            Allowance(100).take(101)

    def test_without_one_nothing_is_bounded(self) -> None:
        allowance = Allowance(None)
        allowance.take(10**12)
        assert allowance.bound(7) == 7
