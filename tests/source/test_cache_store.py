"""The header cache as a store: whole entries or none, within its size, and no error whatever the disk does."""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memscan import UsageError, scan
from memscan.source.cache import HeaderCache
from memscan.source.cache_entry import STARTED, Entry, Key, Reader, pack, unpack
from memscan.source.cache_place import LIMIT, cache_limit, cache_root
from memscan.source.cache_upkeep import ABANDONED, clear, sweep, usage
from tests.hub import LoopbackHub
from tests.runner import environment, run_memscan

from .models import NBYTES, sharded, single

KEY = Key(
    endpoint="https://huggingface.co", repo_id="org/name", kind="range", commit="c" * 40, name="model.safetensors", length=5
)
ENTRY = Entry(body=b"bytes\n\0\xff")
PACKED = pack(KEY, ENTRY)
BIG = 2**30


def key(number: int, repo_id: str = "org/name") -> Key:
    return replace(KEY, repo_id=repo_id, start=number)


def only(root: Path) -> Path:
    """The one entry below `root`."""
    (path,) = [path for path in root.rglob("*") if path.is_file() and path.name != "CACHEDIR.TAG"]
    return path


class TestEntry:
    def test_what_is_written_is_read(self) -> None:
        assert unpack(PACKED, KEY) == ENTRY
        reader = Reader.of("hf_token")
        assert unpack(pack(KEY, Entry(body=b"", reader=reader)), KEY) == Entry(body=b"", reader=reader)

    def test_the_layout_is_the_documented_one(self) -> None:
        """docs/cache.md, taken apart by hand."""
        first, meta, body = PACKED.split(b"\n", 2)
        assert first == b"memscan-cache 1 " + hashlib.sha256(meta + b"\n" + body).hexdigest().encode()
        assert body == ENTRY.body
        assert meta == (
            b'{"endpoint": "https://huggingface.co", "repo_id": "org/name", "kind": "range", "commit": "'
            + b"c" * 40
            + b'", "name": "model.safetensors", "start": 0, "length": 5, "reader": null}'
        )

    @pytest.mark.parametrize(
        "change",
        [
            {"endpoint": "https://mirror"}, {"repo_id": "org/other"}, {"kind": "file"}, {"commit": "d" * 40}, {"name": "x"},
            {"start": 1}, {"length": 6},
        ],
    )  # fmt: skip
    def test_the_answer_to_another_question_is_none(self, change: dict[str, object]) -> None:
        other = replace(KEY, **change)  # type: ignore[arg-type]
        assert unpack(PACKED, other) is None
        assert other.digest != KEY.digest

    def test_a_part_is_none(self) -> None:
        assert [stop for stop in range(len(PACKED)) if unpack(PACKED[:stop], KEY) is not None] == []

    def test_a_changed_byte_is_none(self) -> None:
        for place in range(len(PACKED)):
            changed = bytearray(PACKED)
            changed[place] ^= 1
            assert unpack(bytes(changed), KEY) is None

    def test_more_at_the_end_is_none(self) -> None:
        assert unpack(PACKED + b"x", KEY) is None

    @given(st.binary(max_size=300))
    @settings(max_examples=300, deadline=None)
    def test_any_bytes_are_none_also_with_a_right_checksum(self, rest: bytes) -> None:
        assert unpack(rest, KEY) is None
        assert unpack(b"memscan-cache 1 " + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest, KEY) is None

    def test_a_reader_that_is_none_is_nobody(self) -> None:
        rest = PACKED.split(b"\n", 1)[1]
        for reader in (b"{}", b'{"salt": 1}', b'"x"', b'{"salt": "00", "fingerprint": ""}'):
            other = rest.replace(b'"reader": null', b'"reader": ' + reader)
            found = unpack(b"memscan-cache 1 " + hashlib.sha256(other).hexdigest().encode() + b"\n" + other, KEY)
            assert found is None or (found.reader is not None and not found.reader.holds("hf_token"))

    def test_names_of_folders_differ_where_case_does_not_count(self) -> None:
        names = {replace(KEY, repo_id=name).folder.lower() for name in ("Org/Name", "org/name", "org--name")}
        assert len(names) == 3
        assert len(replace(KEY, repo_id="o" * 48 + "/" + "n" * 47).folder) < 255


