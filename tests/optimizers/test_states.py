"""The sums, the words and the pieces of a device."""

import inspect
import pkgutil
from importlib import import_module

import pytest

from memscan import optimizers
from memscan.dtype import SAFETENSORS
from memscan.errors import UsageError
from memscan.item import Basis
from memscan.optimizers import OPTIMIZERS, Trained, flat, piece, states

BF16 = SAFETENSORS["BF16"]


def matrix(rows: int, columns: int, **more: bool) -> Trained:
    return Trained(name="w", shape=(rows, columns), dtype=BF16, **more)


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"no optimizer is called 'adam'; there are adamw, adamw-8bit, .*muon"):
        states([], "adam")


def test_every_optimizer_of_the_room_is_named_in_its_registry() -> None:
    modules = [import_module(f"memscan.optimizers.{found.name}") for found in pkgutil.iter_modules(optimizers.__path__)]
    kinds = {
        kind
        for module in modules
        for kind in vars(module).values()
        if inspect.isclass(kind) and hasattr(kind, "kept") and not getattr(kind, "_is_protocol", False)
    }
    assert kinds == {type(optimizer) for optimizer in OPTIMIZERS.values()}
    assert all(OPTIMIZERS[name].name == name for name in OPTIMIZERS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_parameters_have_no_states(name: str) -> None:
    found = states([], name)
    assert found.nbytes == 0
    assert found.formula == "0"
    assert found.step.nbytes in {0, None}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_parts_make_up_the_sum_and_the_rule_has_a_source(name: str) -> None:
    found = states([matrix(128, 64), matrix(1000, 64, embedding=True), matrix(3, 5)], name)
    assert sum(found.parts.values()) == found.nbytes == found.item.nbytes
    assert any(library in found.source for library in ("torch 2.13", "bitsandbytes 0.50.2", "torchao 0.18", "transformers 5.23"))
    assert (found.step.nbytes is None) == (found.step.basis is Basis.UNKNOWN)


def test_the_formula_has_the_numbers_put_in() -> None:
    assert states([matrix(128, 64)], "adamw").formula == "1 x 4 (step) + 8,192 x 2 (exp_avg) + 8,192 x 2 (exp_avg_sq)"


def test_the_maps_of_8_bits_are_held_once() -> None:
    one, two = (states([matrix(128, 64)] * count, "adamw-8bit").nbytes for count in (1, 2))
    assert two - one == 2 * 8192 + 2 * 4 * 32
    assert one - (two - one) == 2 * 1024


def test_experts_in_one_tensor_are_adamws_and_that_is_said() -> None:
    experts = Trained(name="experts.down_proj", shape=(8, 64, 32), dtype=BF16)
    found = states([experts, matrix(64, 64)], "muon")
    assert found.parts == {"step": 4, "exp_avg": 32768, "exp_avg_sq": 32768, "momentum_buffer": 8192}
    assert found.notes == (
        "Muon has 4,096 parameters in 1 hidden matrices, AdamW the other 16,384 in 1 tensors",
        "1 tensors of more than two dimensions are AdamW's: torch.optim.Muon takes matrices alone, not experts in one tensor",
    )


def test_a_head_is_no_hidden_matrix_where_it_is_known_to_be_one() -> None:
    head = Trained(name="lm_head.weight", shape=(64, 64), dtype=BF16, hidden_matrix=False)
    assert "momentum_buffer" not in states([head], "muon").parts


def test_what_4_bits_leave_is_said() -> None:
    assert states([matrix(4096, 1)], "adamw-4bit").notes == ()
    (note,) = states([matrix(4097, 1)], "adamw-4bit").notes
    assert note.startswith("1 parameters of 4,096 values or more, w the first")


def test_embeddings_in_float32_beside_8_bits_are_said() -> None:
    (note,) = states([matrix(1000, 64, embedding=True)], "adamw-8bit").notes
    assert note.endswith("8 bytes a parameter for 64,000 of them")


def test_a_piece_is_one_vector_of_float32_filled_up() -> None:
    (vector,) = flat([matrix(3, 5), matrix(2, 1)], devices=4)
    assert (vector.shape, vector.dtype.name, vector.hidden) == ((6,), "F32", False)
    assert states([vector], "adamw").nbytes == 4 + 2 * 4 * 6
    assert states([vector], "adafactor").nbytes == 4 * 6 + 4
    assert flat([], devices=4) == ()


def test_parameters_are_cut_together_or_each_by_itself() -> None:
    assert piece([15, 2], 4) == 6
    assert piece([15, 2], 4, each=True) == 4 + 1
    assert piece([], 4) == 0
    with pytest.raises(UsageError, match="cut for 0 devices"):
        piece([15], 0)
