"""GGUF: what llama.cpp's converter and quantizer make of a dense model (`convert_hf_to_gguf.py`, then `llama-quantize`).

The converter is taken with its defaults, the quantizer without an importance matrix. Files that others publish under the same
names may differ: they were made with one, by an older version, or with types of the publisher's own choice. Of these mixes only
IQ4_XS depends on the matrix: with it, the first eighth of `ffn_down` has the type of the others.

Bytes are those of the tensors, without the metadata of the file and the padding between tensors:
blocks of a row times `GGML_QUANT_SIZES` of the gguf package.
"""

from collections.abc import Collection
from dataclasses import dataclass
from math import prod

from memscan.document import shown
from memscan.dtype import DType
from memscan.errors import UsageError
from memscan.quantizers.base import Dense, Quantized, Weight
from memscan.quantizers.ggml_factors import factors
from memscan.quantizers.ggml_families import FAMILIES
from memscan.quantizers.ggml_matrices import KEPT, matrices
from memscan.quantizers.ggml_model import F32, Model, number, read
from memscan.quantizers.ggml_roles import Role, is_matrix, role
from memscan.quantizers.ggml_types import RULES, chosen
from memscan.quantizers.remarks import sentence
from memscan.tensor import TensorInfo

POSITIONS = "position_embeddings.weight"
NO_CONFIG = "which tensors get more bits is judged by their names, because no model type is known"
PROJECTED = (
    "the encoders of images or sound are counted at 16 bits, which is how the converter writes nearly all of them into a file of"
    " their own (mmproj)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GgmlMix:
    """One mix of llama.cpp."""

    name: str

    def quantize(self, dense: Dense) -> Quantized:
        """The bytes of every tensor of `dense` once quantized.

        Raises:
            UsageError: llama.cpp's converter is not known to take models of this type.

        """
        if dense.model_type is not None and dense.model_type not in FAMILIES:
            kind = shown(dense.model_type)
            raise UsageError(f"{self.name}: what llama.cpp makes of a model of type {kind} is not known to memscan")
        found = [role(weight.name, weight.shape) for weight in dense.weights]
        roles = tuple(Role.OTHER if one is None else one for one in found)
        model = read(dense, found)
        sizes = self._sizes(dense, roles, model)
        return Quantized(
            tensors=tuple(_tensor(weight, *sizes.get(index, (model.half, 0))) for index, weight in enumerate(dense.weights)),
            assumed=_assumed(dense, found),
            note=_note(roles, model),
        )

    def _sizes(self, dense: Dense, roles: tuple[Role, ...], model: Model) -> dict[int, tuple[DType, int]]:
        sizes = {index: _kept(weight, roles[index], model) for index, weight in enumerate(dense.weights) if roles[index] in KEPT}
        quantized = matrices(dense, roles, model)
        totals = {Role.VALUE: sum(one.role is Role.VALUE for one in quantized), Role.DOWN: model.layers}
        for one in quantized:
            dtype = chosen(RULES[self.name], model, one, totals.get(one.role, 0))
            _, before = sizes.get(one.index, (dtype, 0))
            sizes[one.index] = dtype, before + one.rows * dtype.packed_nbytes(one.columns)
        _add(sizes, roles, factors(model))
        return sizes


def _kept(weight: Weight, role: Role, model: Model) -> tuple[DType, int]:
    if role is Role.ABSENT:
        return model.half, 0
    dtype = model.half if role is not Role.SINGLE and is_matrix(weight.shape) else F32
    elements = prod(weight.shape)
    if model.family.padded and weight.name.endswith(POSITIONS) and weight.shape:
        elements -= min(weight.shape[0], (number(model.words, ("pad_token_id",)) or 0) + 1) * prod(weight.shape[1:])
    return dtype, dtype.packed_nbytes(elements)


def _add(sizes: dict[int, tuple[DType, int]], roles: tuple[Role, ...], nbytes: int) -> None:
    """Count what no weight of the model stands for with the embedding."""
    index = next((index for index, role in enumerate(roles) if role is Role.EMBEDDING), None)
    if nbytes and index is not None:
        dtype, before = sizes[index]
        sizes[index] = dtype, before + nbytes


def _tensor(weight: Weight, dtype: DType, nbytes: int) -> TensorInfo:
    return TensorInfo(name=weight.name, dtype=dtype, shape=weight.shape, offset=0, nbytes=nbytes, buffer=weight.buffer)


def _assumed(dense: Dense, found: Collection[Role | None]) -> str | None:
    names = [weight.name for weight, role in zip(dense.weights, found, strict=True) if role is None]
    unnamed = f"{len(names):,} matrices with names not known, as {shown(names[0])}, have the usual type" if names else None
    return sentence(NO_CONFIG if dense.model_type is None else None, unnamed, PROJECTED if Role.PROJECTOR in found else None)


def _note(roles: tuple[Role, ...], model: Model) -> str | None:
    absent = roles.count(Role.ABSENT)
    extra = factors(model)
    return sentence(
        model.family.remark,
        f"{absent:,} tensors, rotary frequencies and the like, are left out by the converter and count 0 bytes"
        if absent
        else None,
        f"the embedding is counted with the {extra:,} bytes of rotary factors that the converter adds" if extra else None,
    )


QUANTIZERS = tuple(GgmlMix(name=name) for name in RULES)
