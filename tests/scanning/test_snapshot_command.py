"""`memscan snapshot` and `memscan.snapshot`: what they write, say and refuse."""

import asyncio
import os
from pathlib import Path

import pytest

import memscan as library
from tests.hub import FIXTURES, Fault, LoopbackHub, materialise
from tests.parts.layouts import lay, serve
from tests.parts.test_adapters import BASE, adapter
from tests.runner import run_memscan

from .snapshot_runs import runner


@pytest.fixture
def memscan(capsys):
    return runner(capsys)


@pytest.fixture
def target(hub: LoopbackHub) -> str:
    return serve(hub, BASE, "org/base")


def test_it_says_what_it_wrote(hub, target, tmp_path):
    run = run_memscan(hub, "snapshot", target, "-o", "base.memscan", cwd=tmp_path)
    size = (tmp_path / "base.memscan").stat().st_size
    commit = library.scan(tmp_path / "base.memscan").model.origin.commit
    assert (run.code, run.stderr) == (0, "")
    assert run.stdout == f"base.memscan: {size:,} bytes, a snapshot of org/base at commit {commit}\n"
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "base.memscan").stat().st_mode & 0o777 == 0o666 & ~umask
    assert [path.name for path in tmp_path.iterdir()] == ["base.memscan"]


def test_a_folder_has_no_commit(memscan, tmp_path):
    folder = lay(tmp_path / "model", BASE)
    assert memscan("snapshot", folder, "-o", tmp_path / "it.memscan").out.endswith(f"a snapshot of {folder}\n")


