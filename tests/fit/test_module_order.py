"""The modules of classes in their order: the data, and the program that makes it."""

import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from memscan.architecture import Config, family, layout
from memscan.document import Document
from memscan.fit.module_order import module_order

TOOLS = Path(__file__).resolve().parents[2] / "tools"
DATA = json.loads((files("memscan.fit") / "module_order.json").read_text())
INDEX = json.loads((TOOLS / "architectures" / "table" / "index.json").read_text())
TYPES = ("bert", "gpt2", "opt", "t5", "llava", "albert", "dpr")

# A program of its own: it changes functions of torch.
PROGRAM = """
import json, logging, sys
sys.path[:0] = sys.argv[1:3]
logging.disable(logging.WARNING)
import torch, transformers
from architectures.classes import families
from architectures.observe import skip_initialization
from build_module_order import _described
skip_initialization()
known = {family.model_type: family for family in families()}
print(json.dumps({name: _described(known[name])[0] for name in sys.argv[3:]}))
"""


def test_it_is_of_the_release_that_the_architecture_table_is_of() -> None:
    assert DATA["transformers"] == INDEX["transformers"]


def test_nearly_every_class_of_the_table_has_an_order() -> None:
    missing = {(name, kind) for name, kinds in INDEX["types"].items() for kind in kinds} - {
        (name, kind) for name, kinds in DATA["types"].items() for kind in kinds
    }
    # Some are built from the config of another type, and found under their own; the decoders of time series need a length.
    elsewhere = {kind for kinds in DATA["types"].values() for kind in kinds}
    assert {kind for _, kind in missing if kind not in elsewhere} <= {
        "AutoformerDecoder", "AutoformerEncoder", "EsmForProteinFolding", "InformerDecoder", "InformerEncoder",
        "MoonshineStreamingDecoder",
        "TimeSeriesTransformerDecoder", "TimeSeriesTransformerEncoder", "UVDocBridge",
    }  # fmt: skip


def test_every_pattern_is_behind_the_module_that_it_stands_in() -> None:
    for name, kinds in DATA["types"].items():
        for kind, patterns in kinds.items():
            known = {pattern.rstrip("!@-~") for pattern in patterns}
            assert len(known) == len(patterns), (name, kind)
            parts = {pattern[:-1] for pattern in patterns if pattern.endswith("@")}
            entry = family(name)
            assert entry is None or parts <= {part["at"] for part in entry.classes[kind].get("parts", ())}, (name, kind)


def test_the_classes_inside_a_class_are_those_of_its_config() -> None:
    values = {
        "model_type": "llava", "text_config": {"model_type": "qwen2"}, "vision_config": {"model_type": "siglip_vision_model"},
    }  # fmt: skip
    kind = layout("LlavaForConditionalGeneration", "llava", values)
    assert kind is not None
    found = module_order(kind, Config(Document("config.json", values)))
    assert found.unknown == ()
    order = [pattern for pattern in found.ranks if pattern.count(".") < 3]
    assert order == [
        "model", "model.vision_tower", "model.vision_tower.embeddings", "model.vision_tower.encoder",
        "model.vision_tower.post_layernorm", "model.vision_tower.head", "model.multi_modal_projector",
        "model.multi_modal_projector.linear_1", "model.multi_modal_projector.act", "model.multi_modal_projector.linear_2",
        "model.language_model", "model.language_model.embed_tokens", "model.language_model.layers", "model.language_model.norm",
        "model.language_model.rotary_emb", "lm_head",
    ]  # fmt: skip
    assert "model.language_model.layers.*" in found.whole
    assert found.bare == ("model.multi_modal_projector.act",)
    alone = module_order(kind, None)
    assert alone.unknown == ("model.vision_tower", "model.language_model")


def test_a_class_that_the_data_lacks_is_said() -> None:
    kind = layout("InformerDecoder", "informer", {"model_type": "informer"})
    if kind is not None:
        assert module_order(kind, None).unknown == ("InformerDecoder",)


@pytest.mark.torch
@pytest.mark.oracle
def test_the_program_makes_what_is_here() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(TOOLS), str(TOOLS / "oracle"), *TYPES],
        capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {name: DATA["types"][name] for name in TYPES}
