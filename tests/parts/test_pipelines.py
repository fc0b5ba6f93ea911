"""Pipelines of diffusers: a row for each component, and the ways to hold them."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from memscan import FormatError, NotFoundError, NoWeightsError, scan
from tests.hub import LoopbackHub, Repository, Revision
from tests.runner import run_memscan
from tests.writers import safetensors

from .layouts import (
    CHECKER,
    ELEMENTS,
    PIPELINE,
    TEXT,
    TOTAL,
    UNET,
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

CHECKED = {**PIPELINE, "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"]}
CHECKER_FILES = {
    "safety_checker/config.json": b"{}",
    "safety_checker/model.safetensors": weights(CHECKER, 40, 40),
}
CLASSES = {"text_encoder": "CLIPTextModel", "unet": "UNet2DConditionModel", "vae": "AutoencoderKL"}


def of(nbytes: int) -> dict[str, tuple[str | None, int]]:
    """The three usual components, `nbytes` for each element."""
    return {name: (kind, nbytes * ELEMENTS[name]) for name, kind in CLASSES.items()}


def test_components_totals_and_the_order_of_requests(hub: LoopbackHub) -> None:
    report, cost = counted(hub, serve(hub, pipeline()))
    assert parts(report) == of(4)
    assert report.estimates[0].total_bytes == TOTAL == 27_200
    assert report.largest_layer is not None
    assert (report.largest_layer.name, report.largest_layer.nbytes) == ("unet.conv_in", 4 * ELEMENTS["unet"])
    assert report.model.origin.library == "diffusers"
    assert codes(report) == []
    # The listing; model_index.json with its redirect; then of three components header and config, each with its redirect.
    assert cost == Cost(requests=1 + WRONG + 2 + 3 * 4, trips=5)


def test_ways_to_hold_it(hub: LoopbackHub) -> None:
    report = scan(serve(hub, pipeline()))
    assert placed(report) == {
        "all resident": (TOTAL, "every component"),
        "model offload": (4 * ELEMENTS["unet"], "unet"),
        "sequential offload": (4 * ELEMENTS["unet"], "unet.conv_in"),
    }


def test_a_safety_checker_stays_on_the_device(hub: LoopbackHub) -> None:
    report = scan(serve(hub, pipeline(CHECKED, **CHECKER_FILES)))
    checker = 4 * ELEMENTS["safety_checker"]
    assert parts(report)["safety_checker"] == ("StableDiffusionSafetyChecker", checker)
    assert placed(report) == {
        "all resident": (TOTAL + checker, "every component"),
        "model offload": (4 * ELEMENTS["unet"] + checker, "unet + safety_checker"),
        "sequential offload": (4 * ELEMENTS["unet"] + checker, "unet.conv_in + safety_checker"),
    }


def test_a_control_net_stays_beside_the_unet_and_is_offloaded_by_layers(hub: LoopbackHub) -> None:
    index = {**PIPELINE, "controlnet": ["diffusers", "ControlNetModel"]}
    files = pipeline(index, **{"controlnet/diffusion_pytorch_model.safetensors": weights("conv_in", 16, 16)})
    report = scan(serve(hub, files))
    assert placed(report)["model offload"] == (4 * (ELEMENTS["unet"] + 16 * 16 + 16), "unet + controlnet")
    assert placed(report)["sequential offload"] == (4 * ELEMENTS["unet"], "unet.conv_in")


def test_sequential_offload_moves_leaf_modules_and_the_largest_layer_is_a_block(hub: LoopbackHub) -> None:
    names = [f"down_blocks.0.resnets.{place}.conv1.weight" for place in range(3)]
    unet = safetensors.write(dict.fromkeys(names, ("F32", (64, 64))))
    report = scan(serve(hub, pipeline(**{"unet/diffusion_pytorch_model.safetensors": unet})))
    assert report.largest_layer is not None
    assert (report.largest_layer.name, report.largest_layer.nbytes) == ("unet.down_blocks.0", 3 * 4 * 64 * 64)
    assert placed(report)["sequential offload"] == (4 * 64 * 64, "unet.down_blocks.0.resnets.0.conv1")


def test_a_pipeline_of_what_stays_has_no_turns(hub: LoopbackHub) -> None:
    index = {"safety_checker": CHECKED["safety_checker"]}
    report = scan(serve(hub, {"model_index.json": as_json(index), **CHECKER_FILES}))
    nbytes = 4 * ELEMENTS["safety_checker"]
    assert [held for held, _ in placed(report).values()] == [nbytes, nbytes, nbytes]


def test_a_folder_gives_what_the_hub_gives(hub: LoopbackHub, tmp_path: Path) -> None:
    files = pipeline(CHECKED, **CHECKER_FILES)
    here, there = scan(lay(tmp_path, files)), scan(serve(hub, files))
    assert here.model.parts == there.model.parts
    assert here.placements == there.placements
    assert here.estimates == there.estimates


def test_json_names_the_components(hub: LoopbackHub) -> None:
    found = valid_json(scan(serve(hub, pipeline())))
    assert found["components"][1] == {
        "name": "unet",
        "role": "component",
        "class": "UNet2DConditionModel",
        "library": "diffusers",
        "format": "safetensors",
        "files": [{"path": "unet/diffusion_pytorch_model.safetensors", "size": len(weights(UNET, 64, 64)), "tensors": 2}],
        "tensors": 2,
        "parameters": ELEMENTS["unet"],
        "bytes": 4 * ELEMENTS["unet"],
        "quantization": None,
    }
    assert [component["library"] for component in found["components"]] == ["transformers", "diffusers", "diffusers"]
    assert found["placements"][1] == {"name": "model offload", "bytes": 16_640, "basis": "derived", "what": "unet"}
    assert found["checkpoint"]["bytes"] == sum(component["bytes"] for component in found["components"])
    assert found["checkpoint"]["parameters"] == sum(component["parameters"] for component in found["components"])


@pytest.mark.parametrize(("output", "start"), [("table", "| unet  "), ("markdown", "| unet |")])
def test_a_row_for_each_component_and_placement(hub: LoopbackHub, output: str, start: str) -> None:
    text = rendered(scan(serve(hub, pipeline())), output)
    (row,) = [line for line in text.splitlines() if line.startswith(start)]
    assert [cell.strip() for cell in row.strip("|").split("|")] == ["unet", "UNet2DConditionModel", "F32", "4.16 K", "16.25 KB"]
    for placement in ("all resident", "model offload", "sequential offload"):
        assert placement in text


def test_csv_keeps_its_lines(hub: LoopbackHub) -> None:
    lines = list(csv.DictReader(io.StringIO(rendered(scan(serve(hub, pipeline())), "csv"))))
    assert [(line["dtype"], line["total_bytes"]) for line in lines][:2] == [("float32", "27200"), ("float16", "13600")]


def test_a_component_of_torch_files_beside_safetensors(hub: LoopbackHub) -> None:
    files = pipeline(
        **{
            "text_encoder/model.safetensors": None,
            "text_encoder/model.fp16.safetensors": None,
            "text_encoder/pytorch_model.bin": torch_weights(TEXT, 48, 32),
        }
    )
    report, cost = counted(hub, serve(hub, files))
    assert parts(report)["text_encoder"] == ("CLIPTextModel", 4 * 48 * 32)
    assert report.model.checkpoint.format == "torch+safetensors"
    assert valid_json(report)["components"][0]["format"] == "torch"
    assert cost == Cost(requests=15 + WRONG, trips=5)


def sharded(count: int = 3) -> dict[str, bytes]:
    """A text encoder of transformers in shards."""
    names = [f"model-{number:05}-of-{count:05}.safetensors" for number in range(1, count + 1)]
    tensors = {name: f"encoder.block.{place}.layer.0.weight" for place, name in enumerate(names)}
    index = {"metadata": {"total_size": 4 * 100 * count}, "weight_map": {tensor: name for name, tensor in tensors.items()}}
    return {
        "text_encoder_2/config.json": as_json({"architectures": ["T5EncoderModel"]}),
        "text_encoder_2/model.safetensors.index.json": as_json(index),
        **{f"text_encoder_2/{name}": safetensors.write({tensor: ("F32", (100,))}) for name, tensor in tensors.items()},
    }


SHARDED = {**PIPELINE, "text_encoder_2": ["transformers", "T5EncoderModel"]}


def test_a_sharded_component_costs_one_reply(hub: LoopbackHub) -> None:
    report, cost = counted(hub, serve(hub, pipeline(SHARDED, **sharded())))
    assert parts(report)["text_encoder_2"] == ("T5EncoderModel", 1_200)
    assert codes(report) == []
    # One reply with the headers of all shards, and the config with its redirect.
    assert cost == Cost(requests=15 + WRONG + 3, trips=5)


def test_a_sharded_component_at_a_branch_reads_index_and_shards(hub: LoopbackHub) -> None:
    files = pipeline(SHARDED, **sharded())
    repository = Repository(repo_id="org/pipe", files={}, branches={"dev": Revision(commit="d" * 40, files=files)})
    hub.add_repository(repository)
    report, cost = counted(hub, "org/pipe", revision="dev")
    assert parts(report)["text_encoder_2"] == ("T5EncoderModel", 1_200)
    assert cost == Cost(requests=15 + WRONG + 2 + 2 + 3 * 2, trips=5)


def test_a_sharded_component_that_misses_a_shard_is_not_counted(hub: LoopbackHub) -> None:
    files = sharded()
    del files["text_encoder_2/model.safetensors.index.json"], files["text_encoder_2/model-00002-of-00003.safetensors"]
    report = scan(serve(hub, pipeline(SHARDED, **files)))
    assert parts(report) == of(4)
    assert "the shards of text_encoder_2/model-" in message(report, "component-without-weights")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"unet/config.json": b"{}"}, "nothing that holds weights in the folder unet: 1 file"),
        ({}, "there is no folder 'unet'"),
        ({"unet/diffusion_flax_model.msgpack": bytes(10)}, "unet/diffusion_flax_model.msgpack"),
        ({"unet/a.safetensors": weights("a", 1, 1), "unet/b.safetensors": weights("b", 1, 1)}, "none that loaders prefer"),
        ({"unet/old/diffusion_pytorch_model.safetensors": weights("a", 1, 1)}, "there is no folder 'unet'"),
    ],
)
def test_a_component_without_weights_is_said(hub: LoopbackHub, files: dict[str, bytes], reason: str) -> None:
    bare = {path: content for path, content in pipeline().items() if not path.startswith("unet/")}
    report = scan(serve(hub, {**bare, **files}))
    assert list(parts(report)) == ["text_encoder", "vae"]
    assert codes(report) == ["component-without-weights"]
    said = message(report, "component-without-weights")
    assert said.startswith("the component 'unet' ('UNet2DConditionModel') is not counted: ")
    assert reason in said


@pytest.mark.parametrize(
    "kind",
    ["CLIPTokenizer", "T5TokenizerFast", "FlowMatchEulerDiscreteScheduler", "SiglipImageProcessorFast", "CLIPFeatureExtractor"],
)
def test_what_never_has_weights_is_not_missed(hub: LoopbackHub, kind: str) -> None:
    report = scan(serve(hub, pipeline({**PIPELINE, "other": ["transformers", kind]})))
    assert (codes(report), list(parts(report))) == ([], list(CLASSES))


def test_a_checkpoint_beside_the_components_is_not_counted(hub: LoopbackHub) -> None:
    beside = {
        "v1-5-pruned-emaonly.safetensors": weights("model", 200, 200),
        "v1-5-pruned.ckpt": torch_weights("state_dict", 200, 200),
        "unet/other/diffusion_pytorch_model.safetensors": weights("other", 200, 200),
        "not_named/model.safetensors": weights("other", 200, 200),
    }
    report, cost = counted(hub, serve(hub, pipeline(**beside)))
    assert parts(report) == of(4)
    assert cost == Cost(requests=15 + WRONG, trips=5)


class TestVariants:
    def test_all_components_have_it(self, hub: LoopbackHub) -> None:
        report, cost = counted(hub, serve(hub, pipeline()), variant="fp16")
        assert parts(report) == of(2)
        assert codes(report) == []
        assert cost == Cost(requests=15, trips=5)

    def test_some_have_it(self, hub: LoopbackHub) -> None:
        report = scan(serve(hub, pipeline(**{"vae/diffusion_pytorch_model.fp16.safetensors": None})), variant="fp16")
        assert parts(report) == {**of(2), "vae": ("AutoencoderKL", 4 * ELEMENTS["vae"])}
        assert message(report, "variant-missing") == (
            "vae has no weights of the variant 'fp16'; counted instead: vae/diffusion_pytorch_model.safetensors"
        )

    @pytest.mark.parametrize("variant", ["bf16", "fp", "", "safetensors", "fp16.safetensors"])
    def test_none_has_it(self, hub: LoopbackHub, variant: str) -> None:
        with pytest.raises(NotFoundError, match=r"no component of model_index\.json has weights of the variant"):
            scan(serve(hub, pipeline()), variant=variant)

    def test_a_component_of_torch_files_has_it(self, hub: LoopbackHub) -> None:
        files = pipeline(
            **{"vae/diffusion_pytorch_model.fp16.safetensors": None, "vae/diffusion_pytorch_model.safetensors": None},
            **{"vae/diffusion_pytorch_model.fp16.bin": torch_weights("decoder", 32, 32, dtype="float16")},
        )
        report = scan(serve(hub, files), variant="fp16")
        assert parts(report)["vae"] == ("AutoencoderKL", 2 * 32 * 32)

    def test_of_one_component(self, hub: LoopbackHub) -> None:
        report = scan(serve(hub, pipeline()), subfolder="unet", variant="fp16")
        assert report.model.checkpoint.nbytes == 2 * ELEMENTS["unet"]


class TestIndex:
    @pytest.mark.parametrize("value", [None, 3, "", [], ["a", "b"], {"a": 1}])
    def test_any_class_name_of_the_pipeline(self, hub: LoopbackHub, value: object) -> None:
        assert parts(scan(serve(hub, pipeline({**PIPELINE, "_class_name": value})))) == of(4)

    @pytest.mark.parametrize("value", [True, None, 0.5, "text", {}, [], [1], [512, 512], ["a", "b", "c"], [[], {}]])
    def test_settings_beside_the_components(self, hub: LoopbackHub, value: object) -> None:
        report = scan(serve(hub, pipeline({**PIPELINE, "setting": value})))
        assert (parts(report), codes(report)) == (of(4), [])

    @pytest.mark.parametrize("value", [["diffusers"], ["diffusers", None], [3, "UNet"], ["a", "b", "c"], []])
    def test_a_folder_of_weights_that_it_describes_oddly_is_said(self, hub: LoopbackHub, value: list[object]) -> None:
        report = scan(serve(hub, pipeline({**PIPELINE, "unet": value})))
        assert list(parts(report)) == ["text_encoder", "vae"]
        assert "the component 'unet' is not counted: model_index.json describes it as" in message(
            report, "component-without-weights"
        )

    @pytest.mark.parametrize("value", [[None, None], [None, "UNet2DConditionModel"]])
    def test_a_component_that_is_left_out(self, hub: LoopbackHub, value: list[object]) -> None:
        report = scan(serve(hub, pipeline({**PIPELINE, "unet": value})))
        assert (list(parts(report)), codes(report)) == (["text_encoder", "vae"], [])

    @pytest.mark.parametrize(
        "name", ["../other", "/etc", "..", ".", "", "unet/", "unet/.", "unet/../vae", "C:\\x", "a.b", "vae\x00", "unet\n", "~"]
    )
    def test_a_name_that_is_no_name_opens_nothing(self, hub: LoopbackHub, tmp_path: Path, name: str) -> None:
        index = {**PIPELINE, name: ["diffusers", "UNet2DConditionModel"]}
        lay(tmp_path / "other", {"diffusion_pytorch_model.safetensors": weights("x", 9, 9)})
        assert parts(scan(lay(tmp_path / "pipe", pipeline(index)))) == of(4)
        assert parts(scan(serve(hub, pipeline(index)))) == of(4)
        assert [record.path for record in hub.requests if ".." in record.path or "other" in record.path] == []

    @pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff", b"{", b"[" * 100_000])
    def test_one_that_is_no_object(self, hub: LoopbackHub, content: bytes) -> None:
        target = serve(hub, pipeline(**{"model_index.json": content}))
        with pytest.raises(FormatError, match=r"model_index\.json"):
            scan(target)
        run = run_memscan(hub, target)
        assert (run.code, run.stdout, len(run.stderr.splitlines())) == (5, "", 1)

    def test_without_components(self, hub: LoopbackHub) -> None:
        target = serve(hub, pipeline({"_class_name": "X"}))
        with pytest.raises(NoWeightsError, match=r"model_index\.json names no component with weights that memscan reads"):
            scan(target)
        assert run_memscan(hub, target).code == 3

    def test_with_components_without_end(self, hub: LoopbackHub) -> None:
        index = {f"unet{number}": ["diffusers", "UNet2DConditionModel"] for number in range(100_000)}
        with pytest.raises(FormatError, match="names 100,000 components, more than the 200 that memscan reads"):
            scan(serve(hub, pipeline(index)))

    def test_below_a_folder(self, hub: LoopbackHub) -> None:
        target = serve(hub, {f"sub/{path}": content for path, content in pipeline().items()})
        assert parts(scan(target, subfolder="sub")) == parts(scan(f"hf://{target}/sub")) == of(4)


def quantized(stored: Mapping[str, tuple[str, tuple[int, ...]]]) -> Files:
    """A component in 4 bits of bitsandbytes: a weight with the tensors `stored` by what follows its name, and a norm."""
    config = {"architectures": ["T5EncoderModel"], "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}
    packed = {f"encoder.block.0.layer.0.weight{below}": one for below, one in stored.items()}
    weights = safetensors.write({**packed, "encoder.norm.weight": ("BF16", (10,))})
    return {"text_encoder_2/config.json": as_json(config), "text_encoder_2/model.safetensors": weights}


def test_a_quantized_component_is_counted_as_it_was(hub: LoopbackHub) -> None:
    files = quantized({"": ("U8", (512, 1)), ".absmax": ("F32", (16,)), ".quant_map": ("F32", (16,))})
    report = scan(serve(hub, pipeline(SHARDED, **files)))
    own, others = 512 + 2 * 64 + 2 * 10, TOTAL // 4
    assert [(row.dtype, row.total_bytes) for row in report.estimates] == [
        ("as stored", TOTAL + own), ("float32", 4 * (others + 1034)), ("float16", 2 * (others + 1034)), ("int8", others + 1034),
        ("int4", (others + 1034) // 2),
    ]  # fmt: skip
    found = valid_json(report)
    by_name = {component["name"]: component for component in found["components"]}
    assert (by_name["text_encoder_2"]["quantization"], by_name["text_encoder_2"]["parameters"]) == ("bitsandbytes", 1024 + 10)
    assert (by_name["unet"]["quantization"], by_name["unet"]["parameters"]) == (None, ELEMENTS["unet"])
    assert found["checkpoint"]["parameters"] == others + 1034


def test_a_component_packed_in_no_known_way_hides_the_number_of_parameters(hub: LoopbackHub) -> None:
    files = quantized({"": ("U8", (500, 1))})
    report = scan(serve(hub, pipeline(SHARDED, **files)))
    assert [(row.dtype, row.total_bytes, row.training_bytes) for row in report.estimates] == [("as stored", TOTAL + 520, None)]
    found = valid_json(report)
    assert found["checkpoint"]["parameters"] is None
    by_name = {component["name"]: component for component in found["components"]}
    assert (by_name["text_encoder_2"]["quantization"], by_name["text_encoder_2"]["parameters"]) == ("bitsandbytes", None)
    assert (by_name["unet"]["quantization"], by_name["unet"]["parameters"]) == (None, ELEMENTS["unet"])
    assert "no layout of bitsandbytes that memscan knows" in message(report, "quantized")
    assert "packed" in rendered(report, "table")


def test_a_broken_config_of_a_component_is_named(hub: LoopbackHub) -> None:
    with pytest.raises(FormatError, match=r"^unet/config\.json is not JSON"):
        scan(serve(hub, pipeline(**{"unet/config.json": b"{"})))


@pytest.mark.parametrize("way", ["path", "subfolder", "file"])
def test_one_component_alone(hub: LoopbackHub, way: str) -> None:
    target = serve(hub, pipeline(), library="diffusers")
    file = "unet/diffusion_pytorch_model.safetensors"
    ways = {"path": (f"hf://{target}/unet", {}), "subfolder": (target, {"subfolder": "unet"}), "file": (target, {"file": file})}
    word, options = ways[way]
    report, cost = counted(hub, word, **options)
    assert report.model.checkpoint.nbytes == 4 * ELEMENTS["unet"]
    assert (report.model.parts, report.placements) == ((), ())
    assert report.model.origin.library == "diffusers"
    assert cost == Cost(requests=5, trips=3)
    assert valid_json(report)["components"] == []


def test_many_tensors_of_a_component_keep_their_names(hub: LoopbackHub) -> None:
    report = scan(serve(hub, pipeline()))
    names = [tensor.name for tensor in report.model.checkpoint.tensors]
    assert names[:2] == [f"text_encoder.{TEXT}.weight", f"text_encoder.{TEXT}.bias"]
    assert len(set(names)) == len(names) == 6


def test_the_command_line(hub: LoopbackHub) -> None:
    run = run_memscan(hub, serve(hub, pipeline()), "--variant", "fp16", "--json")
    assert (run.code, run.stderr) == (0, "")
    assert json.loads(run.stdout)["checkpoint"]["bytes"] == TOTAL // 2
    run = run_memscan(hub, "org/pipe", "--variant", "bf16")
    assert (run.code, len(run.stderr.splitlines())) == (3, 1)
    run = run_memscan(hub, "layers", "org/pipe", "--depth", "1")
    assert [line.split()[0] for line in run.stdout.splitlines()[4:]] == ["text_encoder", "unet", "vae"]
