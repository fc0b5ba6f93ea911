"""The records of fixtures/measured, and the reports on their models."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from memscan.architecture import Config
from memscan.checkpoint import Checkpoint, Shard, is_buffer
from memscan.dtype import SAFETENSORS
from memscan.estimate import Report, estimate_weights
from memscan.model import Model, Origin

TORCH_NAMES = {"float32": SAFETENSORS["F32"], "float16": SAFETENSORS["F16"], "bfloat16": SAFETENSORS["BF16"]}
FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "measured"


@cache
def records(name: str) -> tuple[dict[str, Any], ...]:
    """The records of one file."""
    return tuple(json.loads((FOLDER / f"{name}.json").read_text()))


@cache
def configs() -> dict[str, Any]:
    """The configs of all models, by the name of the model."""
    return dict(json.loads((FOLDER / "models.json").read_text()))


@cache
def report(name: str) -> Report:
    """On a model, by its config alone: a file that stores what the class saves, in the dtype that the config declares."""
    config = Config.of_words(configs()[name]["config"], "config.json")
    built = estimate_weights(
        _model(name, config, Checkpoint(format="config", shards=(), tensors=())), dtypes=None, scope="declared"
    )
    dtype = TORCH_NAMES[configs()[name]["config"]["torch_dtype"]]
    tensors = tuple(
        tensor._replace(dtype=dtype, nbytes=dtype.packed_nbytes(tensor.elements))
        for tensor in built.scopes[built.scope].tensors if not is_buffer(tensor)
    )  # fmt: skip
    shard = Shard(path="model.safetensors", size=sum(tensor.nbytes for tensor in tensors), tensors=len(tensors))
    stored = Checkpoint(format="safetensors", shards=(shard,), tensors=tensors)
    return estimate_weights(_model(name, config, stored), dtypes=None, scope="declared")


def _model(name: str, config: Config, checkpoint: Checkpoint) -> Model:
    return Model(origin=Origin(requested=name, name=name, library="transformers"), checkpoint=checkpoint, config=config)