class TestStore:
    def test_an_entry_is_there_for_the_next_process(self, tmp_path: Path) -> None:
        HeaderCache(tmp_path, BIG).write(KEY, ENTRY)
        assert HeaderCache(tmp_path, BIG).read(KEY) == ENTRY
        assert HeaderCache(tmp_path, BIG).read(key(7)) is None

    @pytest.mark.parametrize("spoil", ["empty", "cut", "flipped", "of another", "folder", "gone"])
    def test_a_spoiled_entry_is_none_and_is_written_anew(self, tmp_path: Path, spoil: str) -> None:
        cache = HeaderCache(tmp_path, BIG)
        cache.write(KEY, ENTRY)
        path = only(tmp_path)
        path.unlink()
        if spoil == "folder":
            path.mkdir()
        elif spoil != "gone":
            content = {"empty": b"", "cut": PACKED[:-1], "flipped": PACKED[:-1] + b"\0", "of another": pack(key(1), ENTRY)}
            path.write_bytes(content[spoil])
        assert cache.read(KEY) is None
        cache.write(KEY, ENTRY)
        assert cache.read(KEY) == (None if spoil == "folder" else ENTRY)
        assert not list(tmp_path.rglob(f"{STARTED}*"))

    def test_a_scan_with_every_entry_spoiled_reads_all_again(
        self, hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MEMSCAN_CACHE", str(tmp_path))
        monkeypatch.delenv("MEMSCAN_CACHE_SIZE")
        repository = hub.add_repository(sharded(count=2))
        first = scan("org/sharded", revision=repository.commit)
        for number, path in enumerate(sorted(path for path in tmp_path.rglob("*") if path.is_file())):
            path.write_bytes((b"", path.read_bytes()[:-3], os.urandom(100))[number % 3])
        hub.forget()
        assert scan("org/sharded", revision=repository.commit) == first
        assert len(hub.requests) > 4
        hub.forget()
        assert scan("org/sharded", revision=repository.commit) == first
        assert hub.requests == ()

    def test_a_file_where_the_folder_should_be(self, tmp_path: Path) -> None:
        (tmp_path / "cache").write_bytes(b"")
        cache = HeaderCache(tmp_path / "cache", BIG)
        cache.write(KEY, ENTRY)
        assert cache.read(KEY) is None
        cache.close()

    def test_backups_leave_it_out(self, tmp_path: Path) -> None:
        HeaderCache(tmp_path, BIG).write(KEY, ENTRY)
        (tag,) = tmp_path.rglob("CACHEDIR.TAG")
        assert tag.read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")


def _as_nobody(program: str, *words: str) -> str:
    """What `program` prints where the rights of files hold, which root has none of."""
    drop = "import os\nif hasattr(os, 'geteuid') and os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    start = "from pathlib import Path\nimport sys\nfrom memscan.source.cache import HeaderCache\n"
    start += f"from memscan.source.cache_entry import Entry, Key\nkey = {KEY!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", start + drop + program, *words], capture_output=True, text=True, check=True, cwd="/"
    )
    return done.stdout.strip()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps rights elsewhere")
