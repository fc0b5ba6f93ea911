"""A hub with a repository of each kind, and huggingface_hub's own client to read it with."""

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import HfApi, constants

from tests.hub import LoopbackHub

from . import models


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    """A running hub."""
    repositories = [models.single(), models.sharded(), models.gated(), models.private(), models.disabled()]
    with LoopbackHub(repositories) as running:
        yield running
        huggingface_hub.close_session()  # its connections would outlive the hub


@pytest.fixture
def api(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HfApi:
    """The reference client, anonymous, with a cache of its own."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return HfApi(endpoint=hub.endpoint, token=False)
