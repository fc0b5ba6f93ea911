"""Repositories whose weights are safetensors."""

import json

import pytest

from memscan.errors import NoWeightsError
from tests.hub import LoopbackHub

from .files import ELEMENTS, SHAPES, codes, halves, index, message, read_files, safe, scanned, shard

INDEX = "model.safetensors.index.json"
HALVES = halves("model-0000{}-of-00002.safetensors")
SHARDED = {INDEX: index(HALVES), **{name: safe(shard(names)) for name, names in HALVES.items()}}


@pytest.mark.parametrize("name", ["model.safetensors", "any-name-1.0.safetensors", "open_clip_model.safetensors"])
def test_single(hub: LoopbackHub, name: str) -> None:
    report = scanned(hub, {name: safe()})
    assert (read_files(report), report.model.checkpoint.nbytes, codes(report)) == ([name], 4 * ELEMENTS, [])
    assert report.largest_layer is not None
    assert (report.largest_layer.name, report.largest_layer.nbytes) == ("model.embed", 160)


def test_sharded(hub: LoopbackHub) -> None:
    report = scanned(hub, SHARDED)
    assert (read_files(report), report.model.checkpoint.nbytes, codes(report)) == (list(HALVES), 4 * ELEMENTS, [])


def test_sharded_with_other_names(hub: LoopbackHub) -> None:
    named = {"first": tuple(SHAPES)}
    report = scanned(hub, {INDEX: json.dumps({"weight_map": dict.fromkeys(SHAPES, "first")}).encode(), "first": safe()})
    assert (read_files(report), codes(report)) == (list(named), ["index-total-size"])


def test_shards_without_an_index(hub: LoopbackHub) -> None:
    report = scanned(hub, {name: file for name, file in SHARDED.items() if name != INDEX})
    assert (read_files(report), report.model.checkpoint.nbytes, codes(report)) == (list(HALVES), 4 * ELEMENTS, ["no-index"])


def test_shards_that_are_missing(hub: LoopbackHub) -> None:
    first = next(iter(HALVES))
    with pytest.raises(NoWeightsError, match="are not complete"):
        scanned(hub, {first: SHARDED[first]})


def test_one_shard(hub: LoopbackHub) -> None:
    first = next(iter(HALVES))
    report = scanned(hub, SHARDED, file=first)
    assert (read_files(report), codes(report)) == ([first], ["one-shard"])


@pytest.mark.parametrize(
    ("variant", "file", "nbytes"),
    [(None, "model.safetensors", 4), ("fp16", "model.fp16.safetensors", 2), ("bf16", "model.bf16.safetensors", 2)],
)
def test_variants(hub: LoopbackHub, variant: str | None, file: str, nbytes: int) -> None:
    files = {
        "model.safetensors": safe(),
        "model.fp16.safetensors": safe(dtype="F16"),
        "model.bf16.safetensors": safe(dtype="BF16"),
    }
    report = scanned(hub, files, variant=variant)
    assert (read_files(report), report.model.checkpoint.nbytes, codes(report)) == ([file], nbytes * ELEMENTS, [])


@pytest.mark.parametrize("pattern", ["model.fp16-0000{}-of-00002.safetensors", "model-0000{}-of-00002.fp16.safetensors"])
def test_a_sharded_variant(hub: LoopbackHub, pattern: str) -> None:
    parts = halves(pattern)
    files = {name: safe(shard(names)) for name, names in parts.items()}
    report = scanned(hub, {**SHARDED, "model.safetensors.index.fp16.json": index(parts), **files}, variant="fp16")
    assert (read_files(report), codes(report)) == (list(parts), [])


def test_the_only_variant(hub: LoopbackHub) -> None:
    report = scanned(hub, {"model.fp16.safetensors": safe(dtype="F16")})
    assert codes(report) == ["variant"]
    assert "fp16" in message(report, "variant")


def test_several_files_that_nobody_prefers(hub: LoopbackHub) -> None:
    with pytest.raises(NoWeightsError, match=r"name one of a.safetensors, b.safetensors"):
        scanned(hub, {"a.safetensors": safe(), "b.safetensors": safe()})


def test_one_of_them_by_name(hub: LoopbackHub) -> None:
    assert read_files(scanned(hub, {"a.safetensors": safe(), "b.safetensors": safe()}, file="b.safetensors")) == ["b.safetensors"]


def test_one_subfolder_with_weights(hub: LoopbackHub) -> None:
    report = scanned(hub, {"weights/fp32/model.safetensors": safe()})
    assert (read_files(report), codes(report)) == (["weights/fp32/model.safetensors"], ["subfolder"])


def test_several_subfolders_with_weights(hub: LoopbackHub) -> None:
    files = {"checkpoint-500/model.safetensors": safe(), "checkpoint-1000/model.safetensors": safe()}
    with pytest.raises(NoWeightsError, match=r"no weights in the top folder itself; name a folder or a file, .* checkpoint-500/"):
        scanned(hub, files)


def test_one_of_them_by_its_folder(hub: LoopbackHub) -> None:
    files = {"checkpoint-500/model.safetensors": safe(), "checkpoint-1000/model.safetensors": safe()}
    assert read_files(scanned(hub, files, subfolder="checkpoint-1000")) == ["checkpoint-1000/model.safetensors"]


def test_consolidated_beside_shards(hub: LoopbackHub) -> None:
    report = scanned(hub, {"consolidated.safetensors": safe(), **SHARDED})
    assert (read_files(report), codes(report)) == (list(HALVES), ["two-checkpoints"])
    assert "consolidated.safetensors" in message(report, "two-checkpoints")


def test_consolidated_alone(hub: LoopbackHub) -> None:
    report = scanned(hub, {"consolidated.safetensors": safe(), "params.json": b"{}"})
    assert (read_files(report), codes(report)) == (["consolidated.safetensors"], [])


@pytest.mark.parametrize(("subfolder", "expected"), [(None, list(HALVES)), ("original", ["original/model.safetensors"])])
def test_original_and_metal(hub: LoopbackHub, subfolder: str | None, expected: list[str]) -> None:
    files = {**SHARDED, "original/model.safetensors": safe(), "metal/model.bin": b"not a torch file"}
    report = scanned(hub, files, subfolder=subfolder)
    assert (read_files(report), codes(report)) == (expected, [])
