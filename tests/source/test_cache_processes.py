"""Several processes at one cache: what one writes the other reads, whole, and nothing gets lost.

MEMSCAN_HAMMER_SECONDS says how long they hammer it, 3 by default.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from memscan import scan
from memscan.source.cache import HeaderCache
from memscan.source.cache_entry import STARTED, Entry, Key
from memscan.source.cache_upkeep import usage
from tests.hub import LoopbackHub
from tests.runner import environment

from .models import sharded, single

SECONDS = float(os.environ.get("MEMSCAN_HAMMER_SECONDS", "3"))
KEYS = 500  # so that every entry is written and read often, by both
HAMMER = """
import json, random, sys, time
from pathlib import Path
from memscan.source.cache import HeaderCache
from tests.source.test_cache_processes import entry, key

root, limit, seconds, seed = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
chance, written, counts = random.Random(seed), set(), {"written": 0, "read": 0, "missing": 0, "wrong": 0, "lost": 0}
cache, until = HeaderCache(root, limit), time.monotonic() + seconds
while time.monotonic() < until:
    number = chance.randrange(KEYS_)
    found = cache.read(key(number))
    if found is None:
        counts["missing"] += 1
        counts["lost"] += number in written
        cache.write(key(number), entry(number))
        written.add(number)
        counts["written"] += 1
    else:
        counts["read"] += 1
        counts["wrong"] += found != entry(number)
        if chance.random() < 0.2:
            cache.write(key(number), entry(number))
            counts["written"] += 1
    if chance.random() < 0.01:
        cache.close()
        cache = HeaderCache(root, limit)
print(json.dumps({**counts, "keys": sorted(written)}))
""".replace("KEYS_", str(KEYS))


def key(number: int) -> Key:
    """One of the keys that the processes share, in a few commits of a few repositories."""
    return Key(
        endpoint="https://hub", repo_id=f"org/name{number % 3}", kind="range", commit=f"{number % 7}" * 40,
        name="model.safetensors", start=number, length=size(number),
    )  # fmt: skip


def size(number: int) -> int:
    return (number * 7919) % 40_000


def entry(number: int) -> Entry:
    """What stands behind that key: the same in every process, different for every key."""
    return Entry(body=(number.to_bytes(4, "little") * 10_001)[: size(number)])


def hammer(root: Path, limit: int, count: int) -> list[dict[str, object]]:
    """What `count` processes that hammer the cache at `root` at once saw."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HAMMER, str(root), str(limit), str(SECONDS), str(seed)], stdout=subprocess.PIPE, env=env
        )
        for seed in range(count)
    ]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * count
    return [json.loads(output) for output in outputs]


def test_nothing_is_lost(tmp_path: Path) -> None:
    results = hammer(tmp_path, 2**30, 2)
    for seen in results:
        assert (seen["wrong"], seen["lost"]) == (0, 0)
        assert seen["read"] > 0
    cache = HeaderCache(tmp_path, 2**30)
    written = {number for seen in results for number in seen["keys"]}  # type: ignore[attr-defined]
    assert written
    assert [number for number in written if cache.read(key(number)) != entry(number)] == []
    assert usage(tmp_path).entries == len(written)
    assert list(tmp_path.rglob(f"{STARTED}*")) == []


def test_where_there_is_not_room_for_all_what_is_read_is_right(tmp_path: Path) -> None:
    """The processes remove each other's entries all the time, and folders with them."""
    limit = 1_000_000
    for seen in hammer(tmp_path, limit, 2):
        assert seen["wrong"] == 0
        assert seen["lost"] > 0  # type: ignore[operator] -- else this tested nothing
    HeaderCache(tmp_path, limit).write(key(1), entry(1))
    cache = HeaderCache(tmp_path, limit)
    cache.write(key(2), entry(2))
    cache.close()
    assert 0 < usage(tmp_path).nbytes <= limit
    assert list(tmp_path.rglob(f"{STARTED}*")) == []


def test_scans_at_once_agree(hub: LoopbackHub, tmp_path: Path) -> None:
    """Processes that start with an empty cache together, and then again with a full one."""
    commits = [hub.add_repository(each).commit for each in (single(), sharded(count=4))]
    targets = ("org/single", "org/sharded")
    expected = {target: scan(target).model.checkpoint.nbytes for target in targets}
    program = (
        "import json, sys, memscan\n"
        "print(json.dumps({word.partition('@')[0]: memscan.scan(word).model.checkpoint.nbytes for word in sys.argv[1:]}))"
    )
    env = environment(hub, {"MEMSCAN_CACHE": str(tmp_path), "MEMSCAN_CACHE_SIZE": None})

    def all_at_once(words: Sequence[str]) -> None:
        processes = [subprocess.Popen([sys.executable, "-c", program, *words], env=env, stdout=subprocess.PIPE) for _ in range(3)]
        assert [json.loads(process.communicate()[0]) for process in processes] == [expected] * 3

    all_at_once(targets)
    hub.forget()
    all_at_once([f"{target}@{commit}" for target, commit in zip(targets, commits, strict=True)])
    assert hub.requests == ()


def test_a_process_that_is_killed_leaves_no_lock_and_no_half(tmp_path: Path) -> None:
    for seed in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", HAMMER, str(tmp_path), str(2**30), "60", str(seed)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        while usage(tmp_path).entries < 50 * (seed + 1) and process.poll() is None:
            pass
        process.kill()
        process.wait()
    cache = HeaderCache(tmp_path, 2**30)
    read = [(number, cache.read(key(number))) for number in range(KEYS)]
    assert [number for number, found in read if found not in (None, entry(number))] == []
    for number in range(KEYS):
        cache.write(key(number), entry(number))
    assert [number for number in range(KEYS) if cache.read(key(number)) != entry(number)] == []
