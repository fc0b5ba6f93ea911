"""sentence-transformers: a row for each module with weights, where they are in more than one."""

from pathlib import Path

import pytest

from memscan import FormatError, NotFoundError, scan
from tests.hub import LoopbackHub
from tests.runner import run_memscan

from .layouts import (
    WRONG,
    Cost,
    Files,
    as_json,
    codes,
    counted,
    lay,
    message,
    parts,
    rendered,
    serve,
    torch_weights,
    valid_json,
    weights,
)

KINDS = "sentence_transformers.models."
BERT = "encoder.layer.0.output.dense"
CONFIG = as_json({"architectures": ["BertModel"], "model_type": "bert"})
TOP = 4 * (32 * 32 + 32)
DENSE = 4 * (16 * 32 + 16)


def modules(*named: tuple[str, str]) -> bytes:
    """`modules.json` of paths and kinds, in order."""
    return as_json([{"idx": i, "name": str(i), "path": path, "type": KINDS + kind} for i, (path, kind) in enumerate(named)])


def with_dense(top: str = "", dense: str = "model.safetensors") -> Files:
    """A transformer at `top`, and a Dense module behind its pooling."""
    place = f"{top}/" if top else ""
    return {
        "modules.json": modules(
            (top, "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense"), ("3_Normalize", "Normalize")
        ),
        "1_Pooling/config.json": b"{}",
        "2_Dense/config.json": as_json({"in_features": 32, "out_features": 16}),
        f"2_Dense/{dense}": torch_weights("linear", 16, 32) if dense.endswith(".bin") else weights("linear", 16, 32),
        f"{place}config.json": CONFIG,
        f"{place}model.safetensors": weights(BERT, 32, 32),
    }


def test_a_transformer_at_the_top_and_a_dense_module(hub: LoopbackHub) -> None:
    files = with_dense()
    del files["config.json"]
    report, cost = counted(hub, serve(hub, files, library="sentence-transformers"))
    assert parts(report) == {"Transformer": ("Transformer", TOP), "2_Dense": ("Dense", DENSE)}
    assert report.estimates[0].total_bytes == report.model.checkpoint.nbytes == TOP + DENSE
    assert report.largest_layer is not None
    assert (report.largest_layer.name, report.largest_layer.nbytes) == ("encoder.layer.0", TOP)
    assert [tensor.name for tensor in report.model.checkpoint.tensors][2:] == ["2_Dense.linear.weight", "2_Dense.linear.bias"]
    assert (codes(report), report.placements) == ([], ())
    # The listing and a wrong guess; modules.json; then two headers and the config of the Dense module, each with its redirect.
    assert cost == Cost(requests=1 + 1 + 2 + 3 * 2, trips=5)


def test_a_folder_gives_what_the_hub_gives(hub: LoopbackHub, tmp_path: Path) -> None:
    here, there = scan(lay(tmp_path, with_dense())), scan(serve(hub, with_dense()))
    assert (here.model.parts, here.estimates) == (there.model.parts, there.estimates)
    assert here.model.origin.library == "sentence-transformers"


def test_reports(hub: LoopbackHub) -> None:
    report = scan(serve(hub, with_dense()))
    found = valid_json(report)
    assert [(one["name"], one["role"], one["class"], one["bytes"]) for one in found["components"]] == [
        ("Transformer", "module", "Transformer", TOP),
        ("2_Dense", "module", "Dense", DENSE),
    ]
    assert found["placements"] == []
    assert found["target"]["architecture"] == "BertModel"
    assert "| 2_Dense     | Dense       | F32   | 528        | 2.06 KB    |" in rendered(report, "table")
    assert "| Dense | F32 | 528 | 2.06 KB |" in rendered(report, "markdown")


def test_a_dense_module_of_torch_files(hub: LoopbackHub) -> None:
    report = scan(serve(hub, with_dense(dense="pytorch_model.bin")))
    assert parts(report) == {"Transformer": ("Transformer", TOP), "2_Dense": ("Dense", 4 * 16 * 32)}
    assert report.model.checkpoint.format == "safetensors+torch"


