"""Snapshots of targets of every kind: what the target says, they say where nothing of it is left."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

import memscan as library
from memscan.source.blobs import _noise as noisy
from memscan.source.snapshot import read_snapshot
from tests.hub import Discussion, LoopbackHub, Repository, Revision
from tests.parts.layouts import Files, as_json, lay, pipeline, serve, torch_weights, weights
from tests.parts.test_adapters import BASE, adapter
from tests.parts.test_modules import with_dense
from tests.parts.test_projectors import FILES as PROJECTED
from tests.writers import gguf, safetensors

from .snapshot_runs import every_command, runner, says_the_same

BRIEF = tuple(every_command(("json",)))
GATED = {"gated": "auto", "readers": frozenset({"hf_reader"})}


@pytest.fixture
def same(hub: LoopbackHub, tmp_path: Path, capsys) -> Callable[..., Path]:
    """Holds a target, read with options, to its snapshot."""

    def same(target: object, *options: object) -> Path:
        path = tmp_path / "it.memscan"
        says_the_same(runner(capsys), hub, target, path, BRIEF, *options)
        return path

    return same


def vectors(count: int, *, elements: int = 6) -> bytes:
    return safetensors.write({f"model.layers.{i}.w": ("F32", (elements,)) for i in range(count)})


@pytest.mark.parametrize("options", [(), ("--variant", "fp16")])
def test_a_pipeline(hub, same, options):
    same(serve(hub, pipeline()), *options)


@pytest.mark.parametrize("top", ["", "0_Transformer"])
def test_sentence_transformers(hub, same, top):
    same(serve(hub, with_dense(top)))


def test_torch_files(hub, same):
    repository = Repository(
        repo_id="org/name", files={"pytorch_model.bin": torch_weights("a", 4, 4), "config.json": BASE["config.json"]},
        discussions=(Discussion(num=3, title="Adding `safetensors` variant", author="SFconvertbot", is_pull_request=True),),
    )  # fmt: skip
    hub.add_repository(repository)
    path = same("org/name")
    assert "--revision refs/pr/3" in str(library.scan(path).notes)


@pytest.mark.parametrize("options", [(), ("--mmproj",)])
def test_gguf_with_a_projector(hub, same, options):
    same(serve(hub, PROJECTED), *options)


@pytest.mark.parametrize("word", ["hf://org/pipe/unet", "hf://org/pipe@main/vae/diffusion_pytorch_model.safetensors"])
def test_a_place_inside_a_repository(hub, same, word):
    serve(hub, pipeline())
    same(word)


def test_a_place_named_by_an_option(hub, same):
    same(serve(hub, pipeline()), "--file", "unet/diffusion_pytorch_model.fp16.safetensors")


@pytest.mark.parametrize("words", [("org/name@dev",), ("org/name", "--revision", "dev"), ("org/name@" + "d" * 40,)])
def test_a_revision(hub, same, words):
    branch = Revision(commit="d" * 40, files={"model.safetensors": vectors(3)})
    hub.add_repository(Repository(repo_id="org/name", files={"model.safetensors": vectors(2)}, branches={"dev": branch}))
    path = same(*words)
    assert library.scan(path).model.origin.commit == "d" * 40


def test_another_revision_is_refused(hub, tmp_path):
    serve(hub, BASE, "org/base")
    path = library.snapshot("org/base", tmp_path / "base.memscan", cache=False)
    report = library.scan(path)
    for revision in ("main", report.model.origin.commit):
        assert library.scan(path, revision=revision) == report
    with pytest.raises(library.UsageError, match=r"base\.memscan is a snapshot of 'org/base', of one revision"):
        library.scan(path, revision="v2")


def test_a_url(hub, same):
    path = same(hub.add_file("x.safetensors", vectors(3)) + "?Signature=s3cret")
    assert "s3cret" not in str(read_snapshot(path, "it").archive.manifest)


def test_an_index_that_is_wrong_is_said(hub, tmp_path):
    """The Hub's one reply with all headers leaves the index's map out; a snapshot, as a scan of a commit, has it."""
    shards = {f"model-{i}.safetensors": safetensors.write({f"w{i}": ("F32", (3,))}) for i in (2, 1)}
    names = {"w2": "model-1.safetensors", "w1": "model-1.safetensors", "x": "model-2.safetensors"}
    index = as_json({"metadata": {"total_size": 24}, "weight_map": names})
    target = serve(hub, {**shards, "model.safetensors.index.json": index}, "org/wrong")
    path = library.snapshot(target, tmp_path / "it.memscan", cache=False)
    report, main = library.scan(path), library.scan(target, cache=False)
    pinned = library.scan(f"{target}@{main.model.origin.commit}", cache=False)
    assert report.notes == pinned.notes != main.notes == ()
    assert report.model.checkpoint == pinned.model.checkpoint
    assert report.model.checkpoint.tensors == main.model.checkpoint.tensors


class TestAdapters:
    def test_its_base_is_in_it(self, hub, same):
        serve(hub, BASE, "org/base")
        path = same(serve(hub, adapter(), "org/lora"))
        assert [part.name for part in library.scan(path).model.parts] == ["adapter", "org/base"]

    def test_an_adapter_of_an_adapter(self, hub, same):
        serve(hub, BASE, "org/base")
        serve(hub, adapter(), "org/lora")
        same(serve(hub, adapter(base_model_name_or_path="org/lora"), "org/second"))

    def test_its_own_base(self, hub, same):
        same(serve(hub, adapter(base_model_name_or_path="org/lora"), "org/lora"))

    @pytest.mark.parametrize(
        ("about", "config"),
        [({}, {"base_model_name_or_path": "org/gone"}), (GATED, {}), ({}, {"base_model_name_or_path": "../x"})],
    )
    def test_a_base_that_cannot_be_read(self, hub, same, about, config):
        serve(hub, BASE, "org/base", **about)
        path = same(serve(hub, adapter(**config), "org/lora"))
        assert "base-not-read" in str(library.scan(path).notes)

    def test_a_base_that_is_broken(self, hub, same):
        serve(hub, {**BASE, "model.safetensors": b"<html>" * 10}, "org/base")
        path = same(serve(hub, adapter(), "org/lora"))
        assert "starts like a web page" in str(library.scan(path).notes)

    @pytest.mark.parametrize("backend", ["header", "auto"])
    def test_a_base_without_weights(self, hub, tmp_path, backend):
        serve(hub, {"config.json": BASE["config.json"]}, "org/base")
        target = serve(hub, adapter(), "org/lora")
        path = library.snapshot(target, tmp_path / "it.memscan", cache=False)
        assert library.scan(path, backend=backend) == library.scan(target, backend=backend, cache=False)

    def test_a_base_in_a_folder_is_the_one_that_was_there(self, hub, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        lay(tmp_path / "base", BASE)
        lay(tmp_path / "lora", adapter(base_model_name_or_path="base"))
        path = library.snapshot("./lora", "it.memscan")
        report = library.scan("./lora")
        assert len(report.model.parts) == 2
        lay(tmp_path / "base", {"model.safetensors": vectors(9)})
        assert library.scan(path) == report != library.scan("./lora")

    def test_a_folder_that_was_not_there_is_not_read(self, hub, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        lay(tmp_path / "lora", adapter(base_model_name_or_path="org/base"))
        path = library.snapshot("./lora", "it.memscan")
        report = library.scan("./lora", cache=False)
        lay(tmp_path / "org" / "base", BASE)
        assert library.scan(path) == report
        assert "org/base was not found" in str(report.notes)


class TestHere:
    def test_a_folder_that_is_gone(self, same, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        lay(tmp_path / "model", {"model.safetensors": vectors(3), "config.json": BASE["config.json"]})
        path = same("model")
        report = library.scan("model")
        (tmp_path / "model" / "model.safetensors").unlink()
        assert library.scan(path) == report
        assert "local-path" in str(report.notes) or report.model.origin.name == "model"

    def test_a_file(self, same, tmp_path):
        lay(tmp_path, {"model.safetensors": vectors(3)})
        same(tmp_path / "model.safetensors")

    def test_shards_by_their_index(self, same, tmp_path):
        shards = {f"model-{i}.safetensors": safetensors.write({f"w{i}": ("F32", (3,))}) for i in (1, 2)}
        names = {"w1": "model-1.safetensors", "w2": "model-2.safetensors"}
        index = as_json({"metadata": {"total_size": 24}, "weight_map": names})
        lay(tmp_path, {**shards, "model.safetensors.index.json": index})
        same(tmp_path / "model.safetensors.index.json")

    def test_a_name_that_is_no_utf8(self, tmp_path):
        folder = Path(f"{tmp_path}/caf\udce9")
        try:
            lay(folder, {"model.safetensors": vectors(3)})
        except OSError:
            pytest.skip("a file system that has no such names")
        report = library.scan(folder)
        assert library.scan(library.snapshot(folder, tmp_path / "it.memscan")) == report


def test_a_config_alone(hub, tmp_path, capsys):
    memscan = runner(capsys)
    files: Files = {"config.json": BASE["config.json"], "unrelated.txt": b""}
    target, path = serve(hub, files, "org/config"), tmp_path / "it.memscan"
    expected = memscan("estimate", target, "--backend", "header")
    assert memscan("snapshot", target, "-o", path).code == 0
    hub.reset()
    assert memscan("estimate", path, "--backend", "header") == expected
    assert expected.code == 3
    (record,) = [read_snapshot(path, "it").record]
    assert list(record.pieces) == ["config.json"]


@pytest.mark.torch
def test_the_meta_device(hub, tmp_path):
    config = as_json({"architectures": ["BertModel"], "model_type": "bert", "num_hidden_layers": 1, "hidden_size": 12,
                      "intermediate_size": 24, "vocab_size": 30, "max_position_embeddings": 16})  # fmt: skip
    for name, files in {"org/a": {}, "org/b": {"model.safetensors": vectors(2)}}.items():
        target = serve(hub, {"config.json": config, **files}, name)
        report = library.scan(target, backend="meta", cache=False)
        path = library.snapshot(target, tmp_path / "it.memscan", cache=False)
        assert library.scan(path, backend="meta") == report
        with pytest.raises(library.UsageError, match="holds no code"):
            library.scan(path, backend="meta", trust_remote_code=True)


def noise(count: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(count)


def quants(*labels: str, tokens: int = 60_000) -> Files:
    """GGUF files with one tokenizer and tensors that no compressor makes smaller."""
    chance = random.Random(0)
    words = [f"{chance.getrandbits(40):x}" for _ in range(tokens)]
    files: Files = {}
    for label in labels:
        keys = [
            ("general.architecture", gguf.STRING, "llama"), ("general.name", gguf.STRING, f"in {label}"),
            ("tokenizer.ggml.tokens", gguf.ARRAY, gguf.Array(gguf.STRING, words)),
        ]  # fmt: skip
        tensors = [gguf.Tensor(f"blk.{i}.attn_q.weight", (256, 64), 1, 32_768) for i in range(32)]
        head = gguf.Writer().file(keys, tensors, data=False)
        files[f"model-{label}.gguf"] = head + noise(32 * 32_768)
    return files


def test_what_gguf_files_share_is_kept_once_and_of_tensors_nothing(hub, tmp_path):
    files = quants("Q4_0", "Q8_0", "F16", "BF16")
    one = library.snapshot(serve(hub, quants("F16"), "org/one"), tmp_path / "one.memscan", cache=False)
    four = library.snapshot(serve(hub, files, "org/four"), tmp_path / "four.memscan", cache=False)
    assert four.stat().st_size < 1.1 * one.stat().st_size
    archive = read_snapshot(four, "it").archive
    kept = b"".join(archive.blob(number) for number in range(len(archive.blobs)))
    tensors = noise(32 * 32_768)
    # All but the ends of what is left out, where a header might end.
    assert sum(tensors[start : start + 64] in kept for start in range(0, len(tensors) - 64, 1_024)) <= 2 * 4 * 2 * 4
    assert library.scan(four) == library.scan("org/four", cache=False)


def test_names_that_look_like_tensors_are_kept(hub, tmp_path):
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&()*+,-./:;<=>?@[]^_{|}~"
    names = ["".join(random.Random(i).choices(letters, k=3_000)) for i in range(40)]
    target = serve(hub, {"model.safetensors": safetensors.write(dict.fromkeys(names, ("F32", (1,))))}, "org/noise")
    path = library.snapshot(target, tmp_path / "it.memscan", cache=False)
    assert library.scan(path) == library.scan(target, cache=False)
    snapshot = read_snapshot(path, "it")
    ((piece,),) = snapshot.record.pieces.values()
    (header,) = [snapshot.archive.blob(number) for number in range(len(snapshot.archive.blobs))]
    assert list(noisy(header))
    assert all(extent.blob is not None for extent in piece.extents)


def test_the_head_is_not_kept_beyond_the_header(hub, tmp_path):
    whole = vectors(2, elements=50_000)
    target = serve(hub, {"model.safetensors": whole[: -2 * 200_000] + noise(2 * 200_000)}, "org/x")
    path = library.snapshot(target, tmp_path / "it.memscan", cache=False)
    assert path.stat().st_size < 1_000


def test_100_000_tensors(hub, tmp_path):
    names = [
        f"model.layers.{layer}.mlp.experts.{expert}.{word}_proj.{kind}"
        for layer in range(61) for expert in range(256)
        for word in ("gate", "up", "down") for kind in ("weight", "weight_scale_inv")
    ]  # fmt: skip
    shards = {f"model-{i:05}-of-00163.safetensors": names[i * 580 : (i + 1) * 580] for i in range(163)}
    files = {path: safetensors.write(dict.fromkeys(own, ("F8_E4M3", (4,)))) for path, own in shards.items()}
    index = {"metadata": {}, "weight_map": {name: path for path, own in shards.items() for name in own}}
    files["model.safetensors.index.json"] = as_json(index)
    folder = lay(tmp_path / "deepseek", files)
    path = library.snapshot(folder, tmp_path / "it.memscan")
    read = sum(len(content) - 4 * len(shards.get(place, ())) for place, content in files.items())
    assert len(names) > 90_000
    assert path.stat().st_size < read / 15
    assert len(library.scan(path).model.checkpoint.tensors) == sum(map(len, shards.values()))


def test_what_was_not_asked_for_is_said(hub, tmp_path):
    files = {"model.safetensors": vectors(2), "pytorch_model.bin": torch_weights("a", 4, 4)}
    path = library.snapshot(serve(hub, files, "org/name"), tmp_path / "it.memscan", cache=False)
    with pytest.raises(library.TargetError, match=r"it.memscan holds no bytes 0 to .* of 'pytorch_model.bin'; take the snapshot"):
        library.scan(path, file="pytorch_model.bin")
    again = library.snapshot("org/name", path, file="pytorch_model.bin", cache=False)
    assert library.scan(again, file="pytorch_model.bin") == library.scan("org/name", file="pytorch_model.bin", cache=False)


def test_a_gated_model_leaves_nothing_behind(hub, tmp_path):
    target = serve(hub, {**BASE, "x": weights("a", 2, 2)}, "org/gated", **GATED)
    with pytest.raises(library.GatedError):
        library.snapshot(target, tmp_path / "it.memscan", cache=False)
    assert list(tmp_path.iterdir()) == []
    path = library.snapshot(target, tmp_path / "it.memscan", token="hf_reader", cache=False)
    assert library.scan(path).model.checkpoint.nbytes > 0
    assert b"hf_reader" not in path.read_bytes()
