"""The ZeRO paper's table, and what DeepSpeed's own estimators print."""

from typing import ClassVar

import pytest

from memscan.errors import UsageError
from memscan.item import Basis
from memscan.optimizers import flat, states
from memscan.optimizers.base import Trained
from memscan.parallel.gathered import Unit, buffers, gathered
from memscan.parallel.precision import precision
from memscan.parallel.zero import GRADIENTS, MASTER, STATES, STEP_GRADIENTS, WEIGHTS, Shares, Zero, shares

MIXED = precision("bf16-mixed", "deepspeed")

# ZeRO paper, table 1: GB = 1e9 bytes of model states on one device, by stage; https://arxiv.org/abs/1910.02054.
TABLE = {
    7_500_000_000: {
        1: (120, 120, 120), 4: (52.5, 41.3, 30), 16: (35.6, 21.6, 7.5), 64: (31.4, 16.6, 1.88), 256: (30.4, 15.4, 0.47),
        1024: (30.1, 15.1, 0.12),
    },
    128_000_000_000: {
        1: (2048, 2048, 2048), 4: (896, 704, 512), 16: (608, 368, 128), 64: (536, 284, 32), 256: (518, 263, 8),
        1024: (513, 257, 2),
    },
    1_000_000_000_000: {
        1: (16000, 16000, 16000), 4: (7000, 5500, 4000), 16: (4750, 2875, 1000), 64: (4187, 2218, 250), 256: (4046, 2054, 62.5),
        1024: (4011, 2013, 15.6),
    },
}  # fmt: skip
CELLS = [
    (elements, devices, stage, cell)
    for elements, rows in TABLE.items()
    for devices, row in rows.items()
    for stage, cell in enumerate(row, 1)
]
HELD = (WEIGHTS, MASTER, GRADIENTS, STATES)