def test_a_transformer_in_a_folder(hub: LoopbackHub) -> None:
    report, cost = counted(hub, serve(hub, with_dense("0_Transformer")))
    assert parts(report) == {"0_Transformer": ("Transformer", TOP), "2_Dense": ("Dense", DENSE)}
    assert cost == Cost(requests=1 + WRONG + 2 + 4 * 2, trips=5)


@pytest.mark.parametrize("place", ["", "0_StaticEmbedding"])
def test_a_static_embedding(hub: LoopbackHub, place: str) -> None:
    prefix = f"{place}/" if place else ""
    files = {
        "modules.json": modules((place, "StaticEmbedding")),
        f"{prefix}model.safetensors": weights("embedding", 100, 16, bias=False),
        f"{prefix}tokenizer.json": b"{}",
    }
    report = scan(serve(hub, files))
    assert report.model.checkpoint.nbytes == 4 * 100 * 16
    assert parts(report) == ({place: ("StaticEmbedding", 4 * 100 * 16)} if place else {})


PLAIN = {
    "modules.json": modules(("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")),
    "1_Pooling/config.json": b"{}",
    "config.json": CONFIG,
    "model.safetensors": weights(BERT, 32, 32),
    "onnx/model.onnx": bytes(10),
    "openvino/openvino_model.bin": bytes(10),
}


class TestAPlainModel:
    def test_stays_one_and_costs_what_one_costs(self, hub: LoopbackHub) -> None:
        report, cost = counted(hub, serve(hub, PLAIN))
        assert (report.model.parts, report.model.checkpoint.nbytes) == ((), TOP)
        assert cost == Cost(requests=5, trips=2)

    def test_without_a_look_at_modules_that_are_broken(self, hub: LoopbackHub) -> None:
        assert scan(serve(hub, {**PLAIN, "modules.json": b"{"})).model.checkpoint.nbytes == TOP

    def test_with_the_checkpoints_of_a_training_below_it(self, hub: LoopbackHub) -> None:
        report = scan(serve(hub, {**PLAIN, "checkpoint-500/model.safetensors": weights(BERT, 32, 32)}))
        assert (report.model.parts, report.model.checkpoint.nbytes) == ((), TOP)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b"[" * 100_000, b'[{"path": 3}]', b'[{"type": []}]'])
def test_modules_that_are_broken(hub: LoopbackHub, content: bytes) -> None:
    target = serve(hub, {**with_dense(), "modules.json": content})
    with pytest.raises(FormatError, match=r"^modules\.json"):
        scan(target)
    run = run_memscan(hub, target)
    assert (run.code, run.stdout, len(run.stderr.splitlines())) == (5, "", 1)


def test_modules_without_end(hub: LoopbackHub) -> None:
    content = modules(*[(f"{number}_Dense", "Dense") for number in range(10_000)])
    with pytest.raises(FormatError, match=r"modules\.json names more than the 200 modules that memscan reads"):
        scan(serve(hub, {**with_dense(), "modules.json": content}))


@pytest.mark.parametrize("path", ["../other", "/etc", "..", "a/../2_Dense", "C:\\x", "~", "x\x00"])
def test_a_path_that_leads_outside_opens_nothing(hub: LoopbackHub, tmp_path: Path, path: str) -> None:
    files = {**with_dense(), "modules.json": modules(("", "Transformer"), ("2_Dense", "Dense"), (path, "Dense"))}
    lay(tmp_path / "other", {"model.safetensors": weights("x", 9, 9)})
    for report in (scan(lay(tmp_path / "model", files)), scan(serve(hub, files))):
        assert report.model.checkpoint.nbytes == TOP + DENSE
        assert "is not counted: there is no folder" in message(report, "component-without-weights")


