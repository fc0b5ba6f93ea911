"""Scopes against transformers itself: models built, saved, scanned, and loaded as the declared class and as AutoModel.

The bytes of parameters, of all buffers and of the largest layer have to be those of the loaded model. `make oracle` does the same
with every class that transformers can build (docs/accuracy.md).
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
import transformers
from tests.oracle.architectures import SAMPLE, TOOLS
from tests.writers.safetensors import framed, table

import memscan

pytestmark = [
    pytest.mark.torch,
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore"),  # the libraries' own notices
]
PLACES = [place for places in SAMPLE.values() for place in places]
HUB = TOOLS.parent / "fixtures" / "hub"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all cases, made in processes of their own."""
    out = tmp_path_factory.mktemp("architectures")
    script = Path(__file__).with_name("architectures.py")
    subprocess.run([sys.executable, str(script), str(out)], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return out


@pytest.fixture(scope="module")
def accuracy() -> ModuleType:
    """The comparison that writes docs/accuracy.md."""
    spec = importlib.util.spec_from_file_location("accuracy", TOOLS / "accuracy.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["accuracy"] = module  # where its dataclass looks for itself
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("place", PLACES)
def test_a_checkpoint_is_what_transformers_loads_of_it(place: str, made: Path, accuracy: ModuleType) -> None:
    failed = made / place / "failed.json"
    assert not failed.exists(), failed.read_text()
    found = accuracy.compare(made / place)
    assert [one.truth for one in found] == ["declared", "auto"]
    assert [(one.truth, one.words) for one in found] == [("declared", ""), ("auto", "")]


def test_the_sample_has_every_kind_and_sixty_architectures() -> None:
    assert len({place.split("/")[0] for place in PLACES}) >= 60
    assert len(set(PLACES)) == len(PLACES)


def test_the_cases_show_what_they_are_named_for(made: Path) -> None:
    def truth(place: str) -> dict:
        return json.loads((made / place / "truth.json").read_text())

    def stored(place: str) -> set[str]:
        return {tensor.name for tensor in memscan.scan(made / place, scope="checkpoint").model.checkpoint.tensors}

    assert {truth(place)["variant"] for place in SAMPLE["tied tensors stored twice"]} == {"twice"}
    for place in SAMPLE["tied tensors stored twice"]:
        record = truth(place)["declared"]
        assert set(record["tied"]) <= stored(place)
    for place in SAMPLE["saved from one class, loaded as another"]:
        assert truth(place)["saved_from"] != truth(place)["class"]
    once, fused = stored("mixtral/MixtralForCausalLM/plain"), stored("mixtral/MixtralForCausalLM/fused")
    assert len(once) > len(fused)


REAL = {
    "meta-llama/Llama-3.1-8B": "LlamaForCausalLM",
    "mistralai/Mixtral-8x7B-v0.1": "MixtralForCausalLM",
    "Qwen/Qwen3-30B-A3B": "Qwen3MoeForCausalLM",
    "Qwen/Qwen2.5-0.5B": "Qwen2ForCausalLM",
    "google-bert/bert-base-cased": "BertForMaskedLM",
    "google-t5/t5-small": "T5ForConditionalGeneration",
    "openai-community/gpt2": "GPT2LMHeadModel",
}


@pytest.mark.parametrize("repository", REAL)
def test_a_model_of_real_size(repository: str, tmp_path: Path, accuracy: ModuleType) -> None:
    values = {**json.loads((HUB / repository / "config.json").read_text()), "architectures": [REAL[repository]]}
    (tmp_path / "config.json").write_text(json.dumps(values))
    config = transformers.AutoConfig.from_pretrained(tmp_path)
    with torch.device("meta"):
        declared = getattr(transformers, REAL[repository])._from_config(config, dtype=torch.bfloat16)
        base = transformers.AutoModel.from_config(config, dtype=torch.bfloat16)
    declared.tie_weights()
    _write(declared, tmp_path / "model.safetensors")
    for name, model in (("declared", declared), ("base", base)):
        report = memscan.scan(tmp_path, scope=name)
        assert report.scope == name
        scope = report.scopes[name]
        assert scope.class_name == type(model).__name__
        assert (scope.parameters, scope.parameter_bytes) == (
            sum(each.numel() for each in model.parameters()),
            sum(each.nbytes for each in model.parameters()),
        )
        assert scope.buffer_bytes == sum(each.nbytes for each in model.buffers())
        assert report.largest_layer.nbytes == _largest(model)


def _write(model: torch.nn.Module, path: Path) -> None:
    """A safetensors file of the model's shapes, tied tensors once, its data a hole."""
    from safetensors.torch import _TYPES

    words = {dtype: name for name, dtype in _TYPES.items()}
    shared: dict[int, str] = {}
    once = {name: each for name, each in model.state_dict(keep_vars=True).items() if shared.setdefault(id(each), name) == name}
    header = table({name: (words[each.dtype], tuple(each.shape)) for name, each in once.items()})
    raw = framed(json.dumps(header))
    path.write_bytes(raw)
    os.truncate(path, len(raw) + sum(each.nbytes for each in once.values()))


def _largest(model: torch.nn.Module) -> int:
    """What the oracle's rule says of the model; its modules are those of a program, and found by its folder."""
    from accelerate.utils.modeling import compute_module_sizes

    sys.path.insert(0, str(TOOLS / "oracle"))
    try:
        from held import by_rule, is_numbered
    finally:
        sys.path.remove(str(TOOLS / "oracle"))
    whole = set(model._no_split_modules or ())
    numbered = {type(each).__name__ for name, each in model.named_modules() if type(each).__name__ in whole and is_numbered(name)}
    return by_rule(model, compute_module_sizes(model), numbered)[0]
