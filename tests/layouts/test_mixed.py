"""Repositories that hold their weights several times, or in formats that are not read."""

import pytest

from memscan import scan
from memscan.errors import NoWeightsError
from tests.hub import LoopbackHub, Repository
from tests.runner import run_memscan

from .files import ELEMENTS, codes, gguf, read_files, safe, scanned, torch_zip

FIVE_TIMES = {
    "model.safetensors": safe(),
    "pytorch_model.bin": torch_zip(),
    "llama-Q8_0.gguf": gguf("Q8_0"),
    "onnx/model.onnx": bytes(100),
    "tf_model.h5": bytes(100),
    "flax_model.msgpack": bytes(100),
    "rust_model.ot": bytes(100),
}


@pytest.mark.parametrize("gone", range(3))
def test_five_copies(hub: LoopbackHub, gone: int) -> None:
    names = list(FIVE_TIMES)[gone:]
    report = scanned(hub, {name: FIVE_TIMES[name] for name in names})
    assert read_files(report) == names[:1]
    assert report.model.checkpoint.format == ("safetensors", "torch", "gguf")[gone]


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "llama-Q8_0.gguf"])
def test_five_copies_and_one_named(hub: LoopbackHub, name: str) -> None:
    assert read_files(scanned(hub, FIVE_TIMES, file=name)) == [name]


UNREAD = {
    "onnx": ({"onnx/model.onnx": bytes(100), "onnx/model.onnx_data": bytes(1_000)}, "onnx/model.onnx (onnx, 1,100 bytes)"),
    "openvino": (
        {"openvino_model.xml": bytes(100), "openvino_model.bin": bytes(1_000)},
        "openvino_model.bin (openvino, 1,100 bytes)",
    ),
    "tensorflow": ({"tf_model.h5": bytes(1_000)}, "tf_model.h5 (tensorflow, 1,000 bytes)"),
    "keras": ({"model.keras": bytes(1_000)}, "model.keras (keras, 1,000 bytes)"),
    "flax": ({"flax_model.msgpack": bytes(1_000)}, "flax_model.msgpack (flax, 1,000 bytes)"),
    "nemo": ({"stt.nemo": bytes(1_000)}, "stt.nemo (nemo, 1,000 bytes)"),
    "fastai": ({"export.pkl": bytes(1_000)}, "export.pkl (pickle, 1,000 bytes)"),
    "spacy": ({"config.cfg": b"", "ner/model": bytes(1_000)}, "ner/model (spacy, 1,000 bytes)"),
    "coreml": ({"x.mlpackage/Data/weights/weight.bin": bytes(9)}, "x.mlpackage/Data/weights/weight.bin (coreml, 9 bytes)"),
    "ggml": ({"ggml-base.en.bin": bytes(1_000)}, "ggml-base.en.bin (ggml, 1,000 bytes)"),
}


@pytest.mark.parametrize("kind", UNREAD)
def test_formats_that_are_not_read(hub: LoopbackHub, kind: str) -> None:
    files, named = UNREAD[kind]
    with pytest.raises(NoWeightsError) as refused:
        scanned(hub, files, backend="header")
    assert str(refused.value).startswith("the weights in the top folder are in formats whose headers memscan does not read: ")
    assert named in str(refused.value)


def test_formats_that_are_not_read_are_exit_code_3(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="org/onnx", files=UNREAD["onnx"][0]))
    done = run_memscan(hub, "org/onnx", "--backend", "header")
    assert (done.code, done.stdout) == (3, "")
    assert done.stderr == (
        "memscan: the weights in the top folder are in formats whose headers memscan does not read: onnx/model.onnx "
        "(onnx, 1,100 bytes); it reads safetensors, torch (.bin, .pt, .pth, .ckpt) and GGUF\n"
    )


def test_no_weights(hub: LoopbackHub) -> None:
    with pytest.raises(NoWeightsError, match=r"nothing that holds weights in the top folder: 2 files, none of them"):
        scanned(hub, {"README.md": b"#"}, backend="header")


def test_1500_files(hub: LoopbackHub) -> None:
    others = {f"data/{number:04}.json": b"{}" for number in range(1_500)}
    report = scanned(hub, {**others, "z/model.safetensors": safe()})
    assert (read_files(report), report.model.checkpoint.nbytes) == (["z/model.safetensors"], 4 * ELEMENTS)
    assert codes(report) == ["subfolder"]
    assert sum("/api/models/" in record.path for record in hub.requests) == 1


def test_1500_checkpoints(hub: LoopbackHub) -> None:
    files = {f"step-{number}/model.safetensors": safe() for number in range(1_500)}
    hub.add_repository(Repository(repo_id="org/many", files=files))
    with pytest.raises(NoWeightsError, match="and 1,495 more"):
        scan("org/many")
    assert read_files(scan("hf://org/many/step-1499")) == ["step-1499/model.safetensors"]
