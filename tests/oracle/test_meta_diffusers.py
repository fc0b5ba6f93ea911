"""Components of diffusers built on the meta device against the same components on the processor."""

import json

import diffusers
import pytest

from memscan.errors import TargetError
from memscan.meta import build

pytestmark = [
    pytest.mark.torch,
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore"),  # the libraries' own notices
]

MODELS = {
    "UNet2DConditionModel": {
        "block_out_channels": [32, 64], "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "cross_attention_dim": 32, "sample_size": 32,
    },
    "AutoencoderKL": {"block_out_channels": [32, 64], "down_block_types": ["DownEncoderBlock2D"] * 2,
                      "up_block_types": ["UpDecoderBlock2D"] * 2, "norm_num_groups": 8},
    "FluxTransformer2DModel": {"num_layers": 1, "num_single_layers": 2, "attention_head_dim": 16, "num_attention_heads": 2,
                               "joint_attention_dim": 32, "pooled_projection_dim": 32, "in_channels": 4,
                               "axes_dims_rope": [4, 4, 8]},
    "SD3Transformer2DModel": {"num_layers": 2, "attention_head_dim": 8, "num_attention_heads": 4, "joint_attention_dim": 32,
                              "caption_projection_dim": 32, "pooled_projection_dim": 32, "sample_size": 16},
    "ControlNetModel": {"block_out_channels": [32, 64], "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
                        "cross_attention_dim": 32},
    "VQModel": {},
}  # fmt: skip


def config_of(name: str) -> bytes:
    return json.dumps({"_class_name": name, "_diffusers_version": "0.42.1", **MODELS[name]}).encode()


@pytest.mark.parametrize("name", MODELS)
def test_a_component_agrees_with_the_real_one(name: str) -> None:
    ours = build(library="diffusers", config=config_of(name))
    real = getattr(diffusers, name).from_config(json.loads(config_of(name)))
    found = {each.name: (each.shape, each.nbytes, each.buffer) for each in ours.tensors}
    held = {path: (tuple(each.shape), each.nbytes, False) for path, each in real.named_parameters()}
    held |= {path: (tuple(each.shape), each.nbytes, True) for path, each in real.named_buffers()}
    assert found == held
    assert found.keys() >= real.state_dict().keys()
    assert name in ours.notes[0].message


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, "names no class of diffusers"),
        ({"_class_name": "NoSuchModel"}, "'NoSuchModel', which diffusers .* does not have"),
        ({"_class_name": "DDIMScheduler"}, "'DDIMScheduler' of diffusers .* is no model"),
        ({"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}, "is a pipeline"),
        ({"_class_name": "UNet2DConditionModel", "block_out_channels": [7]}, "cannot build the model of this config.json"),
    ],
)
def test_whatever_is_wrong_is_one_line(config: dict[str, object], says: str) -> None:
    with pytest.raises(TargetError, match=says) as caught:
        build(library="diffusers", config=json.dumps(config).encode())
    assert "\n" not in str(caught.value)