class TestReadOnly:
    def test_it_is_read_and_not_written(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            HeaderCache(root, BIG).write(KEY, ENTRY)
            for path in (root, *root.rglob("*")):
                path.chmod(0o555 if path.is_dir() else 0o444)
            before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
            printed = _as_nobody(
                "from dataclasses import replace\ncache = HeaderCache(Path(sys.argv[1]), 1)\n"
                "cache.write(replace(key, start=9), Entry(body=b'x'))\n"
                "cache = HeaderCache(Path(sys.argv[1]), 10**6)\ncache.write(replace(key, start=9), Entry(body=b'x'))\n"
                "cache.write(replace(key, repo_id='org/new'), Entry(body=b'x'))\ncache.close()\nprint(cache.read(key).body)",
                name,
            )
            assert printed == repr(ENTRY.body)
            assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
            for path in (root, *root.rglob("*")):
                path.chmod(0o755)

    def test_what_may_not_be_read_is_not_there(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            HeaderCache(root, BIG).write(KEY, ENTRY)
            root.chmod(0o755)
            for path in root.rglob("*"):
                path.chmod(0o000)
            printed = _as_nobody("cache = HeaderCache(Path(sys.argv[1]), 10**6)\nprint(cache.read(key))", name)
            assert printed == "None"
            for path in sorted(root.rglob("*")):
                path.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_costs_the_entries_and_nothing_else(hub: LoopbackHub, tmp_path: Path) -> None:
    """A limit on the size of files fails writes half-way, as a full disk does; what was begun is removed."""
    hub.add_repository(single())
    program = (
        "import resource, signal, sys\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "import memscan\nprint(memscan.scan('org/single').model.checkpoint.nbytes)"
    )
    env = environment(hub, {"MEMSCAN_CACHE": str(tmp_path / "cache"), "MEMSCAN_CACHE_SIZE": None, "PYTHONDONTWRITEBYTECODE": "1"})
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"{2 * NBYTES}\n", "")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.name != "CACHEDIR.TAG"] == []


class TestSize:
    def taken(self, root: Path) -> int:
        return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())

    def test_it_stays_within_its_limit(self, tmp_path: Path) -> None:
        limit = 400_000
        for number in range(200):
            cache = HeaderCache(tmp_path, limit)
            cache.write(key(number), Entry(body=os.urandom(10_000)))
            assert self.taken(tmp_path) <= limit + limit // 8
            cache.close()
            assert self.taken(tmp_path) <= limit
        assert self.taken(tmp_path) > limit // 2
        assert HeaderCache(tmp_path, limit).read(key(199)) is not None

    def test_what_was_used_last_stays(self, tmp_path: Path) -> None:
        cache = HeaderCache(tmp_path, BIG)
        for number in range(20):
            cache.write(key(number), Entry(body=bytes(1_000)))
        now = time.time()
        for number in range(20):
            os.utime(tmp_path / "headers-1" / KEY.folder / KEY.commit / key(number).digest, (now - 1000 + number,) * 2)
        assert cache.read(key(3)) is not None  # of the oldest the one that is used again
        sweep(tmp_path / "headers-1", 10 * 4096)
        kept = [number for number in range(20) if HeaderCache(tmp_path, BIG).read(key(number)) is not None]
        assert kept == [3, *range(13, 20)]  # an eighth of the limit is free again

    def test_an_entry_larger_than_the_limit_is_not_kept(self, tmp_path: Path) -> None:
        cache = HeaderCache(tmp_path, 20_000)
        cache.write(key(1), ENTRY)
        cache.write(key(2), Entry(body=bytes(30_000)))
        cache.close()
        assert cache.read(key(1)) == ENTRY
        assert cache.read(key(2)) is None

    def test_what_was_never_finished_is_removed_after_a_day(self, tmp_path: Path) -> None:
        cache = HeaderCache(tmp_path, BIG)
        cache.write(KEY, ENTRY)
        folder = only(tmp_path).parent
        old, new = folder / f"{STARTED}old", folder / f"{STARTED}new"
        for path, age in ((old, ABANDONED + 60), (new, ABANDONED - 60)):
            path.write_bytes(b"half")
            os.utime(path, (time.time() - age,) * 2)
        cache.close()
        assert (old.exists(), new.exists()) == (False, True)
        assert cache.read(KEY) == ENTRY

    def test_empty_folders_go(self, tmp_path: Path) -> None:
        cache = HeaderCache(tmp_path, BIG)
        cache.write(key(1, "org/one"), ENTRY)
        sweep(tmp_path / "headers-1", 1)
        assert [path.name for path in (tmp_path / "headers-1").iterdir()] == ["CACHEDIR.TAG"]


