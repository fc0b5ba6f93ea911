"""One loopback Hub for the whole session, in the environment before anything reads it.

huggingface_hub reads HF_ENDPOINT, HF_HOME and the like once, when it is imported. So the Hub of the session starts when
this file is imported, before any test and any other conftest, and its endpoint is what every test that runs memscan in
this process talks to. A test that needs another environment runs memscan in a process of its own: see `tests.runner`.
"""

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

import pytest

from tests.hub import LoopbackHub

# What a developer has set for real work: a token must not get into a test, nor a test out of this machine.
FOREIGN_PREFIXES = ("HF_", "HUGGING_FACE_", "HUGGINGFACE_")
FOREIGN = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_CACHE_HOME")

if "huggingface_hub" in sys.modules:
    raise pytest.UsageError("huggingface_hub is imported already, so it has read another environment than that of the tests")
for variable in list(os.environ):
    if variable.upper().startswith(FOREIGN_PREFIXES) or variable.upper() in FOREIGN:
        del os.environ[variable]
HOME = tempfile.mkdtemp(prefix="memscan-tests-")
HUB = LoopbackHub().__enter__()
os.environ.update(
    HF_ENDPOINT=HUB.endpoint,
    HF_HOME=HOME,
    MEMSCAN_CACHE_SIZE="0",  # what one test reads must not be there for the next; tests of the cache turn it on
    HF_HUB_DISABLE_TELEMETRY="1",  # else huggingface_hub's first request of a process is one of its own
    NO_PROXY="127.0.0.1,localhost",
)


# Which tests need which packages. They are left out where a package is missing, and never where a suite was asked for that
# holds them: there the import fails, loudly.
NEEDS = {
    "torch": (
        "cache/test_against_transformers.py",
        "parallel/test_against_transformers.py",
        "oracle/test_architectures.py",
        "oracle/test_torch_oracle.py",
        "oracle/test_meta_transformers.py",
        "oracle/test_meta_diffusers.py",
        "meta",
    ),
    "timm": ("oracle/test_meta_timm.py",),
    "gradio": ("web/browser",),
}
SUITE = os.environ.get("MEMSCAN_SUITE", "")  # set by the Makefile: light, torch, timm, gradio
collect_ignore = [
    path
    for package, paths in NEEDS.items()
    for path in paths
    if package != SUITE and (SUITE or importlib.util.find_spec(package) is None)
]


def pytest_unconfigure() -> None:
    """Stop the Hub and leave nothing behind."""
    HUB.__exit__(None, None, None)
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    """The Hub of the session, empty; what a test adds to it is gone after the test."""
    HUB.reset()
    yield HUB
    HUB.reset()
