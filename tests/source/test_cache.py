"""The header cache as scans use it: what is asked again, what is not, and what comes out, against the loopback Hub."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from memscan import OfflineError, Report, UsageError, scan
from memscan.source.cache import HeaderCache
from memscan.source.cache_entry import Entry, Key
from tests.hub import Discussion, Fault, LoopbackHub, Repository, Revision
from tests.runner import environment, run_memscan
from tests.writers.torch import archive, dumps, tensor

from .models import CONFIG, NBYTES, sharded, sharded_files, single, weights

TORCH = {"pytorch_model.bin": archive(dumps({"a": tensor("0", (2, 3))}), {"0": 24}), "config.json": b"{}"}
WAITING = Discussion(num=45, title="Adding `safetensors` variant of this model", author="SFconvertbot", is_pull_request=True)
NO_SERVICE = Fault(match="safetensors-metadata", kind="status", status=404)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a cache of this test's own."""
    monkeypatch.setenv("MEMSCAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MEMSCAN_CACHE_SIZE")
    return tmp_path / "cache"


def asked(hub: LoopbackHub, target: str, **options: object) -> tuple[Report, int]:
    """The report, and how many requests it took."""
    hub.forget()
    report = scan(target, **options)  # type: ignore[arg-type]
    return report, len(hub.requests)


def files(cache: Path) -> list[Path]:
    """The entries."""
    return sorted(path for path in cache.rglob("*") if path.is_file() and path.name != "CACHEDIR.TAG")


def kinds(hub: LoopbackHub) -> dict[str, Repository]:
    """A repository of each layout that is read by requests of its own kind."""
    pipeline = {
        "model_index.json": json.dumps(
            {"_class_name": "P", "unet": ["diffusers", "U"], "text_encoder": ["transformers", "T"]}
        ).encode(),
        **{f"{name}/{path}": content for name in ("unet", "text_encoder") for path, content in single().files.items()},
    }
    large = {**sharded_files(3), "model-00002-of-00003.safetensors": weights("layer.1.weight", header=150_000)}
    found = {
        "one file": single("org/one"),
        "no config": Repository(repo_id="org/bare", files={"model.safetensors": weights("a")}),
        "shards": sharded("org/shards", count=5),
        "shards that only the index knows": sharded("org/odd", count=3, pattern="shard_{:02}.safetensors"),
        "a large header": Repository(repo_id="org/large", files=large),
        "a pipeline": Repository(repo_id="org/pipeline", files=pipeline, library="diffusers"),
        "an old name": single("google-bert/bert-base-cased", aliases=("bert-base-cased",)),
        "an adapter": Repository(
            repo_id="org/adapter",
            files={
                "adapter_model.safetensors": weights("base.lora_A.weight"),
                "adapter_config.json": json.dumps({"peft_type": "LORA", "base_model_name_or_path": "org/one"}).encode(),
            },
        ),
    }
    for repository in found.values():
        hub.add_repository(repository)
    return found


KINDS = (
    "one file", "no config", "shards", "shards that only the index knows", "a large header", "a pipeline", "an old name",
    "an adapter",
)  # fmt: skip


def name_of(repository: Repository) -> str:
    return repository.aliases[0] if repository.aliases else repository.repo_id


