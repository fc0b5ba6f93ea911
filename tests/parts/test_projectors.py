"""GGUF models with the projector that they are loaded with for images or sound."""

import pytest

from memscan import NotFoundError, scan
from memscan.scanning.projector import plan_projector
from tests.hub import LoopbackHub
from tests.runner import run_memscan
from tests.writers.gguf import STRING, UINT32, Tensor, Writer

from .layouts import Cost, codes, counted, message, parts, rendered, serve, valid_json, weights

F32, F16, Q4_K = 0, 1, 12
MODEL = Writer().file(
    [("general.architecture", STRING, "llama"), ("llama.block_count", UINT32, 1)],
    [Tensor("token_embd.weight", (256, 4), Q4_K, 4 * 144), Tensor("blk.0.attn_q.weight", (256, 8), Q4_K, 8 * 144)],
)
MODEL_BYTES = 12 * 144


def projector(kind: int = F16) -> bytes:
    """A projector of 64 elements."""
    tensor = Tensor("mm.0.weight", (8, 8), kind, 64 * (4 if kind == F32 else 2))
    return Writer().file([("general.architecture", STRING, "clip"), ("general.type", STRING, "mmproj")], [tensor])


FILES = {"model-Q4_K_M.gguf": MODEL, "mmproj-model-F16.gguf": projector()}


def test_it_is_named_and_not_counted(hub: LoopbackHub) -> None:
    report = scan(serve(hub, FILES))
    assert (report.model.checkpoint.nbytes, report.model.parts) == (MODEL_BYTES, ())
    assert "mmproj-model-F16.gguf" in message(report, "mmproj")
    assert "--mmproj adds it" in message(report, "mmproj")


def test_it_is_added(hub: LoopbackHub) -> None:
    report, cost = counted(hub, serve(hub, FILES), mmproj=True)
    assert [(name, nbytes) for name, (_, nbytes) in parts(report).items()][1:] == [("mmproj", 128)]
    assert [(row.dtype, row.total_bytes) for row in report.estimates] == [
        ("Q4_K_M", MODEL_BYTES + 128), ("float32", 4 * (256 * 12 + 64)), ("float16", 2 * (256 * 12 + 64)),
        ("int8", 256 * 12 + 64), ("int4", (256 * 12 + 64) // 2),
    ]  # fmt: skip
    assert report.model.checkpoint.tensors[-1].name == "mmproj.mm.0.weight"
    assert report.largest_layer is not None
    assert report.largest_layer.name == "blk.0"
    assert codes(report).count("mmproj") == 0
    assert cost.requests == 1 + 2 * 2
    found = valid_json(report)
    assert [(one["role"], one["bytes"], one["parameters"]) for one in found["components"]] == [
        ("base", MODEL_BYTES, 256 * 12),
        ("mmproj", 128, 64),
    ]
    assert "mmproj" in rendered(report, "table")


def test_the_nearest_of_several_is_added_and_said(hub: LoopbackHub) -> None:
    report = scan(serve(hub, {**FILES, "mmproj-model-F32.gguf": projector(F32)}), mmproj=True)
    assert report.model.checkpoint.nbytes == MODEL_BYTES + 128
    said = "of 2 projectors mmproj-model-F16.gguf is counted, as llama.cpp chooses; not mmproj-model-F32.gguf"
    assert message(report, "mmproj") == said


@pytest.mark.parametrize(
    ("model", "projectors", "chosen"),
    [
        ("m-Q4_K_M.gguf", ["mmproj-BF16.gguf", "mmproj-F16.gguf", "mmproj-F32.gguf"], "mmproj-BF16.gguf"),
        ("m-Q4_K_M.gguf", ["mmproj-F16.gguf", "mmproj-Q8_0.gguf"], "mmproj-Q8_0.gguf"),
        ("m-BF16.gguf", ["mmproj-F16.gguf", "mmproj-Q8_0.gguf"], "mmproj-F16.gguf"),
        ("Q8_0/m.gguf", ["mmproj-F16.gguf", "Q8_0/mmproj-F32.gguf"], "Q8_0/mmproj-F32.gguf"),
        ("Q8_0/m.gguf", ["mmproj-F16.gguf", "Q4_0/mmproj-Q8_0.gguf"], "mmproj-F16.gguf"),
        ("m.gguf", ["mmproj.gguf"], "mmproj.gguf"),
    ],
)
def test_which_of_several_llama_cpp_takes(model: str, projectors: list[str], chosen: str) -> None:
    files = dict.fromkeys([model, *projectors], 1)
    assert plan_projector(files, model).selection.files == (chosen,)


@pytest.mark.parametrize("files", [{"model-Q4_K_M.gguf": MODEL}, {"model.safetensors": weights("a", 2, 2)}])
def test_there_is_none(hub: LoopbackHub, files: dict[str, bytes]) -> None:
    target = serve(hub, files)
    with pytest.raises(NotFoundError, match="no projector"):
        scan(target, mmproj=True)
    run = run_memscan(hub, target, "--mmproj")
    assert (run.code, run.stdout) == (3, "")
    assert run.stderr == "memscan: no projector (mmproj-*.gguf) beside the model; leave out --mmproj\n"


def test_a_projector_alone_by_its_name(hub: LoopbackHub) -> None:
    report, cost = counted(hub, f"hf://{serve(hub, FILES)}/mmproj-model-F16.gguf")
    assert report.model.checkpoint.nbytes == 128
    assert cost == Cost(requests=3, trips=3)
