"""`memscan cache info` and `memscan cache clear`."""

import contextlib
import io
import json
from pathlib import Path

import pytest

from memscan.cli.main import run
from tests.hub import LoopbackHub
from tests.runner import run_memscan

from .models import sharded, single


@pytest.fixture
def cache(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with two models in it, one of them read by an old name."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("MEMSCAN_CACHE", str(folder))
    monkeypatch.setenv("MEMSCAN_CACHE_SIZE", "2GiB")
    hub.add_repository(single("google-bert/bert-base-cased", aliases=("bert-base-cased",)))
    hub.add_repository(sharded(count=3))
    assert run_memscan(hub, "bert-base-cased", "org/sharded").code == 0
    hub.forget()
    return folder


def cache_command(*words: str) -> str:
    """What `memscan cache WORDS` prints, in this process."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert run(["cache", *words]) == 0
    return printed.getvalue()


def info() -> dict[str, object]:
    document = json.loads(cache_command("info", "--json"))
    assert document.keys() == {"schema", "memscan", "cache"}
    found: dict[str, object] = document["cache"]
    return found


def test_info(cache: Path) -> None:
    kept = [path for path in cache.rglob("*") if path.is_file() and path.name != "CACHEDIR.TAG"]
    found = info()
    assert found == {
        "folder": str(cache), "repositories": 3, "entries": len(kept), "bytes": sum(path.stat().st_size for path in kept),
        "limit": 2**31,
    }  # fmt: skip
    table = cache_command("info").splitlines()
    assert [line.split()[0] for line in table] == ["Folder", "Repositories", "Entries", "Bytes", "Limit"]
    assert str(cache) in table[0]
    assert f"{found['bytes']:,} (" in table[3]
    assert "2,147,483,648 (2.15 GB, 2.0 GiB)" in table[4]


def test_info_where_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMSCAN_CACHE", str(tmp_path / "none"))
    assert "the cache is off" in cache_command("info")  # as everywhere in these tests
    assert (info()["entries"], info()["bytes"]) == (0, 0)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("word", ["bert-base-cased", "hf://bert-base-cased", "https://huggingface.co/bert-base-cased"])
def test_clear_of_one_by_whichever_name(cache: Path, word: str) -> None:
    before = info()
    said = cache_command("clear", "--repo", word)
    after = info()
    freed = before["bytes"] - after["bytes"]  # type: ignore[operator]
    assert after["repositories"] == 1
    assert said.startswith(f"Freed {freed:,} bytes (")
    assert f"{before['entries'] - after['entries']} entries of bert-base-cased" in said  # type: ignore[operator]


def test_clear_of_all(hub: LoopbackHub, cache: Path) -> None:
    before = info()
    freed = json.loads(cache_command("clear", "--json"))["freed"]
    assert freed == {name: before[name] for name in ("repositories", "entries", "bytes")}
    assert (info()["entries"], info()["bytes"]) == (0, 0)
    assert cache_command("clear") == "Freed 0 bytes (0 bytes): 0 entries of all repositories\n"
    assert run_memscan(hub, "org/sharded").code == 0
    assert info()["repositories"] == 1


@pytest.mark.parametrize(
    "word", ["org/name@main", "hf://org/name/config.json", "a b", "", "org/name/x", "https://example.com/x.safetensors"]
)
def test_what_is_no_repository(cache: Path, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = info()
    assert run(["cache", "clear", "--repo", word]) == 2
    seen = capsys.readouterr()
    assert (seen.out, seen.err.count("\n")) == ("", 1)
    assert info() == before