@pytest.mark.parametrize("service", [True, False], ids=["with the service", "without"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_second_run_on_a_branch_asks_once(hub: LoopbackHub, kind: str, service: bool) -> None:
    repository = kinds(hub)[kind]
    if not service:
        hub.add_fault(NO_SERVICE)
    first, requests = asked(hub, name_of(repository))
    assert requests > 1
    second, requests = asked(hub, name_of(repository))
    assert requests == (2 if kind == "an adapter" else 1)  # the commits of the adapter and of its base
    assert second == first


@pytest.mark.parametrize("service", [True, False], ids=["with the service", "without"])
@pytest.mark.parametrize("kind", KINDS[:-1])
def test_a_second_run_at_a_commit_asks_nothing(hub: LoopbackHub, kind: str, service: bool) -> None:
    repository = kinds(hub)[kind]
    if not service:
        hub.add_fault(NO_SERVICE)
    target = f"{name_of(repository)}@{repository.commit}"
    first, requests = asked(hub, target)
    assert requests > 1
    second, requests = asked(hub, target)
    assert (requests, second) == (0, first)


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_what_was_read_on_a_branch_is_there_for_its_commit(hub: LoopbackHub, kind: str) -> None:
    repository = kinds(hub)[kind]
    on_branch, _ = asked(hub, name_of(repository))
    at_commit, requests = asked(hub, name_of(repository), revision=repository.commit)
    assert requests == 0
    assert at_commit.estimates == on_branch.estimates
    assert at_commit.model.checkpoint == on_branch.model.checkpoint
    assert at_commit.model.origin.revision == repository.commit


@pytest.mark.parametrize("kind", KINDS)
def test_offline_gives_what_was_seen_last(hub: LoopbackHub, kind: str) -> None:
    repository = kinds(hub)[kind]
    first, _ = asked(hub, name_of(repository))
    offline, requests = asked(hub, name_of(repository), offline=True)
    assert (requests, offline) == (0, first)


def test_another_process_finds_it_too(hub: LoopbackHub) -> None:
    repository = hub.add_repository(single())
    first = run_memscan(hub, "org/single", "--json")
    hub.forget()
    second = run_memscan(hub, f"org/single@{repository.commit}", "--json")
    third = run_memscan(hub, "org/single", "--json", "--offline")
    assert hub.requests == ()
    assert (second.code, second.stderr, third.stdout) == (0, "", first.stdout)


def test_a_run_without_requests_imports_no_http_client(hub: LoopbackHub, cache: Path) -> None:
    repository = hub.add_repository(single())
    scan("org/single")
    program = (
        f"import memscan, sys\nmemscan.scan('org/single', revision='{repository.commit}')\n"
        "print([name for name in ('httpx2', 'memscan.source.http', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment(hub), capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"


def test_a_branch_that_moved_is_read_anew(hub: LoopbackHub, cache: Path) -> None:
    old = hub.add_repository(single())
    scan("org/single")
    before = {path: path.read_bytes() for path in files(cache)}
    hub.reset()
    new = hub.add_repository(single(file=weights("a", "b", "c"), commit="e" * 40))
    report, requests = asked(hub, "org/single")
    assert (report.model.origin.commit, report.model.checkpoint.nbytes) == (new.commit, 3 * NBYTES)
    assert requests == 5
    # Nothing is guessed of what was read before: most of an older commit is in the newest too.
    assert [record.path for record in hub.requests if "/resolve/main/" in record.path] == []
    # The entries of the old commit are as they were; only where the branch is was written anew.
    changed = [path for path, content in before.items() if path.read_bytes() != content]
    assert [path.parent.name for path in changed] == ["refs"]
    report, requests = asked(hub, "org/single", revision=old.commit)
    assert (requests, report.model.checkpoint.nbytes) == (0, 2 * NBYTES)
    report, requests = asked(hub, "org/single", offline=True)
    assert (requests, report.model.origin.commit) == (0, new.commit)


def test_branches_tags_and_short_commits(hub: LoopbackHub) -> None:
    repository = hub.add_repository(replace_tags(sharded(count=3)))
    for revision in ("dev", "v1", repository.commit[:7]):
        first, _ = asked(hub, "org/sharded", revision=revision)
        second, requests = asked(hub, "org/sharded", revision=revision)
        assert (requests, second) == (1, first), revision
        offline, requests = asked(hub, "org/sharded", revision=revision, offline=True)
        assert (requests, offline) == (0, first), revision


def replace_tags(repository: Repository) -> Repository:
    return replace(repository, tags={"v1": Revision(commit="9" * 40, files={"model.safetensors": weights("t")})})


def test_two_repositories_and_two_revisions_do_not_mix(hub: LoopbackHub) -> None:
    hub.add_repository(single("org/a", file=weights("x")))
    hub.add_repository(single("org/b", file=weights("x", "y")))
    hub.add_repository(replace_tags(sharded(count=3)))
    expected = {("org/a", None): 1, ("org/b", None): 2, ("org/sharded", "main"): 3, ("org/sharded", "v1"): 1}
    for _ in range(2):
        for (name, revision), tensors in expected.items():
            assert scan(name, revision=revision).model.checkpoint.nbytes == tensors * NBYTES


def test_a_hub_at_another_address_has_entries_of_its_own(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    scan("org/single")
    other = single(file=weights("a", "b", "c"))
    with LoopbackHub([other]) as mirror:
        run = run_memscan(mirror, "org/single", "--json", "--revision", other.commit)
        assert json.loads(run.stdout)["checkpoint"]["bytes"] == 3 * NBYTES
        assert len(mirror.requests) == 5


def test_files_and_layers_use_it_too(hub: LoopbackHub) -> None:
    repository = hub.add_repository(sharded(count=2))
    run_memscan(hub, "org/sharded")
    hub.forget()
    for words in (["files"], ["layers"], ["inference", "--context", "16"], ["training"]):
        assert run_memscan(hub, *words, f"org/sharded@{repository.commit}").code == 0
    assert hub.requests == ()


class TestNoCache:
    def test_nothing_is_read_and_nothing_is_kept(self, hub: LoopbackHub, cache: Path) -> None:
        hub.add_repository(single())
        for _ in range(2):
            _, requests = asked(hub, "org/single", cache=False)
            assert requests == 5
        assert not cache.exists()

    def test_what_is_kept_is_not_read(self, hub: LoopbackHub, cache: Path) -> None:
        hub.add_repository(single())
        scan("org/single")
        before = [(path, path.read_bytes()) for path in files(cache)]
        hub.forget()
        assert run_memscan(hub, "org/single", "--no-cache").code == 0
        assert len(hub.requests) == 5
        assert [(path, path.read_bytes()) for path in files(cache)] == before

    def test_a_size_of_zero_is_the_same(self, hub: LoopbackHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MEMSCAN_CACHE_SIZE", "0")
        hub.add_repository(single())
        scan("org/single")
        assert not cache.exists()

    def test_with_offline_it_makes_no_sense(self, hub: LoopbackHub) -> None:
        with pytest.raises(UsageError, match="--no-cache"):
            scan("org/single", cache=False, offline=True)
        run = run_memscan(hub, "org/single", "--no-cache", "--offline")
        assert (run.code, run.stdout, run.stderr.count("\n")) == (2, "", 1)


class TestOffline:
    @pytest.mark.parametrize(
        "words", [["org/never"], ["org/single@v2"], ["org/single@" + "0" * 40], ["org/single", "--revision", "refs/pr/4"]]
    )
    def test_what_was_never_read(self, hub: LoopbackHub, words: list[str]) -> None:
        hub.add_repository(single())
        scan("org/single")
        hub.forget()
        run = run_memscan(hub, *words, "--offline")
        assert hub.requests == ()
        assert (run.code, run.stdout, run.stderr.count("\n")) == (3, "", 1)
        assert "is not in the cache" in run.stderr
        assert "offline" in run.stderr

    def test_a_file_that_was_not_read(self, hub: LoopbackHub) -> None:
        hub.add_repository(single())
        assert run_memscan(hub, "files", "org/single").code == 0
        hub.forget()
        assert run_memscan(hub, "files", "org/single", "--offline").code == 0
        run = run_memscan(hub, "org/single", "--offline")
        assert (run.code, run.stdout, run.stderr.count("\n")) == (3, "", 1)
        assert "of org/single" in run.stderr
        assert hub.requests == ()

    def test_the_base_of_an_adapter_that_was_not_read_is_an_error(self, hub: LoopbackHub, cache: Path) -> None:
        """Its numbers would be those of the adapter alone, and a budget would pass."""
        kinds(hub)
        scan("org/adapter")
        run_memscan(hub, "cache", "clear", "--repo", "org/one")
        with pytest.raises(OfflineError, match="org/one"):
            scan("org/adapter", offline=True)

    def test_a_folder_is_read_as_ever(self, hub: LoopbackHub, tmp_path: Path) -> None:
        (tmp_path / "model.safetensors").write_bytes(weights("a"))
        assert scan(tmp_path, offline=True).model.checkpoint.nbytes == NBYTES

    def test_a_url_is_not_asked(self, hub: LoopbackHub) -> None:
        url = hub.add_file("x.safetensors", weights("a"))
        scan(url)
        hub.forget()
        run = run_memscan(hub, f"{url}?Signature=s3cret", "--offline")
        assert (run.code, run.stdout, hub.requests) == (3, "", ())
        assert "--offline" in run.stderr
        assert "s3cret" not in run.stderr

    def test_code_of_a_repository_is_not_downloaded(self, hub: LoopbackHub) -> None:
        with pytest.raises(UsageError, match="--offline"):
            scan("org/single", offline=True, trust_remote_code=True)

    def test_hf_hub_offline_reads_it_too(self, hub: LoopbackHub, tmp_path: Path) -> None:
        hub.add_repository(single())
        first = run_memscan(hub, "org/single", "--json")
        hub.forget()
        env = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "hf")}
        for words in ([], ["--offline"]):
            run = run_memscan(hub, "org/single", "--json", *words, env=env)
            assert (run.code, run.stderr, run.stdout) == (0, "", first.stdout)
        assert hub.requests == ()
        run = run_memscan(hub, "org/single", "--no-cache", env=env)
        assert (run.code, run.stdout) == (3, "")
        assert "HF_HUB_OFFLINE" in run.stderr


class TestSnapshotOfHuggingFaceHub:
    """The cache that huggingface_hub keeps goes first where HF_HUB_OFFLINE is set, and second with --offline."""

    COMMIT = "1" * 40

    @pytest.fixture
    def env(self, tmp_path: Path) -> Mapping[str, str]:
        folder = tmp_path / "hf" / "models--org--single"
        snapshot = folder / "snapshots" / self.COMMIT
        snapshot.mkdir(parents=True)
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text(self.COMMIT)
        (snapshot / "model.safetensors").write_bytes(weights("a", "b", "c"))
        (snapshot / "config.json").write_bytes(CONFIG)
        return {"HF_HUB_CACHE": str(tmp_path / "hf")}

    def commit(self, hub: LoopbackHub, *words: str, env: Mapping[str, str]) -> str:
        hub.forget()
        run = run_memscan(hub, "org/single", "--json", *words, env=env)
        assert (run.code, run.stderr, hub.requests) == (0, "", ())
        return str(json.loads(run.stdout)["target"]["commit"])

    def test_which_goes_first(self, hub: LoopbackHub, env: Mapping[str, str]) -> None:
        own = hub.add_repository(single())
        assert self.commit(hub, "--offline", env=env) == self.COMMIT  # the only one that is here
        scan("org/single")
        assert self.commit(hub, "--offline", env=env) == own.commit
        assert self.commit(hub, env={**env, "HF_HUB_OFFLINE": "1"}) == self.COMMIT
        assert self.commit(hub, "--offline", env={**env, "HF_HUB_OFFLINE": "1"}) == own.commit


class TestConversion:
    """Whether a conversion waits in a pull request is of no commit, so the answer is kept for a day."""

    def test_the_answer_is_kept(self, hub: LoopbackHub) -> None:
        repository = hub.add_repository(Repository(repo_id="org/old", files=TORCH, discussions=(WAITING,)))
        first, _ = asked(hub, "org/old")
        assert [note.code for note in first.notes] == ["conversion"]
        second, requests = asked(hub, "org/old")
        assert (requests, second) == (1, first)
        offline, requests = asked(hub, "org/old", offline=True)
        assert (requests, offline) == (0, first)
        pinned, requests = asked(hub, "org/old", revision=repository.commit)
        assert requests == 0
        assert pinned.notes == ()

    def test_that_there_is_none_is_kept_too(self, hub: LoopbackHub) -> None:
        hub.add_repository(Repository(repo_id="org/old", files=TORCH))
        scan("org/old")
        report, requests = asked(hub, "org/old")
        assert (requests, report.notes) == (1, ())

    def test_after_a_day_the_hub_is_asked_again(self, hub: LoopbackHub, cache: Path) -> None:
        repository = hub.add_repository(Repository(repo_id="org/old", files=TORCH))
        scan("org/old")
        key = Key(endpoint=hub.endpoint, repo_id="org/old", kind="conversion", commit=repository.commit)
        kept = HeaderCache(cache, 2**30).read(key)
        assert kept is not None
        answer = json.loads(kept.body)
        for age, requests in ((86_300, 1), (86_500, 2), (-86_500, 2)):  # of a clock that was wrong, too
            body = json.dumps({**answer, "asked": int(time.time()) - age}).encode()
            HeaderCache(cache, 2**30).write(key, Entry(body=body))
            assert asked(hub, "org/old")[1] == requests, age
