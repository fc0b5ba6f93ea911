"""llama.cpp's own steps: its converter, and its quantizer."""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MethodType
from typing import Any

import gguf
from conversion import get_model_class
from conversion.base import ModelBase, ModelType, get_model_architecture

import llama_cpp

MIXES = {"Q8_0": 7, "Q2_K": 10, "Q3_K_M": 12, "Q4_K_M": 15, "Q5_K_M": 17, "Q6_K": 18, "IQ4_XS": 30}
"""The mixes with their numbers in `enum llama_ftype`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor of a GGUF file."""

    name: str
    dtype: str
    nbytes: int


class Quiet:
    """llama.cpp's messages, kept to be shown where a step fails."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._callback = llama_cpp.llama_log_callback(self._log)
        llama_cpp.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _log(self, _level: int, text: bytes, _data: Any) -> None:
        self.lines.append(text.decode(errors="replace").strip())


def convert(folder: Path, output: Path, published: Mapping[str, Any]) -> None:
    """The model in `folder` as GGUF, by the converter's defaults, with a vocabulary of numbers in place of a tokenizer's."""
    hparams = {**ModelBase.load_hparams(folder, False), **published}
    cls = get_model_class(get_model_architecture(hparams, ModelType.TEXT))
    if cls.supports_mtp_export:
        cls.no_mtp = "num_nextn_predict_layers" not in hparams  # transformers drops layers that predict further tokens
    model = cls(folder, gguf.LlamaFileType.GUESSED, output, hparams=hparams)
    model.set_vocab = MethodType(_numbers, model)
    model.write()


def _numbers(self: Any) -> None:
    size = self.hparams.get("vocab_size", 320)
    self.gguf_writer.add_tokenizer_model("gpt2")
    self.gguf_writer.add_token_list([str(number) for number in range(size)])


def quantize(source: Path, output: Path, mix: str) -> None:
    """`source` in a mix."""
    settings = llama_cpp.llama_model_quantize_default_params()
    settings.ftype = MIXES[mix]
    settings.nthread = 1
    log = Quiet()
    if llama_cpp.llama_model_quantize(str(source).encode(), str(output).encode(), ctypes.byref(settings)):
        raise RuntimeError(f"llama.cpp refuses {mix}: {' '.join(log.lines[-3:])}")


def tensors(path: Path) -> tuple[Tensor, ...]:
    """The tensors of a GGUF file."""
    found = gguf.GGUFReader(path).tensors
    return tuple(Tensor(name=one.name, dtype=one.tensor_type.name, nbytes=int(one.n_bytes)) for one in found)
