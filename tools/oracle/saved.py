"""Save a small model as a checkpoint, load it again, and keep of it the header alone."""

import importlib.metadata
import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from cases import Case
from declared import Declared, is_auto
from held import Record, held
from small_configs import small_config
from transformers import AutoModel, PreTrainedModel

WEIGHTS = "model.safetensors"
TRUTH = "truth.json"
FAILED = "failed.json"


class RepeatedCaseError(Exception):
    """The case would be the same as another one."""


def make(case: Case, declared: Declared, folder: Path) -> None:
    """Write one case: config.json, the header of model.safetensors, and what transformers holds after loading it."""
    classes = {found.__name__: found for found in declared.classes}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    loaded, saved = classes[case.loaded], classes[case.saved]
    both = tuple(dict.fromkeys((saved, loaded)))
    small = small_config(declared, both, seed=case.seed, flip=case.flips, tie=case.variant == "twice")
    dtype = torch.bfloat16 if case.flips else torch.float32
    torch.manual_seed(0)
    model = saved._from_config(small.config(), dtype=dtype)  # noqa: SLF001 - what the Auto classes call
    for parameter in model.parameters():
        # Checkpoints are of one dtype, also where a class makes some of its tensors in another (XLNet); of two dtypes the loader
        # makes one, and which one it is would be all that such a case shows.
        if parameter.is_floating_point():
            parameter.data = parameter.data.to(dtype)
    _save(model, case, folder)
    _declare(folder, case.loaded)
    del model
    record = {
        "model_type": case.model_type, "class": case.loaded, "variant": case.variant, "saved_from": case.saved, "seed": case.seed,
        "dtype": str(dtype).removeprefix("torch."), "config_way": small.way, "flipped": list(small.flipped),
        "versions": {name: importlib.metadata.version(name) for name in ("transformers", "torch", "accelerate", "safetensors")},
        "file_bytes": (folder / WEIGHTS).stat().st_size, "declared": load(loaded, folder), "auto": None,
    }  # fmt: skip
    if is_auto(case.model_type):
        try:
            record["auto"] = load(AutoModel, folder)
        except Exception as error:  # noqa: BLE001 - that AutoModel cannot load it is part of the truth
            record["auto_reason"] = reason(error)
    else:
        record["auto_reason"] = "the model type is not in the table of AutoModel"
    for path in folder.iterdir():
        if path.name not in {"config.json", WEIGHTS}:
            path.unlink()
    keep_header(folder / WEIGHTS)
    write(folder / TRUTH, record)


def _save(model: PreTrainedModel, case: Case, folder: Path) -> None:
    model.save_pretrained(folder)
    if not (folder / WEIGHTS).is_file():
        raise ValueError("save_pretrained wrote more than one file of weights")
    before = tensor_names(folder / WEIGHTS)
    if case.variant == "twice":
        model.save_pretrained(folder, state_dict={name: tensor.clone() for name, tensor in model.state_dict().items()})
    elif case.variant == "fused":
        model.save_pretrained(folder, save_original_format=False)
    else:
        return
    if tensor_names(folder / WEIGHTS) == before:
        raise RepeatedCaseError


def _declare(folder: Path, name: str) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    if config.get("architectures") != [name]:
        write(path, {**config, "architectures": [name]})


def load(found: Any, folder: Path) -> Record:
    """What a class holds after loading the folder."""
    model, info = found.from_pretrained(str(folder), dtype="auto", output_loading_info=True, local_files_only=True)
    return held(model, info)


def header_bytes(path: Path) -> int:
    """Length of a safetensors header with the eight bytes of its own length."""
    with path.open("rb") as file:
        return 8 + int.from_bytes(file.read(8), "little")


def tensor_names(path: Path) -> set[str]:
    """Names in a safetensors header."""
    with path.open("rb") as file:
        return set(json.loads(file.read(header_bytes(path))[8:]))


def keep_header(path: Path) -> None:
    """Drop the data of a safetensors file; its size stays, as a hole."""
    header, size = header_bytes(path), path.stat().st_size
    os.truncate(path, header)
    os.truncate(path, size)


def reason(error: BaseException) -> str:
    """One line about an error."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"


def write(path: Path, content: object) -> None:
    """Write JSON; a name appears only once its file is whole."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, separators=(",", ":")) + "\n")
    part.replace(path)
