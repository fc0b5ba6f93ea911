"""PEFT adapters: the adapter, its base model, their sum, and the base that it can be merged into."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from memscan import FormatError, scan
from tests.hub import LoopbackHub, Revision
from tests.runner import run_memscan
from tests.writers import safetensors

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
    pipeline,
    placed,
    rendered,
    serve,
    torch_weights,
    valid_json,
    weights,
)

LAYER = "model.layers.0.self_attn.q_proj"
BASE_BYTES = 4 * (64 * 64 + 64)
LORA_BYTES = 2 * 4 * 8 * 64
BASE: Files = {
    "config.json": as_json({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}),
    "model.safetensors": weights(LAYER, 64, 64),
}
ABOUT = {"peft_type": "LORA", "base_model_name_or_path": "org/base", "r": 8, "task_type": "CAUSAL_LM"}


def adapter(about: Mapping[str, object] = ABOUT, **over: object) -> Files:
    """An adapter of rank 8."""
    lora = {
        f"base_model.model.{LAYER}.lora_A.weight": ("F32", (8, 64)),
        f"base_model.model.{LAYER}.lora_B.weight": ("F32", (64, 8)),
    }
    config = {**about, **over}
    return {"adapter_config.json": as_json(config), "adapter_model.safetensors": safetensors.write(lora)}


def alone(report: object) -> bool:
    """Whether the numbers are of the adapter alone."""
    return (report.model.parts, report.placements, report.model.checkpoint.nbytes) == ((), (), LORA_BYTES)


def test_adapter_base_and_their_sum(hub: LoopbackHub) -> None:
    serve(hub, BASE, "org/base")
    report, cost = counted(hub, serve(hub, adapter(), "org/lora", library="peft"))
    assert parts(report) == {"adapter": ("LORA", LORA_BYTES), "org/base": ("LlamaForCausalLM", BASE_BYTES)}
    assert report.estimates[0].total_bytes == LORA_BYTES + BASE_BYTES == 20_736
    assert placed(report) == {
        "with adapter": (LORA_BYTES + BASE_BYTES, "base model + adapter"),
        "merged": (BASE_BYTES, "base model"),
    }
    assert report.largest_layer is not None
    assert (report.largest_layer.name, report.largest_layer.nbytes) == ("model.layers.0", BASE_BYTES)
    assert (codes(report), report.model.origin.name, report.model.origin.library) == ([], "org/lora", "peft")
    # Of the adapter the listing, its weights and its config, of the base as of any model; all but the listings redirected.
    assert cost.requests == 1 + WRONG + 2 + 2 + 5


def test_reports(hub: LoopbackHub) -> None:
    serve(hub, BASE, "org/base")
    report = scan(serve(hub, adapter(), "org/lora"))
    found = valid_json(report)
    assert [(one["name"], one["role"], one["class"], one["library"], one["bytes"]) for one in found["components"]] == [
        ("adapter", "adapter", "LORA", "peft", LORA_BYTES),
        ("org/base", "base", "LlamaForCausalLM", "transformers", BASE_BYTES),
    ]
    assert found["placements"] == [
        {"name": "with adapter", "bytes": 20_736, "basis": "measured", "what": "base model + adapter"},
        {"name": "merged", "bytes": BASE_BYTES, "basis": "derived", "what": "base model"},
    ]
    for output in ("table", "markdown"):
        assert "with adapter" in rendered(report, output)
        assert "merged" in rendered(report, output)


def test_in_folders(tmp_path: Path) -> None:
    base = lay(tmp_path / "base", BASE)
    report = scan(lay(tmp_path / "lora", adapter(base_model_name_or_path=str(base))))
    assert report.model.checkpoint.nbytes == LORA_BYTES + BASE_BYTES
    assert parts(report)["adapter"] == ("LORA", LORA_BYTES)


def test_a_folder_whose_base_is_on_the_hub(hub: LoopbackHub, tmp_path: Path) -> None:
    serve(hub, BASE, "org/base")
    report = scan(lay(tmp_path, adapter()))
    assert list(parts(report)) == ["adapter", "org/base"]


def test_torch_files(hub: LoopbackHub) -> None:
    serve(hub, BASE, "org/base")
    files = adapter()
    del files["adapter_model.safetensors"]
    files["adapter_model.bin"] = torch_weights(f"base_model.model.{LAYER}.lora_A", 8, 64)
    report = scan(serve(hub, files, "org/lora"))
    assert parts(report)["adapter"] == ("LORA", 4 * 8 * 64)
    assert report.model.checkpoint.format == "torch+safetensors"


def test_a_base_at_a_revision(hub: LoopbackHub) -> None:
    old = {**BASE, "model.safetensors": weights(LAYER, 32, 32)}
    serve(hub, BASE, "org/base", branches={"v1": Revision(commit="e" * 40, files=old)})
    report = scan(serve(hub, adapter(revision="v1"), "org/lora"))
    assert parts(report)["org/base"] == ("LlamaForCausalLM", 4 * (32 * 32 + 32))
    assert parts(scan(serve(hub, adapter(revision=""), "org/new")))["org/base"] == ("LlamaForCausalLM", BASE_BYTES)


def test_a_revision_that_is_gone(hub: LoopbackHub) -> None:
    serve(hub, BASE, "org/base")
    report = scan(serve(hub, adapter(revision="v9"), "org/lora"))
    assert alone(report)
    assert "has no revision 'v9'" in message(report, "base-not-read")


def test_a_renamed_base(hub: LoopbackHub) -> None:
    serve(hub, BASE, "new/base", aliases=("org/base",))
    assert list(parts(scan(serve(hub, adapter(), "org/lora")))) == ["adapter", "new/base"]


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"gated": "auto"}, "org/base is gated and no token was given"),
        ({"private": True}, "org/base was not found"),
        (None, "org/base was not found"),
    ],
)
def test_a_base_that_cannot_be_read(hub: LoopbackHub, about: dict[str, object] | None, reason: str) -> None:
    if about is not None:
        serve(hub, BASE, "org/base", **about)
    target = serve(hub, adapter(), "org/lora")
    report = scan(target)
    assert alone(report)
    said = message(report, "base-not-read")
    assert said.startswith(f"the base model 'org/base' could not be read ({reason}")
    assert said.endswith("; the numbers are of the adapter alone")
    assert valid_json(report)["components"] == []
    run = run_memscan(hub, target)
    assert (run.code, run.stderr) == (0, "")
    assert "Note: the base model 'org/base' could not be read" in run.stdout


def test_a_base_without_weights(hub: LoopbackHub) -> None:
    serve(hub, {"config.json": b"{}"}, "org/base")
    report = scan(serve(hub, adapter(), "org/lora"))
    assert alone(report)
    assert "nothing that holds weights" in message(report, "base-not-read")


NO_NAMES = [
    "/etc/passwd", "/etc", "../x", "..", ".", "./base", "~", "~/base", "C:\\x", "C:/x", "\\\\host\\share", "a/../../b", "x\x00y",
    "file:///etc/passwd", "https://example.com/model.safetensors", "datasets/org/name", "org/base@\n", "hf://org/base",
]  # fmt: skip


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_is_no_model_opens_nothing(hub: LoopbackHub, monkeypatch, tmp_path: Path, name: str) -> None:
    lay(tmp_path / "base", BASE)
    lay(tmp_path / "x", BASE)
    monkeypatch.chdir(lay(tmp_path / "here", BASE))
    report = scan(serve(hub, adapter(base_model_name_or_path=name), "org/lora"))
    assert alone(report)
    said = message(report, "base-not-read")
    assert said.startswith("the base model is named ")
    assert "which is no model on the Hub; the numbers are of the adapter alone" in said
    assert [record.path for record in hub.requests if "org/lora" not in record.path] == []


@pytest.mark.parametrize("name", ["base", "org/base"])
def test_a_folder_here_is_not_the_base_of_an_adapter_on_the_hub(hub: LoopbackHub, monkeypatch, tmp_path: Path, name: str) -> None:
    lay(tmp_path / name, BASE)
    monkeypatch.chdir(tmp_path)
    report = scan(serve(hub, adapter(base_model_name_or_path=name), "org/lora"))
    assert alone(report)
    assert f"{name} was not found" in message(report, "base-not-read")


@pytest.mark.parametrize("name", ["", None])
def test_no_name(hub: LoopbackHub, name: str | None) -> None:
    report = scan(serve(hub, adapter(base_model_name_or_path=name), "org/lora"))
    assert alone(report)
    assert message(report, "base-not-read") == "the adapter does not name its base model; the numbers are of the adapter alone"


def test_a_path_that_is_not_here(tmp_path: Path) -> None:
    report = scan(lay(tmp_path, adapter(base_model_name_or_path="/nowhere/base")))
    assert alone(report)
    assert "'/nowhere/base', which is no model on the Hub and no folder here" in message(report, "base-not-read")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b"\xff", b"null", as_json({"base_model_name_or_path": 3}), as_json({**ABOUT, "revision": ["v1"]})],
)
def test_a_config_that_is_broken(hub: LoopbackHub, content: bytes) -> None:
    serve(hub, BASE, "org/base")
    target = serve(hub, {**adapter(), "adapter_config.json": content}, "org/lora")
    with pytest.raises(FormatError, match=r"^adapter_config\.json"):
        scan(target)
    run = run_memscan(hub, target)
    assert (run.code, run.stdout, len(run.stderr.splitlines())) == (5, "", 1)


def test_an_adapter_of_an_adapter(hub: LoopbackHub) -> None:
    serve(hub, BASE, "org/base")
    serve(hub, adapter(), "org/lora")
    report = scan(serve(hub, adapter(base_model_name_or_path="org/lora"), "org/second"))
    assert parts(report) == {"adapter": ("LORA", LORA_BYTES), "org/lora": ("LlamaForCausalLM", LORA_BYTES + BASE_BYTES)}
    assert placed(report)["merged"] == (LORA_BYTES + BASE_BYTES, "base model")


def test_a_pipeline_is_the_base(hub: LoopbackHub) -> None:
    serve(hub, pipeline(), "org/base")
    report = scan(serve(hub, adapter(), "org/lora"))
    assert parts(report)["org/base"][1] == 27_200


@pytest.mark.parametrize(
    ("kind", "mergeable"), [("LORA", True), ("IA3", True), ("PROMPT_TUNING", False), ("PREFIX_TUNING", False), (None, True)]
)
def test_what_can_be_merged(hub: LoopbackHub, kind: str | None, *, mergeable: bool) -> None:
    serve(hub, BASE, "org/base")
    report = scan(serve(hub, adapter(peft_type=kind), "org/lora"))
    assert ("merged" in placed(report)) is mergeable


def test_into_gptq_nothing_can_be_merged(hub: LoopbackHub) -> None:
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "quantization_config": {"quant_method": "gptq"}}
    serve(hub, {**BASE, "config.json": as_json(config)}, "org/base")
    report = scan(serve(hub, adapter(), "org/lora"))
    assert list(placed(report)) == ["with adapter"]
    found = valid_json(report)
    assert [one["quantization"] for one in found["components"]] == [None, "gptq"]
    assert [one["parameters"] for one in found["components"]] == [2 * 8 * 64, BASE_BYTES // 4]
    assert "quantized-in-name" in codes(report)


def test_the_weights_of_an_adapter_by_their_name(hub: LoopbackHub) -> None:
    report, cost = counted(hub, f"hf://{serve(hub, adapter(), 'org/lora')}/adapter_model.safetensors")
    assert alone(report)
    assert cost == Cost(requests=3, trips=3)


def test_an_adapter_below_its_base(hub: LoopbackHub) -> None:
    files = {**BASE, **{f"lora/{path}": content for path, content in adapter().items()}}
    report = scan(serve(hub, files, "org/base"), subfolder="lora")
    assert report.model.checkpoint.nbytes == LORA_BYTES + BASE_BYTES
