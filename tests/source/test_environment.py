"""Proxies and certificates: the environment that huggingface_hub's users know."""

import os
import shutil
import ssl
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.hub import LoopbackHub, Repository
from tests.runner import NOWHERE, run_memscan

from .models import single, weights


def test_a_proxy_is_used(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    run = run_memscan(hub, "org/single", env={"HF_ENDPOINT": NOWHERE, "HTTP_PROXY": hub.endpoint, "NO_PROXY": None})
    assert (run.code, run.stderr) == (0, "")
    asked = [record for record in hub.requests if "org/single" in record.path]
    assert len(asked) == 5
    assert {record.headers["host"] for record in asked if record.origin == "hub"} == {"hub.invalid"}


def test_a_host_that_needs_no_proxy(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    run = run_memscan(hub, "org/single", env={"HTTP_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1"})
    assert run.code == 0


def test_a_proxy_that_is_not_there(hub: LoopbackHub) -> None:
    secret = NOWHERE.replace("://", "://user:s3cret@")
    run = run_memscan(hub, "org/single", env={"HTTP_PROXY": secret, "NO_PROXY": None})
    assert (run.code, run.stdout, run.stderr.count("\n")) == (4, "", 1)
    assert "s3cret" not in run.stderr


@pytest.mark.parametrize("proxy", ["nonsense://x", "http://[bad", "http://127.0.0.1:abc"])
def test_a_proxy_that_makes_no_sense(hub: LoopbackHub, proxy: str) -> None:
    run = run_memscan(hub, "org/single", env={"HTTP_PROXY": proxy, "NO_PROXY": None})
    assert run.code in (2, 4)
    assert run.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, which nobody has signed."""
    openssl = shutil.which("openssl")
    if openssl is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem",
        ],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return both


def test_certificates(certificate: Path) -> None:
    repository = Repository(repo_id="org/secure", files={"model.safetensors": weights("a")})
    with LoopbackHub([repository], certificate=certificate) as secure:
        known = run_memscan(secure, "org/secure", env={"SSL_CERT_FILE": str(certificate.with_name("cert.pem"))})
        assert (known.code, known.stderr) == (0, "")
        unknown = run_memscan(secure, "org/secure")
        assert (unknown.code, unknown.stdout, unknown.stderr.count("\n")) == (4, "", 1)
        assert "certificate" in unknown.stderr
        absent = run_memscan(secure, "org/secure", env={"SSL_CERT_FILE": str(certificate.with_name("absent.pem"))})
        assert absent.code in (2, 4)
        assert absent.stderr.count("\n") == 1


def test_the_hub_sends_large_replies_over_tls(certificate: Path) -> None:
    """More than one piece, and more than the kernel takes at once."""
    context = ssl.create_default_context(cafile=certificate.with_name("cert.pem"))
    with LoopbackHub(certificate=certificate) as secure:
        url = secure.add_file("large", bytes(3_000_000))
        for _ in range(3):
            with urllib.request.urlopen(url, timeout=10, context=context) as reply:
                assert len(reply.read()) == 3_000_000
