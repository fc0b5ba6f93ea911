"""The matrices of a dense model as llama.cpp lays them out: rows and columns, and their place in its count of layers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from memscan.quantizers.base import Dense, Weight
from memscan.quantizers.experts import TRANSPOSED
from memscan.quantizers.ggml_model import Model, block, number
from memscan.quantizers.ggml_roles import BARE, Role
from memscan.quantizers.owners import CONV1D, owner

COUNTED = (Role.VALUE, Role.DOWN)
KEPT = frozenset({Role.SINGLE, Role.HALF, Role.PROJECTOR, Role.ABSENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A weight, or what one weight is split into, with rows of one type."""

    index: int
    """Of the weight."""
    role: Role
    rows: int
    columns: int
    order: tuple[int, str] = (-1, "")
    """Where llama.cpp puts it: by layer, then by name (`weight_name_comparer`)."""
    number: int = 0
    """Which one of its role it is, or which layer it stands in; where the role counts them."""


def matrices(dense: Dense, roles: tuple[Role, ...], model: Model) -> tuple[Matrix, ...]:
    """What is quantized of `dense`, numbered."""
    found = [one for index, role in enumerate(roles) if role not in KEPT for one in _split(dense, index, role, model)]
    by_layer = model.experts > 1
    counts = dict.fromkeys(COUNTED, 0)
    placed: list[Matrix] = []
    for one in sorted(found, key=lambda matrix: matrix.order):
        if one.role is Role.DOWN and by_layer:
            placed.append(replace(one, number=one.order[0]))
        elif one.role in counts:
            placed.append(replace(one, number=counts[one.role]))
            counts[one.role] += 1
        else:
            placed.append(one)
    return tuple(placed)


def _split(dense: Dense, index: int, role: Role, model: Model) -> Iterator[Matrix]:
    weight = dense.weights[index]
    rows, columns = _extents(weight, dense.model_type)
    order = _order(weight.name)
    if role is Role.LATENT:
        yield from _latent(index, rows, columns, model)
    elif role is Role.GATED:
        yield from _gated(index, rows, columns, model, order)
    elif rows:
        yield Matrix(index=index, role=role, rows=rows, columns=columns, order=order)


def _extents(weight: Weight, model_type: str | None) -> tuple[int, int]:
    elements = 1
    for extent in weight.shape:
        elements *= extent
    columns = weight.shape[-1]
    leaf = weight.name.rpartition(".")[2]
    if (len(weight.shape) == 3 and leaf in BARE and model_type in TRANSPOSED) or owner(weight, model_type) == CONV1D:
        columns = weight.shape[-2]
    return (elements // columns if columns else 0), columns


def _latent(index: int, rows: int, columns: int, model: Model) -> Iterator[Matrix]:
    """`kv_b_proj` is [heads * (key + value), rank]; keys become [heads, rank, key], values [heads, value, rank]."""
    key, value = number(model.words, ("qk_nope_head_dim",)) or 0, number(model.words, ("v_head_dim",)) or 0
    heads = rows // (key + value) if key + value else 0
    if not key or heads * (key + value) != rows:
        yield Matrix(index=index, role=Role.OTHER, rows=rows, columns=columns)
        return
    yield Matrix(index=index, role=Role.OTHER, rows=heads * columns, columns=key)
    yield Matrix(index=index, role=Role.OTHER, rows=heads * value, columns=columns)


def _gated(index: int, rows: int, columns: int, model: Model, order: tuple[int, str]) -> Iterator[Matrix]:
    """The gate has as many rows as the values have."""
    heads, head = number(model.words, ("linear_num_value_heads",)) or 0, number(model.words, ("linear_value_head_dim",)) or 0
    gate = min(heads * head, rows)
    yield Matrix(index=index, role=Role.VALUE, rows=rows - gate, columns=columns, order=order)
    yield Matrix(index=index, role=Role.OTHER, rows=gate, columns=columns, order=order)


def _order(name: str) -> tuple[int, str]:
    """Of an encoder and a decoder llama.cpp counts no layers (`enc.blk.3.`): they are sorted by name alone."""
    first, found, rest = name.partition(".block.")
    if found and first in ("encoder", "decoder"):
        cross = "cross_" if ".EncDecAttention." in name else ""
        return -1, f"{first[:3]}.blk.{rest.partition('.')[0]}.{cross}"
    return block(name), ""