def test_a_module_that_is_named_twice_is_counted_once(hub: LoopbackHub) -> None:
    named = (("", "Transformer"), ("2_Dense", "Dense"), ("2_Dense/", "Dense"), ("", "Transformer"))
    assert scan(serve(hub, {**with_dense(), "modules.json": modules(*named)})).model.checkpoint.nbytes == TOP + DENSE


def test_a_transformer_that_cannot_be_read_is_said(hub: LoopbackHub) -> None:
    files = with_dense()
    files["tf_model.h5"] = files.pop("model.safetensors")
    report = scan(serve(hub, files))
    assert parts(report) == {"2_Dense": ("Dense", DENSE)}
    said = message(report, "component-without-weights")
    assert said.startswith("the module '0' ('Transformer') is not counted: ")
    assert "tf_model.h5" in said


def test_a_module_whose_weights_are_gone_is_said(hub: LoopbackHub) -> None:
    files = with_dense()
    del files["2_Dense/model.safetensors"]
    report = scan(serve(hub, files))
    assert report.model.checkpoint.nbytes == TOP
    assert message(report, "component-without-weights").startswith("the module '2_Dense' ('Dense') is not counted: ")


ROUTER = {
    "types": {
        "query_0_StaticEmbedding": KINDS + "StaticEmbedding",
        "document_0_Transformer": KINDS + "Transformer",
        "document_1_Pooling": KINDS + "Pooling",
    },
    "structure": {"query": ["query_0_StaticEmbedding"], "document": ["document_0_Transformer", "document_1_Pooling"]},
    "parameters": {},
}


@pytest.mark.parametrize(("place", "config"), [("", "router_config.json"), ("0_Asym", "config.json")])
def test_a_router_holds_the_modules_of_its_routes(hub: LoopbackHub, place: str, config: str) -> None:
    prefix = f"{place}/" if place else ""
    files = {
        "modules.json": modules((place, "Asym" if place else "Router"), ("1_Normalize", "Normalize")),
        f"{prefix}{config}": as_json(ROUTER),
        f"{prefix}query_0_StaticEmbedding/model.safetensors": weights("embedding", 100, 16, bias=False),
        f"{prefix}document_0_Transformer/config.json": CONFIG,
        f"{prefix}document_0_Transformer/model.safetensors": weights(BERT, 32, 32),
    }
    report = scan(serve(hub, files))
    assert parts(report) == {
        f"{prefix}query_0_StaticEmbedding": ("StaticEmbedding", 4 * 100 * 16),
        f"{prefix}document_0_Transformer": ("Transformer", TOP),
    }
    assert codes(report) == []


def test_a_router_beside_a_transformer_at_the_top(hub: LoopbackHub) -> None:
    types = {"": KINDS + "Transformer", "query_0_StaticEmbedding": KINDS + "StaticEmbedding"}
    files = {
        "modules.json": modules(("", "Router")),
        "router_config.json": as_json({"types": types, "structure": {}}),
        "query_0_StaticEmbedding/model.safetensors": weights("embedding", 100, 16, bias=False),
        "model.safetensors": weights(BERT, 32, 32),
    }
    report, cost = counted(hub, serve(hub, files))
    assert parts(report) == {
        "Transformer": ("Transformer", TOP),
        "query_0_StaticEmbedding": ("StaticEmbedding", 4 * 100 * 16),
    }
    # One step more than without a router, whose config names the modules.
    assert cost == Cost(requests=1 + 1 + 2 + 2 + 2 * 2, trips=7)


def test_a_variant_of_some_modules(hub: LoopbackHub) -> None:
    files = {**with_dense(), "model.fp16.safetensors": weights(BERT, 32, 32, dtype="F16")}
    report = scan(serve(hub, files), variant="fp16")
    assert parts(report) == {"Transformer": ("Transformer", TOP // 2), "2_Dense": ("Dense", DENSE)}
    assert "2_Dense has no weights of the variant 'fp16'" in message(report, "variant-missing")
    with pytest.raises(NotFoundError, match=r"no module of modules\.json has weights of the variant 'bf16'"):
        scan("org/pipe", variant="bf16")
