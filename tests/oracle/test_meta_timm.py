"""Models of timm built on the meta device against the same models on the processor, and against a header of the Hub."""

import json
from pathlib import Path

import pytest
import timm
from tests.hub import FIXTURES, materialise

from memscan import scan
from memscan.errors import TargetError
from memscan.meta import build

pytestmark = [
    pytest.mark.timm,
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore"),  # the libraries' own notices
]

RESNET = FIXTURES / "timm" / "resnet50.a1_in1k"
MODELS = (
    "resnet18", "resnet50", "vit_tiny_patch16_224", "deit_tiny_distilled_patch16_224", "convnext_atto", "efficientnet_b0",
    "mobilenetv3_small_100", "swin_tiny_patch4_window7_224", "eva02_tiny_patch14_224", "regnety_002", "densenet121",
    "mixer_s32_224", "beit_base_patch16_224", "maxvit_pico_rw_256", "repvgg_a0", "edgenext_xx_small", "vit_small_patch14_dinov2",
)  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_model_agrees_with_the_real_one(name: str, tmp_path: Path) -> None:
    real = timm.create_model(name, pretrained=False, num_classes=0 if "dinov2" in name else 11)
    timm.models.save_for_hf(real, tmp_path)
    ours = build(library="timm", config=(tmp_path / "config.json").read_bytes())
    found = {each.name: (each.shape, each.nbytes, each.buffer) for each in ours.tensors}
    held = {path: (tuple(each.shape), each.nbytes, False) for path, each in real.named_parameters()}
    held |= {path: (tuple(each.shape), each.nbytes, True) for path, each in real.named_buffers()}
    assert found == held
    assert found.keys() >= real.state_dict().keys()


def test_a_model_agrees_with_its_header(tmp_path: Path) -> None:
    ours = build(library="timm", config=(RESNET / "config.json").read_bytes())
    materialise(RESNET, tmp_path)
    report = scan(tmp_path)
    stored = report.model.checkpoint
    assert ours.nbytes == stored.nbytes == 102_441_032
    assert {each.name: (each.dtype, each.shape) for each in ours.tensors} == {
        each.name: (each.dtype, each.shape) for each in stored.tensors
    }
    leaves: dict[str, int] = {}
    for each in ours.tensors:
        leaf = each.name.rpartition(".")[0]
        leaves[leaf] = leaves.get(leaf, 0) + each.nbytes
    assert max(leaves.values()) == 9_437_184


def test_arguments_of_the_config_are_those_of_the_model() -> None:
    config = {"architecture": "vit_tiny_patch16_224", "num_classes": 3, "model_args": {"img_size": 64, "depth": 2}}
    config["pretrained_cfg"] = {}
    ours = {each.name: each for each in build(library="timm", config=json.dumps(config).encode()).tensors}
    assert ours["pos_embed"].shape == (1, 17, 192)
    assert ours["head.weight"].shape == (3, 192)
    assert "blocks.2.norm1.weight" not in ours


def test_an_early_config_without_a_part_for_the_weights() -> None:
    ours = build(library="timm", config=b'{"architecture": "resnet18", "num_classes": 7, "num_features": 512}')
    assert next(each.shape for each in ours.tensors if each.name == "fc.weight") == (7, 512)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, "names the architecture '', which timm .* does not have"),
        ({"architecture": "no_such_net"}, "names the architecture 'no_such_net'"),
        ({"architecture": "resnet18", "model_args": {"no_such_argument": 1}, "pretrained_cfg": {}}, "cannot build the model"),
        (
            {"architecture": "vit_tiny_patch16_224", "model_args": {"embed_dim": -2}, "pretrained_cfg": {}},
            "cannot build the model",
        ),
    ],
)
def test_whatever_is_wrong_is_one_line(config: dict[str, object], says: str) -> None:
    with pytest.raises(TargetError, match=says) as caught:
        build(library="timm", config=json.dumps(config).encode())
    assert "\n" not in str(caught.value)


def test_the_terminal_stays_clean(capfd) -> None:
    build(library="timm", config=(RESNET / "config.json").read_bytes())
    assert capfd.readouterr() == ("", "")
