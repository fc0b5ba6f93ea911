"""Who is given what was kept: nothing that is not public without the Hub's word, but to the token that it was read with."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from memscan import GatedError, NotFoundError, TargetError, scan
from memscan.source.cache import HeaderCache
from memscan.source.cache_entry import Entry, Key, Reader
from tests.hub import STRANGER, Fault, LoopbackHub, Repository
from tests.runner import run_memscan

from .models import NBYTES, sharded_files, single

READER = "hf_reader_token"
OTHER = "hf_other_token"
KINDS = {
    "private": {"private": True},
    "gated": {"gated": "manual"},
    "private and gated": {"private": True, "gated": "auto"},
    "of a mirror that does not say": {"private": True, "info": {"private": None, "gated": None}},
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEMSCAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MEMSCAN_CACHE_SIZE")
    return tmp_path / "cache"


@pytest.fixture(params=list(KINDS))
def repository(request: pytest.FixtureRequest, hub: LoopbackHub) -> Repository:
    """One that only READER and OTHER may read."""
    files = sharded_files(2)
    return hub.add_repository(
        Repository(repo_id="org/closed", files=files, readers=frozenset({READER, OTHER}), **KINDS[request.param])
    )


@pytest.mark.parametrize("token", [None, STRANGER], ids=["no token", "another token"])
@pytest.mark.parametrize("pinned", [False, True], ids=["branch", "commit"])
def test_who_may_not_read_it_gets_nothing(hub: LoopbackHub, repository: Repository, token: str | None, pinned: bool) -> None:
    revision = repository.commit if pinned else None
    scan("org/closed", token=READER)
    scan("org/closed", token=READER, revision=repository.commit)
    hub.forget()
    with pytest.raises(TargetError) as refused:
        scan("org/closed", token=token, revision=revision)
    assert isinstance(refused.value, NotFoundError if repository.private else GatedError)
    assert hub.requests != ()


def test_the_same_token_needs_no_request(hub: LoopbackHub, repository: Repository) -> None:
    first = scan("org/closed", token=READER)
    hub.forget()
    second = scan("org/closed", token=READER, revision=repository.commit)
    assert second.estimates == first.estimates
    assert hub.requests == ()
    assert scan("org/closed", token=READER) == first
    assert len(hub.requests) == 1


def test_another_reader_asks_the_hub(hub: LoopbackHub, repository: Repository) -> None:
    scan("org/closed", token=READER, revision=repository.commit)
    hub.forget()
    assert scan("org/closed", token=OTHER, revision=repository.commit).model.checkpoint.nbytes == 2 * NBYTES
    assert len(hub.requests) > 4
    hub.forget()
    scan("org/closed", token=OTHER, revision=repository.commit)
    assert hub.requests == ()


def gated(hub: LoopbackHub) -> Repository:
    """For tests that start a process for each run."""
    return hub.add_repository(Repository(repo_id="org/closed", files=sharded_files(2), gated="auto", readers=frozenset({READER})))


def test_the_token_of_the_environment_is_one_too(hub: LoopbackHub) -> None:
    repository = gated(hub)
    target = f"org/closed@{repository.commit}"
    assert run_memscan(hub, target, env={"HF_TOKEN": READER}).code == 0
    hub.forget()
    assert run_memscan(hub, target, env={"HF_TOKEN": READER}).code == 0
    assert run_memscan(hub, target, "--token", READER).code == 0
    assert hub.requests == ()
    assert run_memscan(hub, target, env={"HF_TOKEN": READER, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}).code == 3
    assert run_memscan(hub, target).code == 3


def test_offline_it_is_there_for_who_can_read_the_folder(hub: LoopbackHub) -> None:
    """As with huggingface_hub's own cache: nobody can be asked, and the file could be opened all the same."""
    gated(hub)
    first = run_memscan(hub, "org/closed", "--json", "--token", READER)
    hub.forget()
    run = run_memscan(hub, "org/closed", "--json", "--offline")
    assert (run.code, run.stdout, hub.requests) == (0, first.stdout, ())


