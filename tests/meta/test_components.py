"""The components that a model_index.json names."""

import json

import pytest

from memscan.errors import FormatError
from memscan.meta import Component, components

INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.6.0",
    "feature_extractor": ["transformers", "CLIPImageProcessor"],
    "requires_safety_checker": True,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "sizes": [1, 2],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "unet": ["diffusers", "UNet2DConditionModel"],
}


def test_components_are_the_pairs_that_are_not_null():
    assert components(json.dumps(INDEX).encode()) == (
        Component(name="feature_extractor", library="transformers", class_name="CLIPImageProcessor"),
        Component(name="scheduler", library="diffusers", class_name="PNDMScheduler"),
        Component(name="text_encoder", library="transformers", class_name="CLIPTextModel"),
        Component(name="unet", library="diffusers", class_name="UNet2DConditionModel"),
    )


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff"])
def test_anything_else_is_a_format_error(raw):
    with pytest.raises(FormatError, match=r"model_index\.json"):
        components(raw)
