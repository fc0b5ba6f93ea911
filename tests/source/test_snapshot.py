"""The cache that huggingface_hub keeps, read where nothing may be asked: HF_HUB_OFFLINE=1."""

import json
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest

from tests.hub import LoopbackHub, Repository, Revision
from tests.runner import Run, run_memscan

from .models import CONFIG, NBYTES, sharded_files, weights

BRANCH = "b" * 40
FILES = {"model.safetensors": weights("a"), "config.json": CONFIG}


@pytest.fixture
def cache(hub: LoopbackHub, tmp_path: Path) -> Iterator[Path]:
    """A cache as huggingface_hub's own client fills it."""
    branch = Revision(commit=BRANCH, files={"model.safetensors": weights("a", "b")})
    branches = {"feature/x#1": branch, "refs/pr/4": Revision(commit="c" * 40, files={"x.safetensors": weights(*"abc")})}
    hub.add_repository(Repository(repo_id="org/name", files=FILES, branches=branches))
    hub.add_repository(Repository(repo_id="google-bert/bert", files=sharded_files(3), aliases=("bert",)))
    hub.add_repository(Repository(repo_id="org/partial", files=FILES))
    folder = tmp_path / "cache"
    about = {"cache_dir": folder, "endpoint": hub.endpoint, "token": False}
    huggingface_hub.snapshot_download("org/name", **about)
    huggingface_hub.hf_hub_download("org/name", "model.safetensors", revision="feature/x#1", **about)
    huggingface_hub.hf_hub_download("org/name", "x.safetensors", revision="refs/pr/4", **about)
    huggingface_hub.snapshot_download("bert", **about)
    huggingface_hub.hf_hub_download("org/partial", "config.json", **about)
    hub.forget()
    yield folder
    huggingface_hub.close_session()


def offline(hub: LoopbackHub, cache: Path, *args: str) -> Run:
    """Run memscan offline; it must ask nothing."""
    run = run_memscan(hub, *args, env={"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(cache)}, cwd=cache.parent)
    assert hub.requests == ()
    return run


def test_what_is_in_the_cache(hub: LoopbackHub, cache: Path) -> None:
    main = Repository(repo_id="org/name", files={}).commit
    expected = {
        ("org/name",): (main, 1), ("org/name@main",): (main, 1), (f"org/name@{main}",): (main, 1),
        (f"org/name@{main[:7]}",): (main, 1), ("org/name", "--revision", "feature/x#1"): (BRANCH, 2),
        (f"org/name@{BRANCH}",): (BRANCH, 2), ("org/name@refs/pr/4",): ("c" * 40, 3),
        ("bert",): (Repository(repo_id="google-bert/bert", files={}).commit, 3),
        ("https://huggingface.co/org/name/blob/main/model.safetensors",): (main, 1),
    }  # fmt: skip
    for words, (commit, tensors) in expected.items():
        run = offline(hub, cache, *words, "--json")
        assert (run.code, run.stderr) == (0, ""), words
        document = json.loads(run.stdout)
        assert (document["target"]["commit"], document["checkpoint"]["bytes"]) == (commit, tensors * NBYTES), words


@pytest.mark.parametrize("target", ["org/nowhere", "org/name@nope", "org/name@" + "0" * 40, "org/name@../../x"])
def test_what_is_not_in_the_cache(hub: LoopbackHub, cache: Path, target: str) -> None:
    run = offline(hub, cache, target)
    assert (run.code, run.stdout, run.stderr.count("\n")) == (3, "", 1)
    assert "HF_HUB_OFFLINE" in run.stderr
    assert "not in the local cache" in run.stderr


def test_a_snapshot_without_weights(hub: LoopbackHub, cache: Path) -> None:
    run = offline(hub, cache, "org/partial", "--backend", "header")
    assert (run.code, run.stdout) == (3, "")


def test_a_url_offline(hub: LoopbackHub, cache: Path) -> None:
    run = offline(hub, cache, f"{hub.cdn}/files/x.safetensors?Signature=s3cret")
    assert (run.code, run.stdout) == (3, "")
    assert "HF_HUB_OFFLINE is set" in run.stderr
    assert "s3cret" not in run.stderr


def test_a_folder_offline(hub: LoopbackHub, cache: Path) -> None:
    (snapshot,) = (
        (cache / "models--google-bert--bert" / "snapshots").glob("*")
        if (cache / "models--google-bert--bert").is_dir()
        else (cache / "models--bert" / "snapshots").glob("*")
    )
    assert offline(hub, cache, str(snapshot)).code == 0
