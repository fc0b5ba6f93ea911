"""Rows for quantization methods: of a scope's dense tensors, whether these are stored so or packed."""

from functools import cache

import pytest

from memscan.estimate import Report, WeightEstimate, estimate_weights
from memscan.item import Basis
from memscan.model import CHECKPOINT
from memscan.quantizers import QUANTIZER_NAMES
from tests.writers.tensors import model, tensor

from .fixtures import load

LLAMA = "meta-llama/Llama-3.1-8B"
PACKED = "RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16"  # of the same shapes
LINEAR = 32 * (2 * 4096 * 4096 + 2 * 1024 * 4096 + 3 * 4096 * 14_336)  # elements of the 224 linear layers in blocks
PARAMETERS, ROTARY = 8_030_261_248, 2 * 4 * 64


@cache
def report(repository: str, scope: str = "auto") -> Report:
    return estimate_weights(load(repository), dtypes=QUANTIZER_NAMES, scope=scope)


def row_of(found: Report, name: str) -> WeightEstimate:
    (row,) = (row for row in found.estimates if row.dtype == name)
    return row


@pytest.mark.parametrize(
    ("name", "linear"),
    [
        ("bnb-int8", LINEAR + 4 * 32 * (2 * 4096 + 2 * 1024 + 2 * 14_336 + 4096)),  # a maximum for each row
        ("bnb-nf4", LINEAR // 2 + 4 * LINEAR // 64 + 64 * 224),  # one for each 64 values, and the code
    ],
)
def test_llama_by_hand(name: str, linear: int) -> None:
    """Embeddings, output embeddings and norms keep their bfloat16, the rotary frequencies their float32."""
    assert row_of(report(LLAMA), name).total_bytes == linear + 2 * (PARAMETERS - LINEAR) + ROTARY


@pytest.mark.parametrize("name", QUANTIZER_NAMES)
def test_a_row_says_how_it_is_known(name: str) -> None:
    row = row_of(report(LLAMA), name)
    assert (row.scope, row.stored, row.training_bytes) == ("declared", False, None)
    assert 0 < row.largest_layer_bytes < row.total_bytes < 2 * PARAMETERS
    assert row.basis in (Basis.DERIVED, Basis.ASSUMED)
    said = [note for note in report(LLAMA).notes if note.code == "quantizer-assumed" and note.message.startswith(f"{name}: ")]
    assert len(said) == (row.basis is Basis.ASSUMED)


@pytest.mark.parametrize("name", QUANTIZER_NAMES)
def test_a_packed_checkpoint_is_taken_as_dequantized(name: str) -> None:
    dense, packed = row_of(report(LLAMA), name), row_of(report(PACKED), name)
    assert (packed.total_bytes, packed.largest_layer_bytes) == (dense.total_bytes, dense.largest_layer_bytes)


def test_the_rows_come_in_the_order_that_they_were_asked_for() -> None:
    asked = ["bnb-nf4", "float32", "fp8", "int4", "bnb-nf4"]
    found = estimate_weights(load(LLAMA), dtypes=asked, scope="auto")
    assert [row.dtype for row in found.estimates] == asked[:-1]


@pytest.mark.parametrize("name", [name for name in QUANTIZER_NAMES if name.startswith("bnb-")])
def test_of_a_class_that_is_not_known_the_layers_are_judged_by_their_names(name: str) -> None:
    tensors = [tensor("model.layers.0.q_proj.weight", (64, 64)), tensor("lm_head.weight", (64, 64)), tensor("ids", (9,), "I64")]
    found = estimate_weights(model(tensors), dtypes=[name], scope="auto")
    assert (found.scope, found.estimates[0].basis) == (CHECKPOINT, Basis.ASSUMED)
    assert [note.code for note in found.notes if note.code == "quantizer-assumed"] == ["quantizer-assumed"]
    assert found.estimates[0].total_bytes < 2 * 64 * 64 * 4 + 72
    assert found.estimates[0].total_bytes > 64 * 64 * 4 + 72  # the output embeddings and the integers stay


@pytest.mark.parametrize("name", QUANTIZER_NAMES)
def test_no_tensor_is_no_byte(name: str) -> None:
    (row,) = estimate_weights(model([]), dtypes=[name], scope="auto").estimates
    assert (row.total_bytes, row.largest_layer_bytes) == (0, 0)


def test_where_packing_hides_the_weights_no_method_is_computed() -> None:
    values = {"quantization_config": {"quant_method": "nobody's"}}
    found = estimate_weights(model([tensor("a.weight", (64, 64), "U8")], config=values), dtypes=["bnb-nf4"], scope="auto")
    assert [(row.dtype, row.total_bytes) for row in found.estimates] == [("as stored", 4096)]
    (note,) = (note for note in found.notes if note.code == "quantized")
    assert "nobody's" in note.message
    assert note.message.endswith("; bnb-nf4 not computed")
