"""Files with more layers than their config declares, in the names that `save_pretrained` writes."""

import json
from pathlib import Path

import pytest

from memscan.cli.main import run

pytestmark = [pytest.mark.torch, pytest.mark.oracle]


def saved(folder: Path, layers: int) -> Path:
    """A small ViT: its tensors are saved as `vit.encoder.layer.N`, and are called otherwise in the class."""
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        num_hidden_layers=layers, hidden_size=16, num_attention_heads=2, intermediate_size=32, image_size=16, patch_size=8
    )
    ViTForImageClassification(config).save_pretrained(folder)
    return folder


def test_layers_beyond_the_declared_close_the_gate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = saved(tmp_path, 2)
    assert run(["check", "--against-config", str(folder)]) == 0
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "num_hidden_layers": 1}))
    capsys.readouterr()
    assert run(["check", "--against-config", str(folder)]) == 1
    assert "of more layers than it declares" in capsys.readouterr().out
