"""Parts as every command and every target sees them: `memscan files`, one component alone, and what a scan of parts costs."""

import json

import pytest

from memscan import ServerError, scan
from tests.hub import Fault, LoopbackHub
from tests.runner import run_memscan

from .layouts import PIPELINE, TOTAL, WRONG, Cost, as_json, codes, counted, message, parts, pipeline, serve, valid_json, weights
from .test_adapters import ABOUT, BASE, BASE_BYTES, LORA_BYTES, adapter, alone
from .test_modules import DENSE, TOP, with_dense
from .test_projectors import FILES, MODEL, MODEL_BYTES


def chosen(hub: LoopbackHub, *args: str) -> dict[str, tuple[bool, str]]:
    """Whether and why, by the name of the weight set."""
    run = run_memscan(hub, "files", *args, "--json")
    assert (run.code, run.stderr) == (0, "")
    return {one["name"]: (one["chosen"], one["why"]) for one in json.loads(run.stdout)["weight_sets"]}


class TestFiles:
    def test_of_a_pipeline(self, hub: LoopbackHub) -> None:
        target = serve(hub, pipeline(**{"v1-5-pruned.safetensors": weights("model", 9, 9)}))
        found = chosen(hub, target)
        assert found["unet/diffusion_pytorch_model.safetensors"] == (True, "the component unet")
        assert found["unet/diffusion_pytorch_model.fp16.safetensors"] == (False, "another variant: --variant fp16 chooses it")
        assert found["v1-5-pruned.safetensors"] == (False, "no part of the model is loaded from it")
        assert sum(is_chosen for is_chosen, _ in found.values()) == 3

    def test_of_a_pipeline_in_a_variant(self, hub: LoopbackHub) -> None:
        found = chosen(hub, serve(hub, pipeline()), "--variant", "fp16")
        assert found["unet/diffusion_pytorch_model.fp16.safetensors"] == (True, "the component unet")
        assert found["unet/diffusion_pytorch_model.safetensors"] == (False, "loaders prefer another of its folder")

    def test_of_modules(self, hub: LoopbackHub) -> None:
        found = chosen(hub, serve(hub, {**with_dense(), "pytorch_model.bin": bytes(9)}))
        assert found["model.safetensors"] == (True, "the module Transformer")
        assert found["2_Dense/model.safetensors"] == (True, "the module 2_Dense")
        assert found["pytorch_model.bin"][0] is False


@pytest.mark.parametrize("name", ["StableDiffusionPipeline", ["pipeline_own", "StableDiffusionPipeline"]])
def test_the_class_of_a_pipeline(hub: LoopbackHub, name: object) -> None:
    report = scan(serve(hub, pipeline({**PIPELINE, "_class_name": name})))
    assert valid_json(report)["target"]["architecture"] == "StableDiffusionPipeline"
    assert report.model.checkpoint.nbytes == TOTAL


@pytest.mark.parametrize("name", [3, "", [], [3], {}, None])
def test_no_class_of_a_pipeline(hub: LoopbackHub, name: object) -> None:
    report = scan(serve(hub, pipeline({**PIPELINE, "_class_name": name})))
    assert valid_json(report)["target"]["architecture"] is None


def test_the_class_of_a_component(hub: LoopbackHub) -> None:
    target = serve(hub, pipeline())
    for report in (scan(f"hf://{target}/unet"), scan(target, subfolder="unet")):
        assert valid_json(report)["target"]["architecture"] == "UNet2DConditionModel"
    assert valid_json(scan(target, subfolder="text_encoder"))["target"]["architecture"] == "CLIPTextModel"


def test_a_config_that_two_need_is_read_once(hub: LoopbackHub) -> None:
    report, cost = counted(hub, serve(hub, with_dense()))
    assert report.model.checkpoint.nbytes == TOP + DENSE
    assert cost == Cost(requests=1 + 2 + 4 * 2, trips=5)