@pytest.mark.parametrize("name", ["model.safetensors", "x.gguf", "x.json", "x", "-", "", "memscan", ".memscan"])
@pytest.mark.usefixtures("target")
def test_names_that_are_refused(memscan, hub, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    hub.forget()
    run = memscan("snapshot", "org/base", "-o", name)
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert list(tmp_path.iterdir()) == []
    assert hub.requests == ()


def test_folders_that_are_not_there(memscan, hub, target, tmp_path):
    hub.forget()
    run = memscan("snapshot", target, "-o", tmp_path / "gone" / "it.memscan")
    assert (run.code, run.out) == (2, "")
    assert "there is no folder" in run.err
    assert hub.requests == ()


def test_a_folder_in_the_place_of_the_file(memscan, target, tmp_path):
    (tmp_path / "it.memscan").mkdir()
    run = memscan("snapshot", target, "-o", tmp_path / "it.memscan")
    assert (run.code, run.out) == (2, "")
    assert "cannot write" in run.err


@pytest.mark.parametrize(
    ("words", "code"),
    [(("org/gone",), 3), (("org/base", "--revision", "gone"), 3), (("org/base", "--file", "gone.safetensors"), 3), (("a b",), 2)],
)
@pytest.mark.usefixtures("target")
def test_what_cannot_be_read_writes_nothing(memscan, tmp_path, words, code):
    path = tmp_path / "it.memscan"
    path.write_bytes(b"of before")
    run = memscan("snapshot", *words, "-o", path)
    assert (run.code, run.out, run.err.count("\n")) == (code, "", 1)
    assert run.err == memscan("estimate", *words, "--backend", "header").err
    assert path.read_bytes() == b"of before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_server_that_fails_is_no_snapshot(memscan, hub, target, tmp_path):
    """Also where only the base model of an adapter cannot be had: another time it can."""
    lora = serve(hub, adapter(), "org/lora")
    hub.add_fault(Fault(match="/org/base/resolve/", kind="status", status=500))
    run = memscan("snapshot", lora, "-o", tmp_path / "it.memscan")
    assert (run.code, run.out) == (4, "")
    assert list(tmp_path.iterdir()) == []


def test_a_base_that_is_not_here_is_no_snapshot(hub, tmp_path):
    """Offline the base of an adapter may be missing: another time it is not, so that is nothing to keep."""
    lora, env = serve(hub, adapter(), "org/lora"), {"MEMSCAN_CACHE": str(tmp_path / "cache"), "MEMSCAN_CACHE_SIZE": None}
    words = ("snapshot", lora, "-o", "it.memscan", "--offline")
    assert "base-not-read" in run_memscan(hub, lora, "--json", env=env).stdout
    hub.forget()
    run = run_memscan(hub, *words, env=env, cwd=tmp_path)
    assert (run.code, run.stdout, hub.requests) == (3, "", ())
    assert run.stderr.startswith("memscan: org/base at 'main' is not in the cache of memscan")
    assert not (tmp_path / "it.memscan").exists()
    serve(hub, BASE, "org/base")
    assert "base-not-read" not in run_memscan(hub, lora, "--json", env=env).stdout
    hub.forget()
    run = run_memscan(hub, *words, env=env, cwd=tmp_path)
    assert (run.code, run.stderr, hub.requests) == (0, "", ())
    assert library.scan(tmp_path / "it.memscan") == library.scan(lora, cache=False)


def test_it_replaces_what_is_there(hub, target, tmp_path):
    path = tmp_path / "it.memscan"
    path.write_bytes(b"of before")
    assert library.snapshot(target, path, cache=False) == path
    assert library.scan(path) == library.scan(target, cache=False)


def test_a_device_takes_what_comes(target):
    if not Path("/dev/null").exists():
        pytest.skip("no /dev/null")
    with pytest.raises(library.UsageError, match="not a name for a snapshot"):
        library.snapshot(target, "/dev/null", cache=False)


def test_inside_a_running_loop(hub, target, tmp_path):
    async def work() -> Path:
        return library.snapshot(target, tmp_path / "it.memscan", cache=False)

    assert library.scan(asyncio.run(work())) == library.scan(target, cache=False)


def test_a_token_is_not_in_it(hub, tmp_path):
    target = serve(hub, BASE, "org/private", private=True, readers=frozenset({"hf_secret"}))
    path = library.snapshot(target, tmp_path / "it.memscan", token="hf_secret", cache=False)
    from memscan.source.snapshot import read_snapshot

    archive = read_snapshot(path, "it").archive
    assert "hf_secret" not in str(archive.manifest)
    assert not any(b"hf_secret" in archive.blob(number) for number in range(len(archive.blobs)))


def test_with_and_without_the_cache_it_is_the_same(hub, target, tmp_path, monkeypatch):
    monkeypatch.setenv("MEMSCAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MEMSCAN_CACHE_SIZE")
    first = library.snapshot(target, tmp_path / "first.memscan", cache=False).read_bytes()
    assert library.snapshot(target, tmp_path / "second.memscan").read_bytes() == first
    hub.forget()
    assert library.snapshot(target, tmp_path / "third.memscan").read_bytes() == first
    assert len(hub.requests) == 1
    assert library.snapshot(target, tmp_path / "fourth.memscan", offline=True).read_bytes() == first


def file_of(path):
    """The file that a request is for: a scan guesses some before it knows the commit."""
    return path.partition("?")[0].rpartition("/")[2]


def test_nothing_is_asked_twice(hub, target, tmp_path):
    hub.forget()
    library.snapshot(target, tmp_path / "it.memscan", cache=False)
    asked = [(record.path, record.headers.get("range")) for record in hub.requests]
    assert len(asked) == len(set(asked))
    hub.forget()
    library.scan(target, cache=False)
    assert {file_of(path) for path, _ in asked} == {file_of(record.path) for record in hub.requests}


def test_several_targets_and_a_snapshot_that_fails(memscan, target, tmp_path):
    path = library.snapshot(target, tmp_path / "it.memscan", cache=False)
    broken = tmp_path / "broken.memscan"
    broken.write_bytes(path.read_bytes()[:-1])
    run = memscan("estimate", path, broken, "--json")
    assert run.code == 5
    assert f"{broken} is damaged or cut off" in run.err


def test_the_document_says_what_the_code_does(hub, tmp_path):
    from memscan.source import archive
    from memscan.source.snapshot import MAX_WORK

    text = (Path(__file__).parents[2] / "docs" / "snapshots.md").read_text()
    assert " ".join(f"{byte:02x}" for byte in archive.MAGIC) in text
    assert f"| version of this layout: {archive.VERSION}." in text
    words = {
        archive.MAX_ARCHIVE: "{} MB for the file",
        archive.MAX_MANIFEST: "{} MB for the\nmanifest",
        archive.MAX_BLOB: "{} MB for a blob",
        MAX_WORK // 1_000: "{} GB that is unpacked in all",
    }
    for limit, sentence in words.items():
        assert sentence.format(limit // 1_000_000) in text
    sizes = {
        "google-bert/bert-base-cased": "206 | 3 kB",
        "meta-llama/Llama-3.1-8B": "291 | 6 kB",
        "Qwen/Qwen3-30B-A3B": "18,867 | 275 kB",
    }
    for name, said in sizes.items():
        materialise(FIXTURES / name, tmp_path / name)
        tensors, size = said.split(" | ")
        path = library.snapshot(tmp_path / name, tmp_path / "it.memscan")
        assert f"{len(library.scan(path).model.checkpoint.tensors):,}" == tensors
        assert f"{path.stat().st_size / 1_000:.0f} kB" == size
        assert said in text
