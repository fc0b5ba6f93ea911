"""scan and ascan: in loops, beside loops, in threads, many at once, and interrupted."""

import asyncio
import gc
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from memscan import FormatError, MemscanError, NotFoundError, Report, UsageError, ascan, scan
from memscan.scanning import ScanOptions, scan_all
from tests.hub import Fault, LoopbackHub, Repository
from tests.runner import COMMAND, environment, interruptible
from tests.source.models import NBYTES, sharded, single, weights


def nbytes(report: Report) -> int:
    """The bytes of the checkpoint."""
    return report.model.checkpoint.nbytes


def test_scan_inside_a_running_loop(hub: LoopbackHub) -> None:
    hub.add_repository(single())

    async def main() -> tuple[Report, Report]:
        return scan("org/single"), await ascan("org/single")

    one, other = asyncio.run(main())
    assert one.estimates == other.estimates
    assert nbytes(one) == 2 * NBYTES


def test_an_error_inside_a_running_loop(hub: LoopbackHub) -> None:
    async def main() -> None:
        scan("org/nowhere")

    with pytest.raises(NotFoundError):
        asyncio.run(main())


def test_the_loop_goes_on_after_a_failure(hub: LoopbackHub) -> None:
    hub.add_repository(single())

    async def main() -> int:
        with pytest.raises(NotFoundError):
            await ascan("org/nowhere")
        return nbytes(await ascan("org/single"))

    assert asyncio.run(main()) == 2 * NBYTES


def test_twenty_at_once(hub: LoopbackHub) -> None:
    targets = [f"org/{number}" for number in range(20)]
    for number, target in enumerate(targets):
        names = [f"t{index}" for index in range(number + 1)]
        hub.add_repository(Repository(repo_id=target, files={"model.safetensors": weights(*names)}))
    hub.latency = 0.05

    async def main() -> list[Report]:
        return await asyncio.gather(*(ascan(target) for target in targets))

    started = time.monotonic()
    reports = asyncio.run(main())
    assert [nbytes(report) for report in reports] == [NBYTES * (number + 1) for number in range(20)]
    assert time.monotonic() - started < 5


def test_scan_from_threads(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    hub.add_repository(sharded(count=3))
    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(scan, ["org/single", "org/sharded"] * 8))
    assert [nbytes(report) for report in reports] == [2 * NBYTES, 3 * NBYTES] * 8


def test_one_failure_among_several_leaves_the_others_alone(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    words = ["org/single", "org/nowhere", "http://[", "./nowhere", "org/single"]
    results = asyncio.run(scan_all(words, ScanOptions()))
    assert [isinstance(result, MemscanError) for result in results] == [False, True, True, True, False]


def test_a_config_of_wrong_types_among_several_leaves_the_others_alone(hub: LoopbackHub) -> None:
    files = {"model.safetensors": weights("a"), "config.json": b'{"model_type": ["bert"]}'}
    hub.add_repository(Repository(repo_id="org/wrong", files=files, library="transformers"))
    hub.add_repository(single())
    one, other = asyncio.run(scan_all(["org/wrong", "org/single"], ScanOptions()))
    assert isinstance(one, FormatError)
    assert "'model_type' is a list" in str(one)
    assert isinstance(other, Report)


def test_the_same_target_twice_is_two_answers(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    results = asyncio.run(scan_all(["org/single"] * 3, ScanOptions()))
    assert len({id(result) for result in results}) == 3


class Counter:
    """A progress that counts."""

    def __init__(self) -> None:
        self.expected = 0
        self.done = 0

    def expect(self, files: int) -> None:
        """Count what is to come."""
        self.expected += files

    def advance(self) -> None:
        """Count what is done."""
        self.done += 1


def test_the_repr_of_a_report_is_one_that_can_be_read(hub: LoopbackHub) -> None:
    """Of whatever model: a notebook shows it, and asyncio.run of Python 3.11 writes that of what it returns."""
    names = [f"model.layers.{number}.weight" for number in range(20_000)]
    hub.add_repository(single(file=weights(*names)))
    report = scan("org/single", cache=False)
    assert len(report.model.checkpoint.tensors) == 20_000
    assert len(repr(report)) < 5_000
    assert "Origin(requested='org/single'" in repr(report)


def test_progress_is_told_of_every_file(hub: LoopbackHub) -> None:
    hub.add_repository(sharded(count=5))
    progress = Counter()
    asyncio.run(ascan("org/sharded", revision="dev", progress=progress))
    assert (progress.expected, progress.done) == (5, 5)


@pytest.mark.parametrize("options", [{"dtypes": "float32"}, {"dtypes": []}, {"dtypes": ["floaty"]}, {"scope": "moon"}])
def test_wrong_options_are_told_before_anything_is_asked(hub: LoopbackHub, options: dict[str, object]) -> None:
    hub.add_repository(single())
    with pytest.raises(UsageError):
        scan("org/single", **options)  # type: ignore[arg-type]
    assert hub.requests == ()


@pytest.mark.parametrize("match", ["never", "cdn", "hub /api/models", "config.json", "resolve"])
def test_nothing_is_left_open(hub: LoopbackHub, match: str) -> None:
    hub.add_repository(sharded(count=5))
    hub.add_fault(Fault(match="safetensors-metadata", kind="status", status=404))
    hub.add_fault(Fault(match=match, kind="status", status=418))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            scan("org/sharded")
        except MemscanError:
            assert match != "never"
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_a_scan_that_is_cancelled_ends_at_once(hub: LoopbackHub) -> None:
    hub.add_repository(sharded(count=5))
    hub.add_fault(Fault(match="cdn", kind="hang"))

    async def main() -> None:
        async with asyncio.timeout(0.5):
            await ascan("org/sharded", revision="dev")

    started = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert time.monotonic() - started < 3


def test_the_first_failure_ends_the_others(hub: LoopbackHub) -> None:
    hub.add_repository(sharded(count=5))
    hub.add_fault(Fault(match="cdn", kind="status", status=418, times=1))
    hub.add_fault(Fault(match="cdn", kind="hang"))
    started = time.monotonic()
    with pytest.raises(MemscanError):
        scan("org/sharded", revision="dev")
    assert time.monotonic() - started < 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal for one process alone")
def test_an_interrupt_is_one_line(hub: LoopbackHub) -> None:
    hub.add_repository(sharded(count=5))
    hub.add_fault(Fault(match="cdn|safetensors-metadata", kind="hang"))
    command = [*COMMAND, "org/sharded@dev"]
    spawned = time.monotonic()
    with subprocess.Popen(
        command, env=environment(hub), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible
    ) as process:
        # No Python starts within a tenth of a second: what is asked before that is left over from another test.
        while process.poll() is None and not any(
            record.origin == "cdn" and record.start > spawned + 0.1 for record in hub.requests
        ):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr.lstrip()) == (130, "", "memscan: interrupted\n")
