"""Weights in the dtype that they are loaded in."""

import pytest

from memscan.bills.held import held
from memscan.errors import UsageError
from memscan.estimate import estimate_weights
from memscan.item import Basis
from tests.bills.models import LLAMA, report_of
from tests.estimate.fixtures import REPOSITORIES, load


@pytest.mark.parametrize("repository", REPOSITORIES)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bnb-nf4", "Q4_K_M"])
def test_the_bytes_are_those_of_the_table(repository, dtype):
    report = estimate_weights(load(repository), dtypes=[dtype], scope="auto")
    rows = {row.dtype: row.total_bytes for row in report.estimates}
    if dtype in rows:
        assert sum(tensor.nbytes for tensor in held(report, dtype).tensors) == rows[dtype]


def test_what_is_stored_is_measured():
    report = estimate_weights(load("meta-llama/Llama-3.1-8B"), dtypes=None, scope="auto")
    found = held(report, None)
    assert (found.dtype, found.computes, found.basis, found.packed) == ("bfloat16", "bfloat16", Basis.MEASURED, False)
    assert held(report, "bfloat16") == found
    assert held(report, "float32").basis is Basis.DERIVED


def test_packed_weights_are_worked_with_in_the_dtype_beside_them():
    report = estimate_weights(load("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16"), dtypes=None, scope="auto")
    found = held(report, None)
    assert (found.dtype, found.computes, found.packed) == ("as stored", "bfloat16", True)


def test_what_is_made_of_a_config_is_derived():
    assert held(report_of(LLAMA), None).basis is Basis.DERIVED


def test_packed_weights_of_an_unknown_number_cannot_be_cast():
    report = report_of(LLAMA)
    scope = report.scopes["declared"]
    from dataclasses import replace

    hidden = replace(report, scopes={"declared": replace(scope, parameters=None, unknown="a packing that nobody knows")})
    with pytest.raises(UsageError, match=r"--dtype float16 is not known for packed weights .*: a packing that nobody knows"):
        held(hidden, "float16")
