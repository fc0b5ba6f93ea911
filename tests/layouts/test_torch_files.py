"""Repositories whose weights are torch files, read without torch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from memscan import scan
from memscan.errors import NoWeightsError
from tests.hub import FIXTURES, LoopbackHub, Repository, load_fixtures, materialise
from tests.runner import environment, run_memscan
from tests.writers.torch import Make, Name, archive, dumps, ordered, tensor, wide_script

from .files import (
    ELEMENTS,
    SHAPES,
    codes,
    cost,
    halves,
    index,
    message,
    on_disk,
    read_files,
    safe,
    scanned,
    shard,
    torch_legacy,
    torch_sparse,
    torch_zip,
)  # fmt: skip

BERT = "google-bert/bert-base-cased"
GIB = 2**30


@pytest.mark.parametrize("name", ["pytorch_model.bin", "v1-5-pruned.ckpt", "yolo.pt", "full.pth", "model_best.pth.tar"])
@pytest.mark.parametrize("make", [torch_zip, torch_legacy])
def test_single(hub: LoopbackHub, name: str, make: object) -> None:
    report = scanned(hub, {name: make()})
    assert (read_files(report), report.model.checkpoint.nbytes, codes(report)) == ([name], 4 * ELEMENTS, [])
    assert report.model.checkpoint.format == "torch"


@pytest.mark.parametrize("make", [torch_zip, torch_legacy])
def test_sharded(hub: LoopbackHub, make: object) -> None:
    parts = halves("pytorch_model-0000{}-of-00002.bin")
    files = {"pytorch_model.bin.index.json": index(parts), **{name: make(shard(names)) for name, names in parts.items()}}
    report = scanned(hub, files)
    assert (read_files(report), report.model.checkpoint.nbytes, codes(report)) == (list(parts), 4 * ELEMENTS, [])
    assert cost(hub)[0] == 2


def bert_shapes() -> dict[str, list[int]]:
    raw = (FIXTURES / BERT / "model.safetensors.head").read_bytes()
    return {name: entry["shape"] for name, entry in json.loads(raw[8:]).items() if name != "__metadata__"}


@pytest.fixture
def twins(hub: LoopbackHub, tmp_path: Path) -> tuple[str, str]:
    """bert-base-cased as it is on the Hub, and a clone of it that holds only pytorch_model.bin."""
    materialise(FIXTURES / BERT, tmp_path / "hub" / BERT)
    (original,) = load_fixtures(tmp_path / "hub")
    hub.add_repository(original)
    files = {
        "config.json": (FIXTURES / BERT / "config.json").read_bytes(),
        "pytorch_model.bin": torch_sparse(tmp_path / "pytorch_model.bin", bert_shapes()),
    }
    clone = hub.add_repository(Repository(repo_id="org/clone", files=files, library=original.library))
    return original.repo_id, clone.repo_id


def test_a_clone_of_bert(twins: tuple[str, str]) -> None:
    original, clone = map(scan, twins)
    assert clone.model.checkpoint.nbytes == original.model.checkpoint.nbytes == 435_731_736
    assert clone.largest_layer == original.largest_layer
    for scope, twin in zip(clone.scopes.values(), original.scopes.values(), strict=True):
        assert (scope.parameters, scope.nbytes) == (twin.parameters, twin.nbytes)
    assert clone.estimates == original.estimates
    assert codes(clone) == codes(original)


def test_a_clone_of_bert_prints_the_same_figures(hub: LoopbackHub, twins: tuple[str, str]) -> None:
    runs = [run_memscan(hub, name) for name in twins]
    assert [run.code for run in runs] == [0, 0]
    original, clone = ([line for line in run.stdout.splitlines() if line.startswith("|")] for run in runs)
    assert clone == original
    assert "108.31 M parameters, 413.18 MB in 1 torch file" in runs[1].stdout


def test_torch_is_not_imported(hub: LoopbackHub, twins: tuple[str, str]) -> None:
    program = (
        "import sys, memscan; memscan.scan(sys.argv[1]); assert 'torch' not in sys.modules; assert 'pickle' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program, twins[1]], env=environment(hub), check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_five_gigabytes(hub: LoopbackHub, tmp_path: Path) -> None:
    file = torch_sparse(tmp_path / "x", {f"layers.{number}.weight": (GIB // 80,) for number in range(100)})
    report = scanned(hub, {"pytorch_model.bin": file})
    assert report.model.checkpoint.nbytes == 100 * 4 * (GIB // 80)
    requests, nbytes = cost(hub)
    assert (requests, nbytes < 200_000) == (1, True)


def test_five_gigabytes_with_a_long_pickle(hub: LoopbackHub, tmp_path: Path) -> None:
    file = torch_sparse(tmp_path / "x", {f"layers.{number}.weight": (GIB // 1_600,) for number in range(2_000)})
    report = scanned(hub, {"pytorch_model.bin": file})
    assert len(report.model.checkpoint.tensors) == 2_000
    requests, nbytes = cost(hub)
    assert (requests, nbytes < 1_000_000) == (2, True)


def test_a_script_of_five_gigabytes(hub: LoopbackHub, tmp_path: Path) -> None:
    attributes = {f"w{number}": tensor(str(number), (GIB // 80,)) for number in range(100)}
    pickle = dumps(Make(Name("__torch__.net", "Net"), (), attributes))
    sizes = {str(number): 4 * (GIB // 80) for number in range(100)}
    report = scanned(hub, {"model.jit": on_disk(tmp_path / "x", wide_script(pickle, sizes))})
    assert report.model.checkpoint.nbytes == sum(sizes.values())
    requests, nbytes = cost(hub)
    assert (requests <= 3, nbytes < 1_000_000) == (True, True)


def test_slices_of_llama(hub: LoopbackHub) -> None:
    slices = {f"consolidated.{number:02}.pth": torch_zip() for number in range(8)}
    report = scanned(hub, {**slices, "params.json": b"{}"})
    assert (read_files(report), report.model.checkpoint.nbytes) == (list(slices), 8 * 4 * ELEMENTS)
    assert codes(report) == ["slices"]
    assert len({each.name for each in report.model.checkpoint.tensors}) == 8 * len(SHAPES)


def test_a_single_slice_of_llama(hub: LoopbackHub) -> None:
    report = scanned(hub, {"consolidated.00.pth": torch_zip()})
    assert (report.model.checkpoint.nbytes, codes(report)) == (4 * ELEMENTS, [])


@pytest.mark.parametrize(("subfolder", "expected"), [(None, "model.safetensors"), ("original", "original/consolidated.00.pth")])
def test_llama_with_original(hub: LoopbackHub, subfolder: str | None, expected: str) -> None:
    files = {"model.safetensors": safe(), "original/consolidated.00.pth": torch_zip(), "original/params.json": b"{}"}
    assert read_files(scanned(hub, files, subfolder=subfolder)) == [expected]


def test_a_training_checkpoint(hub: LoopbackHub) -> None:
    moments = {0: {"step": 3, "exp_avg": tensor("m", (10, 4)), "exp_avg_sq": tensor("v", (10, 4))}}
    whole = {"epoch": 3, "state_dict": ordered({"w": tensor("w", (10, 4))}), "optimizer": {"state": moments, "param_groups": []}}
    report = scanned(hub, {"last.ckpt": archive(dumps(whole), {"w": 160, "m": 160, "v": 160})})
    assert (report.model.checkpoint.nbytes, codes(report)) == (160, ["training-state"])
    assert "2 tensors of training state beside the weights, 320 bytes, not counted" in message(report, "training-state")


def test_a_training_folder(hub: LoopbackHub) -> None:
    beside = dict.fromkeys(["optimizer.pt", "scheduler.pt", "training_args.bin", "rng_state_0.pth", "scaler.pt"], b"not read")
    report = scanned(hub, {"pytorch_model.bin": torch_zip(), **beside})
    assert (read_files(report), codes(report)) == (["pytorch_model.bin"], [])


def test_tied_tensors(hub: LoopbackHub) -> None:
    shared = tensor("0", (10, 4))
    file = archive(
        dumps(ordered({"embed.weight": shared, "lm_head.weight": shared, "norm": tensor("1", (4,))})), {"0": 160, "1": 16}
    )
    report = scanned(hub, {"pytorch_model.bin": file})
    assert (report.model.checkpoint.nbytes, codes(report)) == (176, ["tied"])
    assert "lm_head.weight" in message(report, "tied")


def test_a_malicious_pickle(hub: LoopbackHub) -> None:
    file = archive(dumps({"w": Make(Name("os", "system"), ("touch pwned",))}), {})
    hub.add_repository(Repository(repo_id="org/evil", files={"pytorch_model.bin": file}))
    done = run_memscan(hub, "org/evil")
    assert (done.code, done.stdout) == (5, "")
    assert done.stderr.count("\n") == 1
    assert "os.system" in done.stderr


def test_a_file_that_is_no_torch_file(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="org/other", files={"model.bin": b"fastText or CTranslate2"}))
    done = run_memscan(hub, "org/other")
    assert (done.code, done.stderr.count("\n")) == (5, 1)
    assert "model.bin" in done.stderr


@pytest.mark.parametrize("name", ["pytorch_model.bin", "x.pt", "x.pth", "x.ckpt", "x.pth.tar"])
def test_a_url(hub: LoopbackHub, name: str) -> None:
    report = scan(hub.add_file(name, torch_zip()))
    assert (read_files(report), report.model.checkpoint.nbytes, len(hub.requests)) == ([name], 4 * ELEMENTS, 1)


def test_a_local_file(tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(torch_zip())
    assert scan(tmp_path / "x.pth").model.checkpoint.nbytes == 4 * ELEMENTS


def test_two_files_that_nobody_prefers(hub: LoopbackHub) -> None:
    with pytest.raises(NoWeightsError, match=r"name one of a.pt, b.pt"):
        scanned(hub, {"a.pt": torch_zip(), "b.pt": torch_zip()})