def test_a_quantized_module_at_the_top(hub: LoopbackHub) -> None:
    config = as_json({"architectures": ["BertModel"], "quantization_config": {"quant_method": "torchao"}})
    found = valid_json(scan(serve(hub, {**with_dense(), "config.json": config})))
    assert [one["quantization"] for one in found["components"]] == ["torchao", None]


class TestAdapters:
    def test_the_config_is_read_beside_the_weights(self, hub: LoopbackHub) -> None:
        serve(hub, BASE, "org/base")
        _, cost = counted(hub, serve(hub, adapter(), "org/lora"))
        # Listing, weights with their redirect beside the config; of the base the same again.
        assert cost == Cost(requests=10 + WRONG, trips=5)

    @pytest.mark.parametrize("aliases", [(), ("org/me",)])
    def test_one_that_names_itself(self, hub: LoopbackHub, aliases: tuple[str, ...]) -> None:
        files = adapter(base_model_name_or_path=(*aliases, "org/lora")[0])
        report = scan(serve(hub, files, "org/lora", aliases=aliases))
        assert alone(report)
        assert "org/lora is its own base model" in message(report, "base-not-read")

    def test_two_that_name_each_other(self, hub: LoopbackHub) -> None:
        serve(hub, adapter(base_model_name_or_path="org/one"), "org/two")
        report = scan(serve(hub, adapter(base_model_name_or_path="org/two"), "org/one"))
        assert report.model.checkpoint.nbytes == 2 * LORA_BYTES
        assert "org/one is its own base model" in message(report, "base-not-read")

    def test_a_long_row_of_them(self, hub: LoopbackHub) -> None:
        for number in range(9):
            serve(hub, adapter(base_model_name_or_path=f"org/lora{number + 1}"), f"org/lora{number}")
        report = scan("org/lora0")
        assert report.model.checkpoint.nbytes == 3 * LORA_BYTES
        assert "an adapter too" in message(report, "base-not-read")
        assert not any("org/lora4" in record.path for record in hub.requests)

    def test_below_its_base_is_no_loop(self, hub: LoopbackHub) -> None:
        files = {**BASE, **{f"lora/{path}": content for path, content in adapter({**ABOUT, "revision": "main"}).items()}}
        report = scan(serve(hub, files, "org/base"), subfolder="lora")
        assert report.model.checkpoint.nbytes == LORA_BYTES + BASE_BYTES

    def test_beside_a_whole_model_it_is_not_taken_for_that(self, hub: LoopbackHub) -> None:
        serve(hub, BASE, "org/base")
        report = scan(serve(hub, {**BASE, **adapter()}, "org/merged"), scope="checkpoint")
        assert (report.model.checkpoint.nbytes, parts(report)) == (BASE_BYTES, {})
        assert codes(report) == ["adapter-beside"]

    def test_a_server_that_fails_is_no_reason_for_half_an_answer(self, hub: LoopbackHub) -> None:
        serve(hub, BASE, "org/base")
        hub.add_fault(Fault(match="/api/models/org/base", kind="status", status=418))
        with pytest.raises(ServerError):
            scan(serve(hub, adapter(), "org/lora"))


class TestProjectors:
    def test_it_is_read_beside_the_model(self, hub: LoopbackHub) -> None:
        report, cost = counted(hub, serve(hub, FILES), mmproj=True)
        assert parts(report) == {"model": (None, MODEL_BYTES), "mmproj": (None, 128)}
        assert cost == Cost(requests=5, trips=3)

    def test_other_quantizations_are_not_read_for_nothing(self, hub: LoopbackHub) -> None:
        report, cost = counted(hub, serve(hub, {**FILES, "model-Q8_0.gguf": MODEL}), mmproj=True)
        assert report.model.checkpoint.nbytes == MODEL_BYTES + 128
        assert cost == Cost(requests=5, trips=3)

    def test_without_one_nothing_is_read(self, hub: LoopbackHub) -> None:
        run = run_memscan(hub, serve(hub, {"model-Q4_K_M.gguf": MODEL}), "--mmproj")
        assert (run.code, len(hub.requests)) == (3, 1)
