"""Tensor by tensor the bytes that the libraries themselves arrived at."""

import pytest

from memscan.dtype import Kind
from memscan.quantizers import QUANTIZERS
from tests.quantizers.dense import METHODS
from tests.quantizers.recorded import MODELS, Case, cases, dense

CASES = cases()
MADE = [case for case in CASES if case.error is None]
REFUSED = [case for case in CASES if case.error is not None]


def ident(case: Case) -> str:
    return f"{case.model}-{case.method}"


@pytest.mark.parametrize("case", MADE, ids=ident)
def test_every_tensor_has_the_librarys_bytes(case: Case) -> None:
    made = QUANTIZERS[case.method].quantize(case.dense)
    expected = {weight.name: case.changed.get(weight.name, weight.nbytes) for weight in case.dense.weights}
    assert {tensor.name: tensor.nbytes for tensor in made.tensors} == expected
    assert sum(tensor.nbytes for tensor in made.tensors) == case.total
    assert [tensor.name for tensor in made.tensors] == [weight.name for weight in case.dense.weights]
    assert made.assumed is None


@pytest.mark.parametrize("case", [case for case in MADE if case.refused], ids=ident)
def test_what_the_library_refuses_is_said(case: Case) -> None:
    assert "refuses" in (QUANTIZERS[case.method].quantize(case.dense).note or "")


@pytest.mark.parametrize("case", REFUSED, ids=ident)
def test_a_model_that_the_library_refuses_is_left_dense_and_said(case: Case) -> None:
    made = QUANTIZERS[case.method].quantize(case.dense)
    assert [tensor.nbytes for tensor in made.tensors] == [weight.nbytes for weight in case.dense.weights]
    assert "nothing of it is quantized" in (made.note or "")


@pytest.mark.parametrize("case", MADE, ids=ident)
def test_names_and_shapes_alone_give_the_same_bytes(case: Case) -> None:
    told = QUANTIZERS[case.method].quantize(case.dense)
    judged = QUANTIZERS[case.method].quantize(dense(case.model, modules=False))
    assert [tensor.nbytes for tensor in judged.tensors] == [tensor.nbytes for tensor in told.tensors]


def test_every_method_is_recorded_and_quantizes_something() -> None:
    quantized = {
        case.method
        for case in MADE
        if any(tensor.dtype.kind is Kind.QUANTIZED for tensor in QUANTIZERS[case.method].quantize(case.dense).tensors)
    }
    assert quantized == set(METHODS) == {name for record in MODELS.values() for name in record["methods"]}