def test_what_is_public_is_for_everybody(hub: LoopbackHub) -> None:
    repository = hub.add_repository(single())
    hub.tokens[READER] = "reader"
    scan("org/single", token=READER)
    hub.forget()
    scan("org/single", revision=repository.commit)
    assert hub.requests == ()


def test_a_refusal_is_not_kept(hub: LoopbackHub) -> None:
    """That the service for shards refused a stranger says nothing about its being there."""
    hub.add_repository(Repository(repo_id="org/closed", files=sharded_files(3), gated="manual", readers=frozenset({READER})))
    with pytest.raises(GatedError):
        scan("org/closed")
    hub.forget()
    scan("org/closed", token=READER)
    assert [record.status for record in hub.requests if "safetensors-metadata" in record.path] == [200]


def test_a_repository_that_becomes_private_asks_again_on_a_branch(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    scan("org/single")
    hub.reset()
    hub.add_repository(single(private=True, readers=frozenset({READER})))
    with pytest.raises(NotFoundError):
        scan("org/single")


def test_nothing_of_a_token_is_in_the_cache(hub: LoopbackHub, repository: Repository, cache: Path) -> None:
    scan("org/closed", token=READER)
    scan("org/closed", token=OTHER)
    hub.add_fault(Fault(match="safetensors-metadata", kind="status", status=404))
    scan("org/closed", token=READER, revision=repository.commit)
    kept = [path for path in cache.rglob("*") if path.is_file()]
    assert len(kept) > 4
    for path in kept:
        content = path.read_bytes() + str(path).encode()
        for token in (READER, OTHER):
            assert token.encode() not in content
            assert token.removeprefix("hf_").encode() not in content


def test_two_entries_do_not_tell_that_they_have_one_reader() -> None:
    one, other = Reader.of(READER), Reader.of(READER)
    assert one.fingerprint != other.fingerprint
    assert one.holds(READER)
    assert other.holds(READER)
    assert not one.holds(OTHER)
    assert not one.holds(None)
    assert not Reader(salt="no hexadecimal digits", fingerprint=one.fingerprint).holds(READER)
    assert not Reader(salt="00" * 17, fingerprint=one.fingerprint).holds(READER)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps rights elsewhere")
def test_files_and_folders_are_for_their_owner_alone(hub: LoopbackHub, cache: Path) -> None:
    hub.add_repository(single())
    umask = os.umask(0)
    try:
        scan("org/single")
    finally:
        os.umask(umask)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (cache, *cache.rglob("*")) if path.name != "CACHEDIR.TAG"}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be another user")
def test_a_folder_of_another_user_is_not_used() -> None:
    """Whoever owns it could have written any header into it."""
    key = Key(endpoint="https://hub", repo_id="org/name", kind="file", commit="c" * 40, name="config.json")
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom memscan.source.cache import HeaderCache\n"
        f"from memscan.source.cache_entry import Entry, Key\n"
        "user = int(sys.argv[2]); os.setgroups([]); os.setgid(user); os.setuid(user)\n"
        f"cache = HeaderCache(Path(sys.argv[1]), 10**6)\nkey = {key!r}\n"
        "print(cache.read(key) is not None)\n"
        "cache.write(Key(endpoint='', repo_id='org/mine', kind='file', commit='c' * 40), Entry(body=b''))"
    )
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        HeaderCache(root, 10**6).write(key, Entry(body=b"{}"))
        for path in (root, *root.rglob("*")):
            os.chown(path, 12_345, 12_345)
            path.chmod(0o777)
        before = sorted(root.rglob("*"))

        def read_by(user: int) -> str:
            done = subprocess.run(
                [sys.executable, "-c", program, name, str(user)], capture_output=True, text=True, check=True, cwd="/"
            )
            return done.stdout.strip()

        assert read_by(54_321) == "False"
        assert sorted(root.rglob("*")) == before
        assert read_by(12_345) == "True"
        assert len(sorted(root.rglob("*"))) > len(before)
