"""What llama.cpp makes of small models: ``python tools/llama_cpp`` writes fixtures/quantizers/ggml.json.

Needs the dependency group ``llama-cpp``, and a checkout of llama.cpp (the source distribution of llama-cpp-python holds one as
vendor/llama.cpp) whose converter and gguf package are found first: ``PYTHONPATH=llama.cpp:llama.cpp/gguf-py``.
"""

import argparse
import json
import logging
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from converting import MIXES, Tensor, convert, quantize, tensors
from models import MODELS, Recipe
from transformers import PreTrainedModel

OUTPUT = Path(__file__).resolve().parents[2] / "fixtures" / "quantizers" / "ggml.json"
LIBRARIES = ("llama-cpp-python", "torch", "transformers")
WORDS = frozenset({
    "model_type", "text_config", "hidden_size", "head_dim", "num_hidden_layers", "n_layer", "n_layers", "num_layers",
    "num_attention_heads", "num_key_value_heads", "n_head", "n_heads", "num_kv_heads", "num_nextn_predict_layers",
    "qk_nope_head_dim", "v_head_dim", "rope_parameters", "pad_token_id", "linear_num_value_heads", "linear_value_head_dim",
    "global_head_dim", "per_layer_config", "num_experts", "num_local_experts", "n_routed_experts",
})  # fmt: skip
"""What memscan's quantizer reads of a config."""


def record(name: str) -> dict[str, Any]:
    """The dense model, and the tensors that llama.cpp makes of it."""
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    recipe = MODELS[name]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = recipe.save(folder)
        convert(folder, folder / "dense.gguf", recipe.published)
        return {**_described(model, recipe), "mixes": {mix: _made(folder, mix) for mix in MIXES}}


def _described(model: PreTrainedModel, recipe: Recipe) -> dict[str, Any]:
    owners = {name: type(module).__name__ for name, module in model.named_modules()}
    parameters = dict(model.named_parameters())
    weights = [
        [name, list(tensor.shape), owners[name.rpartition(".")[0]], *(["buffer"] if name not in parameters else [])]
        for name, tensor in [*parameters.items(), *_buffers(model).items()]
    ]
    config = _words({**json.loads(model.config.to_json_string(use_diff=False)), **recipe.published})
    dtype = str(recipe.dtype).removeprefix("torch.")
    return {"class": recipe.cls, "config": config, "dtype": dtype, "weights": weights}


def _buffers(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    saved = model.state_dict()
    return {name: tensor for name, tensor in model.named_buffers() if name in saved}


def _words(config: dict[str, Any]) -> dict[str, Any]:
    return {key: _words(value) if key == "text_config" else value for key, value in config.items() if key in WORDS}


def _made(folder: Path, mix: str) -> list[list[Any]]:
    quantized = folder / f"{mix}.gguf"
    quantize(folder / "dense.gguf", quantized, mix)
    return by_block(tensors(quantized))


def by_block(found: tuple[Tensor, ...]) -> list[list[Any]]:
    """Bytes of each type in a block of layers, and the blocks that have as many; what is outside of them is the block ""."""
    sums: dict[str, Counter[str]] = {}
    for one in found:
        first, numbered, rest = one.name.partition("blk.")
        block = f"{first}{rest.partition('.')[0]}" if numbered else ""
        sums.setdefault(block, Counter())[one.dtype] += one.nbytes
    alike: dict[str, list[Any]] = {}
    for block, types in sums.items():
        _, blocks = alike.setdefault(json.dumps(types, sort_keys=True), [dict(types), []])
        blocks.append(block)
    return list(alike.values())


def _recorded(name: str) -> dict[str, Any] | None:
    """The record of a model, made in a process of its own, because llama.cpp ends the process where it finds a fault."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("fork")) as pool:
        try:
            return pool.submit(record, name).result()
        except Exception as error:  # noqa: BLE001 - what llama.cpp refuses is shown, and not recorded
            print(f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}", flush=True)
            return None


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Record what llama.cpp makes of small models.")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), metavar="MODEL")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--keep", action="store_true", help="keep what the output holds of other models")
    arguments = parser.parse_args()
    recorded = json.loads(arguments.output.read_bytes())["models"] if arguments.keep else {}
    versions = {name: version(name) for name in LIBRARIES}
    for name in arguments.models:
        if found := _recorded(name):
            recorded[name] = found
            models = {name: recorded[name] for name in MODELS if name in recorded}
            arguments.output.write_text(_json({"versions": versions, "models": models}), encoding="utf-8")


def _json(value: dict[str, Any]) -> str:
    text = json.dumps(value, separators=(",", ":"))
    # One line a tensor or a mix: short enough to read, and a change shows where it is.
    return text.replace('],["', '],\n["').replace(']]],"', ']]],\n"').replace('"mixes":{', '"mixes":{\n') + "\n"


if __name__ == "__main__":
    main()
