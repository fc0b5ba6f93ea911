"""The optimizers themselves, stepped on the processor: bytes of every tensor of their state, and what a step holds meanwhile."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from memscan.dtype import TORCH
from memscan.optimizers import OPTIMIZERS, State, Trained, states

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]  # the libraries' own notices

DTYPES = ("float32", "bfloat16")
EDGES = (
    (), (1,), (4095,), (4096,), (4097,), (64, 64), (63, 65), (1, 4096), (128, 32), (96, 128), (4, 32, 48), (3, 5, 7),
    (2, 3, 8, 256), (4352,), (17, 256), (8192,), (300, 300),
)  # fmt: skip


def shapes(seed: int) -> tuple[tuple[int, ...], ...]:
    """A model's worth of random shapes: vectors, matrices, stacks of matrices."""
    rng = random.Random(seed)
    sizes = (1, 2, 3, 16, 31, 64, 100, 128, 256)
    return tuple(tuple(rng.choice(sizes) for _ in range(rng.choice((1, 1, 2, 2, 2, 3)))) for _ in range(12))


CASES = [(dtype, EDGES) for dtype in DTYPES] + [(dtype, shapes(seed)) for dtype in DTYPES for seed in range(6)]


def trained(dtype: str, shapes: Sequence[tuple[int, ...]], embeddings: frozenset[int] = frozenset()) -> list[Trained]:
    return [
        Trained(name=f"p{place}", shape=shape, dtype=TORCH[dtype], embedding=place in embeddings)
        for place, shape in enumerate(shapes)
    ]


def made(dtype: str, shapes: Sequence[tuple[int, ...]]):
    """Parameters with gradients."""
    import torch

    parameters = [torch.nn.Parameter(torch.randn(shape).to(getattr(torch, dtype))) for shape in shapes]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    return parameters


def optimizer(name: str, parameters):
    """The optimizer as transformers' Trainer makes it, or with torch's defaults."""
    import bitsandbytes
    import torch
    import torchao.optim
    import transformers

    kinds = {
        "adamw": torch.optim.AdamW,
        "adamw-8bit": lambda held: bitsandbytes.optim.AdamW(held, optim_bits=8),
        "adamw-4bit": lambda held: torchao.optim.AdamW4bit(held, block_size=256),
        "adafactor": lambda held: transformers.Adafactor(held, lr=1e-3, scale_parameter=False, relative_step=False),
        "sgd": torch.optim.SGD,
        "sgd-momentum": lambda held: torch.optim.SGD(held, momentum=0.9),
        "lion": lambda held: bitsandbytes.optim.Lion(held, optim_bits=32),
    }
    return kinds[name](parameters)


def tensors(state):
    """The tensors of one parameter's state by name; torchao's hold three each."""
    for name, value in state.items():
        if hasattr(value, "tensor_attrs"):
            yield from ((f"{name} {inner}", getattr(value, inner)) for inner in value.tensor_attrs)
        elif hasattr(value, "untyped_storage"):
            yield name, value


def sizes(kept: Sequence[State]) -> Counter:
    return Counter({state.name: state.nbytes for state in kept if state.nbytes})


def check(dtype: str, ours: Sequence[Trained], parameters, steppers, name: str) -> None:
    """Tensor by tensor and in sum; a storage that several share counts once."""
    state = {parameter: held for stepper in steppers for parameter, held in stepper.state.items()}
    storages = {}
    for one, parameter in zip(ours, parameters, strict=True):
        found = dict(tensors(state.get(parameter, {})))
        assert sizes(OPTIMIZERS[name].kept(one)) == {key: value.nbytes for key, value in found.items()}, one
        storages.update({value.untyped_storage()._cdata: value.untyped_storage().nbytes() for value in found.values()})
    assert states(ours, name).nbytes == sum(storages.values())