def adam(elements: int, devices: int) -> int:
    """The two moments of a piece in float32, as the paper counts them: without the step."""
    return 8 * -(-elements // (2 * devices)) * 2


def held(found: Shares) -> int:
    return sum(found.named(name) for name in HELD)


@pytest.mark.parametrize(("elements", "devices", "stage", "cell"), CELLS)
def test_the_papers_table(elements: int, devices: int, stage: int, cell: float) -> None:
    """Equal at the printed rounding; the paper cuts some of its digits off, and rounds 30.35 up."""
    found = shares(Zero(stage=stage, devices=devices), MIXED, sizes=[elements], states=adam(elements, devices))
    digits = len(str(cell).partition(".")[2]) if isinstance(cell, float) else 0
    assert abs(held(found) / 1e9 - cell) < 10**-digits


def test_the_papers_first_figure() -> None:
    """7.5 billion parameters on 64 devices: 120, 31.4, 16.6 and 1.9 GB."""
    plain = shares(Zero(stage=0, devices=64), MIXED, sizes=[7_500_000_000], states=8 * 7_500_000_000)
    assert held(plain) == 120e9
    found = [
        held(shares(Zero(stage=stage, devices=64), MIXED, sizes=[7_500_000_000], states=adam(7_500_000_000, 64))) / 1e9
        for stage in (1, 2, 3)
    ]
    assert [round(value, 1) for value in found] == [31.4, 16.6, 1.9]


def zero2(total: int, gpus: int, *, offload: bool) -> tuple[float, int]:
    """`estimate_zero2_model_states_mem_needs` of DeepSpeed, of one node: bytes of CPU and GPU."""
    if offload:
        return total * max(4 * gpus, 16) * 1.5, 2 * total
    return total * 4 * gpus * 1.5, 2 * total + int(18 * total / gpus)


def zero3(total: int, layer: int, gpus: int, *, offload: str | None) -> int:
    """`estimate_zero3_model_states_mem_needs` of DeepSpeed, of one node: bytes of GPU."""
    return 4 * layer + {"params": 0, "optimizer": int(2 * total / gpus), None: int(18 * total / gpus)}[offload]


@pytest.mark.parametrize(("offload", "printed"), [("params", 0.12), ("optimizer", 0.78), (None, 6.09)])
def test_deepspeeds_documented_figures_of_stage_3(offload: str | None, printed: float) -> None:
    """t5-3b, 2,851 million parameters, the largest layer of 32 million, 8 GPUs; docs/code-docs/source/memory.rst."""
    total, layer, gpus = 2_851_000_000, 32_000_000, 8
    assert round(zero3(total, layer, gpus, offload=offload) / 2**30, 2) == printed
    zero = Zero(stage=3, devices=gpus, offload=offload)
    found = shares(zero, MIXED, sizes=[layer, total - layer], states=adam(total, gpus))
    ours = held(found) + (2 * total // gpus if offload is None else 0)  # it adds 2 bytes to the 16 of the paper
    expected = zero3(total, 0, gpus, offload=offload)
    assert abs(ours - expected) <= 64


@pytest.mark.parametrize("gpus", [1, 4, 8])
def test_deepspeeds_estimator_of_stage_2(gpus: int) -> None:
    """18 bytes beside the weights: gradients of 2, master weights, states, and gradients of 4 bytes for the step."""
    total = 2_851_000_000
    found = shares(Zero(stage=2, devices=gpus), MIXED, sizes=[total], states=adam(total, gpus))
    assert abs(held(found) + 4 * total // gpus - zero2(total, gpus, offload=False)[1]) <= 64
    assert found.named(STEP_GRADIENTS) - 4 * total // gpus in range(2 * total // gpus, 2 * total // gpus + 64)
    away = shares(Zero(stage=2, devices=gpus, offload="optimizer"), MIXED, sizes=[total], states=adam(total, gpus))
    assert held(away) - zero2(total, gpus, offload=True)[1] in range(64)
    # 16 bytes for all of the node, and 2 for new weights on their way; the estimator adds half for buffers.
    assert 18 * total <= away.node(gpus) <= 18 * total + 512


@pytest.mark.parametrize("devices", [1, 2, 3, 7])
def test_pieces_are_filled_up(devices: int) -> None:
    found = shares(Zero(stage=2, devices=devices), MIXED, sizes=[101, 3], states=0)
    assert found.named(MASTER) // 4 * devices >= 104
    assert found.named(WEIGHTS) == 2 * devices * (found.named(MASTER) // 4)
    assert found.named(GRADIENTS) == 2 * (found.named(MASTER) // 4)


def test_small_parameters_stay_whole_in_stage_3_of_deepspeed_alone() -> None:
    sizes = [200_000, 4096]
    found = shares(Zero(stage=3, devices=4), MIXED, sizes=sizes, states=0)
    assert found.named(WEIGHTS) == 2 * (50_000 + 1024 + 4096)
    assert found.named(MASTER) == 4 * (50_000 + 1024)
    sharded = shares(Zero(stage=3, devices=4), precision("bf16", "fsdp"), sizes=sizes, states=0)
    assert sharded.named(WEIGHTS) == 2 * (50_000 + 1024)
    away = shares(Zero(stage=3, devices=4, offload="params"), MIXED, sizes=sizes, states=0)
    assert away.named(WEIGHTS) == 2 * 4096


def test_weights_that_are_not_trained_are_cut_where_weights_are() -> None:
    for stage, engine, expected in ((0, "torch", 1001), (2, "deepspeed", 1001), (3, "deepspeed", 251), (2, "fsdp", 251)):
        found = shares(Zero(stage=stage, devices=4), precision("bf16", engine), sizes=[8], states=0, frozen=1001)
        alone = shares(Zero(stage=stage, devices=4), precision("bf16", engine), sizes=[8], states=0)
        assert found.named(WEIGHTS) - alone.named(WEIGHTS) == expected


def test_fsdp_moves_all_to_the_cpu_together() -> None:
    found = shares(Zero(stage=3, devices=4, offload="optimizer"), precision("fp32", "fsdp"), sizes=[400], states=800)
    assert found.device == ()
    assert found.node(2) == 2 * (400 + 400 + 800)


def test_a_step_of_stage_3_takes_a_billion_elements_at_a_time() -> None:
    found = shares(Zero(stage=3, devices=1), MIXED, sizes=[3_000_000_000], states=0)
    assert found.named(STEP_GRADIENTS) == 6_000_000_000


def test_states_of_a_piece_are_the_optimizers() -> None:
    (vector,) = flat([Trained(name="w", shape=(100, 10), dtype=MIXED.stepped)], devices=4)
    found = shares(Zero(stage=1, devices=4), MIXED, sizes=[1000], states=states([vector], "adamw").nbytes)
    assert found.named(STATES) == 4 + 8 * 250


@pytest.mark.parametrize(
    ("name", "engine", "expected"),
    [
        # weights, gradients, master, compute, casts, what the optimizer sees
        ("fp32", "torch", (4, 4, 0, 4, 0, "F32")),
        ("bf16", "torch", (2, 2, 0, 2, 0, "BF16")),
        ("bf16-mixed", "torch", (4, 4, 0, 2, 2, "F32")),
        ("fp16-mixed", "torch", (4, 4, 0, 2, 2, "F32")),
        ("bf16-mixed", "fsdp", (4, 4, 0, 2, 0, "F32")),
        ("bf16", "fsdp", (2, 2, 0, 2, 0, "BF16")),
        ("fp32", "deepspeed", (4, 4, 4, 4, 0, "F32")),
        ("bf16", "deepspeed", (2, 2, 4, 2, 0, "F32")),
        ("fp16-mixed", "deepspeed", (2, 2, 4, 2, 0, "F32")),
    ],
)
def test_a_precision(name: str, engine: str, expected: tuple[object, ...]) -> None:
    found = precision(name, engine)
    assert (found.weights, found.gradients, found.master, found.compute, found.casts, found.stepped.name) == expected


@pytest.mark.parametrize(
    ("zero", "message"),
    [
        (Zero(stage=4), "there is no ZeRO stage 4, expected 0 to 3"),
        (Zero(stage=2, offload="params"), "ZeRO stage 2 has no offload of params"),
        (Zero(stage=0, offload="optimizer"), "ZeRO stage 0 has no offload of optimizer"),
        (Zero(stage=3, offload="disk"), "there is no offload of disk"),
        (Zero(stage=1, devices=0), "cut for 0 devices"),
    ],
)
def test_what_makes_no_sense_is_refused(zero: Zero, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        shares(zero, MIXED, sizes=[8], states=0)
    with pytest.raises(UsageError, match="there is no precision 'fp8'; there are fp32"):
        precision("fp8")


class TestGathered:
    UNITS = (Unit(elements=100), Unit(elements=300), Unit(elements=200))
    ROOT = Unit(elements=50)
    PACKED = (Unit(elements=10, packed=50), Unit(elements=10, packed=150), Unit(elements=10, packed=100))

    def test_nothing_below_stage_3(self) -> None:
        assert gathered(Zero(stage=2, devices=4), MIXED, units=self.UNITS, root=self.ROOT) is None
        assert gathered(Zero(stage=0), precision("fp32"), units=self.UNITS, root=self.ROOT) is None

    def test_two_blocks_in_stage_3(self) -> None:
        item = gathered(Zero(stage=3, devices=4), MIXED, units=self.UNITS, root=self.ROOT)
        assert item is not None
        assert (item.nbytes, item.least, item.most, item.basis) == (1000, 600, 1300, Basis.ASSUMED)
        assert "stage3_max_live_parameters" in item.note

    def test_two_blocks_and_the_root_with_fsdp(self) -> None:
        item = gathered(Zero(stage=3, devices=4), precision("bf16-mixed", "fsdp"), units=self.UNITS, root=self.ROOT)
        assert item is not None
        assert (item.nbytes, item.least) == (1100, 700)

    def test_all_weights_where_fsdp_cuts_gradients_alone(self) -> None:
        item = gathered(Zero(stage=2, devices=4), precision("bf16-mixed", "fsdp"), units=self.UNITS, root=self.ROOT)
        assert item is not None
        assert (item.nbytes, item.basis) == (1300, Basis.DERIVED)

    @pytest.mark.parametrize(
        ("engine", "stage", "nbytes", "formula"),
        [
            ("fsdp", 2, 2 * 80 + 300, "80 x 2 + 300 as they are held"),
            ("fsdp", 3, 2 * 70 + 250, "70 x 2 + 250 as they are held"),
            ("deepspeed", 3, 2 * 20 + 250, "20 x 2 + 250 as they are held"),
        ],
    )
    def test_what_is_packed_travels_packed(self, engine: str, stage: int, nbytes: int, formula: str) -> None:
        held = precision("bf16-mixed", engine)
        item = gathered(Zero(stage=stage, devices=4), held, units=self.PACKED, root=self.ROOT)
        assert item is not None
        assert (item.nbytes, item.formula) == (nbytes, formula)


class TestBuffers:
    MANY: ClassVar = {"sizes": [600, 50], "units": [100, 300, 200], "root": 50}

    def test_one_device_needs_none(self) -> None:
        assert buffers(Zero(), precision("fp32"), **self.MANY) is None

    def test_buckets_hold_all_gradients_again_in_plain_data_parallelism(self) -> None:
        item = buffers(Zero(devices=2), precision("bf16-mixed"), **self.MANY)
        assert item is not None
        assert (item.nbytes, item.basis) == (4 * 650, Basis.DERIVED)

    def test_a_bucket_of_deepspeed_is_allocated_whole(self) -> None:
        item = buffers(Zero(stage=2, devices=2), MIXED, **self.MANY, hidden=4096)
        assert item is not None
        assert (item.nbytes, item.least, item.most) == (1_000_000_000, 2 * 4096 * 4096, 2_000_000_000)
        staged = buffers(Zero(stage=2, devices=2, offload="optimizer"), MIXED, **self.MANY)
        assert staged is not None
        assert staged.nbytes == 2 * (500_000_000 + 600)

    def test_fsdp_holds_the_gradients_of_a_block_and_the_root(self) -> None:
        item = buffers(Zero(stage=3, devices=2), precision("bf16-mixed", "fsdp"), **self.MANY)
        assert item is not None
        assert item.nbytes == 2 * 350

    def test_nothing_is_sent_where_nothing_is_trained(self) -> None:
        assert buffers(Zero(stage=2, devices=2), MIXED, sizes=[], units=[], root=0) is None