class TestClear:
    def test_one_repository_or_all(self, tmp_path: Path) -> None:
        cache = HeaderCache(tmp_path, BIG)
        for name in ("org/one", "org/one-b", "org/two"):
            for number in range(3):
                cache.write(key(number, name), ENTRY)
        cache.write(replace(key(0, "org/one"), endpoint="https://mirror"), ENTRY)
        found = usage(tmp_path)
        assert (found.entries, found.repositories) == (10, 4)
        assert found.nbytes == sum(
            path.stat().st_size for path in tmp_path.rglob("*") if path.is_file() and "TAG" not in path.name
        )
        assert clear(tmp_path, "org/none").entries == 0
        assert clear(tmp_path, "org/one").entries == 4
        assert cache.read(key(0, "org/one-b")) == ENTRY
        assert clear(tmp_path).entries == 6
        assert usage(tmp_path).entries == 0
        assert clear(tmp_path).entries == 0

    def test_what_is_not_the_caches_own_stays(self, tmp_path: Path) -> None:
        """MEMSCAN_CACHE may name a folder that has more in it."""
        cache = HeaderCache(tmp_path, BIG)
        cache.write(KEY, ENTRY)
        others = [
            tmp_path / "thesis.tex", tmp_path / "headers-1" / "notes.txt", tmp_path / "headers-1" / KEY.folder / "own.txt",
            only(tmp_path).with_name("own.txt"), tmp_path / "headers" / "org" / "commit" / ("a" * 40),
        ]  # fmt: skip
        for path in others:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("mine")
        elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere" / ("b" * 40)
        elsewhere.mkdir(parents=True)
        (elsewhere / ("a" * 40)).write_text("mine")
        (tmp_path / "headers-1" / "linked").symlink_to(elsewhere.parent)
        assert clear(tmp_path).entries == 1
        sweep(tmp_path / "headers-1", 1)
        assert all(path.exists() for path in (*others, elsewhere / ("a" * 40)))


class TestPlace:
    @pytest.fixture(autouse=True)
    def nothing_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("MEMSCAN_CACHE", "MEMSCAN_CACHE_SIZE", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)

    def test_the_folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        if sys.platform == "linux":
            assert cache_root() == tmp_path / ".cache" / "memscan"
            monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
            assert cache_root() == tmp_path / "xdg" / "memscan"
            monkeypatch.setenv("XDG_CACHE_HOME", "relative")
            assert cache_root() == tmp_path / ".cache" / "memscan"
        monkeypatch.setenv("MEMSCAN_CACHE", str(tmp_path / "own"))
        assert cache_root() == tmp_path / "own"
        monkeypatch.setenv("MEMSCAN_CACHE", "~/own")
        assert cache_root() == tmp_path / "own"
        monkeypatch.setenv("MEMSCAN_CACHE", "own")
        assert cache_root() == Path.cwd() / "own"

    def test_of_windows_and_macos(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
        monkeypatch.setattr(sys, "platform", "darwin")
        assert cache_root() == tmp_path / "Library" / "Caches" / "memscan"
        monkeypatch.setattr(sys, "platform", "win32")
        assert cache_root() == tmp_path / "Local" / "memscan" / "Cache"

    def test_the_size(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert cache_limit() == LIMIT
        monkeypatch.setenv("MEMSCAN_CACHE_SIZE", "500MB")
        assert cache_limit() == 500_000_000
        monkeypatch.setenv("MEMSCAN_CACHE_SIZE", "much")
        with pytest.raises(UsageError, match="MEMSCAN_CACHE_SIZE"):
            cache_limit()

    def test_a_wrong_size_is_one_line(self, hub: LoopbackHub) -> None:
        run = run_memscan(hub, "org/single", env={"MEMSCAN_CACHE_SIZE": "24G"})
        assert (run.code, run.stdout, run.stderr.count("\n")) == (2, "", 1)
        assert "MEMSCAN_CACHE_SIZE" in run.stderr