@pytest.mark.parametrize(("dtype", "shapes"), CASES)
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "muon"])
def test_every_state_has_the_librarys_bytes(name: str, dtype: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    import torch

    parameters = made(dtype, shapes)
    real = optimizer(name, parameters)
    with torch.compiler.set_stance("force_eager"):
        for _ in range(2):
            real.step()
    check(dtype, trained(dtype, shapes), parameters, [real], name)


@pytest.mark.parametrize(("dtype", "shapes"), CASES)
def test_muon_takes_hidden_matrices_and_leaves_the_rest_to_adamw(dtype: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    import torch

    ours, parameters = trained(dtype, shapes, frozenset({2, 5})), made(dtype, shapes)
    hidden = [len(shape) == 2 and place not in {2, 5} for place, shape in enumerate(shapes)]
    muon = torch.optim.Muon([each for each, taken in zip(parameters, hidden, strict=True) if taken])
    adamw = torch.optim.AdamW([each for each, taken in zip(parameters, hidden, strict=True) if not taken])
    for real in (muon, adamw):
        real.step()
    check(dtype, ours, parameters, [muon, adamw], "muon")


@pytest.mark.parametrize("dtype", DTYPES)
def test_trainer_keeps_embeddings_in_float32_beside_8_bits(dtype: str) -> None:
    """The override that `Trainer.create_optimizer` registers for every `torch.nn.Embedding`."""
    import bitsandbytes
    import torch

    model = torch.nn.ModuleList([torch.nn.Embedding(300, 64), torch.nn.Linear(64, 300)]).to(getattr(torch, dtype))
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    manager = bitsandbytes.optim.GlobalOptimManager.get_instance()
    manager.initialize()
    real = bitsandbytes.optim.AdamW(model.parameters(), optim_bits=8)
    manager.register_module_override(model[0], "weight", {"optim_bits": 32})
    real.step()
    manager.initialize()
    parameters = list(model.parameters())
    ours = trained(dtype, [tuple(parameter.shape) for parameter in parameters], frozenset({0}))
    check(dtype, ours, parameters, [real], "adamw-8bit")


def peak(real, parameters) -> int:
    """Bytes that a step holds at most beside what was there before it."""
    from tests.optimizers.live import Live

    real.step()
    state = [value for held in real.state.values() for value in held.values() if hasattr(value, "untyped_storage")]
    with Live([*parameters, *(parameter.grad for parameter in parameters), *state]) as live:
        real.step()
    return live.peak


SCALARS = 64  # root mean squares, norms and the like

STEPPED = [((64, 64),), ((64, 64), (256, 64)), ((256, 64), (64, 64), (100, 64)), ((4, 32, 48), (64, 64)), ((128, 96), (96,))]


@pytest.mark.parametrize("shapes", STEPPED)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["adafactor", "sgd", "sgd-momentum"])
def test_a_step_holds_what_the_library_holds(name: str, dtype: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    parameters = made(dtype, shapes)
    found = peak(optimizer(name, parameters), parameters)
    assert 0 <= found - states(trained(dtype, shapes), name).step.nbytes <= SCALARS * len(shapes)


@pytest.mark.parametrize("shapes", STEPPED)
@pytest.mark.parametrize("dtype", DTYPES)
def test_adamw_holds_the_second_moment_again_with_foreach_and_nothing_with_fused(
    dtype: str, shapes: tuple[tuple[int, ...], ...]
) -> None:
    import torch

    step = states(trained(dtype, shapes), "adamw").step
    for settings, expected in (({"foreach": True}, step.most), ({"fused": True}, step.least)):
        parameters = made(dtype, shapes)
        assert 0 <= peak(torch.optim.AdamW(parameters, **settings), parameters) - expected <= SCALARS


def test_foreach_takes_one_dtype_after_the_other() -> None:
    import torch

    parameters = [*made("float32", [(64, 64), (64,)]), *made("bfloat16", [(128, 64)])]
    ours = [*trained("float32", [(64, 64), (64,)]), *trained("bfloat16", [(128, 64)])]
    found = peak(torch.optim.AdamW(parameters, foreach=True), parameters)
    assert 0 <= found - states(ours, "adamw").step.most <= SCALARS


@pytest.mark.parametrize("shapes", [((64, 64),), ((64, 256),), ((256, 64), (64, 64)), ((31, 100), (100, 31))])
@pytest.mark.parametrize("dtype", DTYPES)
def test_muon_holds_the_largest_matrix_while_it_is_made_orthogonal(dtype: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    import torch

    parameters = made(dtype, shapes)
    found = peak(torch.optim.Muon(parameters), parameters)
    assert 0 <= found - states(trained(dtype, shapes), "muon").step.least <= SCALARS
