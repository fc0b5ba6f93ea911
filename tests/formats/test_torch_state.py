"""What a torch checkpoint's containers mean: names, ties, views, training state; and containers made to be endless."""

import struct

import pytest

from memscan.errors import FormatError
from memscan.formats.base import Header
from memscan.formats.torch_header import MAX_VIEWS
from tests.effort import effort
from tests.formats.torch_reading import PATH, named, read
from tests.writers.torch import Make, Name, Persistent, Raw, archive, dumps, ordered, storage, tensor

ADAM = {"state": {0: {"step": 5, "exp_avg": tensor("8", (2,)), "exp_avg_sq": tensor("9", (2,))}}, "param_groups": [{"lr": 0.1}]}
UTILS = "torch._utils"


def of(value: object, room: int = 1_000_000) -> Header:
    """The header of a file that holds `value`; `room` is for storages that the file need not have."""
    return read(archive(dumps(value), {"room": room}))


def names(value: object) -> tuple[list[str], list[str], object]:
    """Names of weights, names of what stands apart, and the container."""
    header = of(value)
    return [each.name for each in header.tensors], [each.name for each in header.optimizer], header.metadata.get("container")


def w(key: str = "0") -> Make:
    return tensor(key, (2,))


class TestNames:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ({"a": w()}, (["a"], [], None)),
            ({"state_dict": {"a": w()}}, (["a"], [], "state_dict")),
            ({"model": {"a": w()}, "epoch": 3}, (["a"], [], "model")),
            ({"module": {"a": w()}}, (["a"], [], "module")),
            ({"params": {"a": w()}}, (["a"], [], "params")),
            ({"model_state_dict": {"a": w()}, "loss": w("1")}, (["a"], ["loss"], "model_state_dict")),
            ({"model": {"state_dict": {"a": w()}}}, (["a"], [], "model.state_dict")),
            ({"state_dict": {"module.a": w()}}, (["module.a"], [], "state_dict")),
            ({"encoder": {"a": w()}}, (["encoder.a"], [], None)),
            ({"model": {"a": w()}, "head": {"b": w("1")}}, (["model.a", "head.b"], [], None)),
            ({"generator": {"a": w()}, "discriminator": {"b": w("1")}}, (["generator.a", "discriminator.b"], [], None)),
            ({"model": {"a": w()}, "optimizer": ADAM}, (
                ["a"], ["optimizer.state.0.exp_avg", "optimizer.state.0.exp_avg_sq"], "model",
            )),
            ({"model": {"a": w()}, "trainer": ADAM}, (["a"], ["trainer.state.0.exp_avg", "trainer.state.0.exp_avg_sq"], "model")),
            ({"model": {"a": w(), "optimizer": ADAM}}, (
                ["a"], ["model.optimizer.state.0.exp_avg", "model.optimizer.state.0.exp_avg_sq"], "model",
            )),
            (ADAM, ([], ["state.0.exp_avg", "state.0.exp_avg_sq"], None)),
            (({"a": w()}, ADAM), (["0.a"], ["1.state.0.exp_avg", "1.state.0.exp_avg_sq"], None)),
            ({"state_dict": {"a": w()}, "state_dict_ema": {"a": w("1")}}, (["a"], ["state_dict_ema.a"], "state_dict")),
            ({"params": {"a": w()}, "params_ema": {"a": w("1")}}, (["a"], ["params_ema.a"], "params")),
            ({"params_ema": {"a": w()}}, (["a"], [], "params_ema")),
            ({"ema": {"a": w()}, "step": 5}, (["a"], [], "ema")),
            ({"model": {"a": w()}, "rng_state": w("1")}, (["a"], ["rng_state"], "model")),
            ({"encoder": {"a": w()}, "scale": w("1")}, (["encoder.a", "scale"], [], None)),
            ({"optimizer.weight": w()}, (["optimizer.weight"], [], None)),
            ({"state_dict": {"a": w()}, "lr_schedulers": [{"x": w("1")}], "callbacks": {"c": {"best": w("2")}}}, (
                ["a"], ["lr_schedulers.0.x", "callbacks.c.best"], "state_dict",
            )),
            ([w(), w("1")], (["0", "1"], [], None)),
            (w(), (["tensor"], [], None)),
            ({}, ([], [], None)),
            (5, ([], [], None)),
            ({7: w(), 2.5: w("1"), True: w("2"), b"b": w("3"), (): w("4"), None: w("5")}, (
                ["7", "2.5", "True", "b", "tuple", "NoneType"], [], None,
            )),
            ({Name("torch.nn.modules.linear", "Linear"): w()}, (["torch.nn.modules.linear.Linear"], [], None)),
            ({"args": Make(Name("argparse", "Namespace"), (), {"lr": 0.1}), "model": {"a": w()}}, (["a"], [], "model")),
        ],
    )  # fmt: skip
    def test_containers(self, value: object, expected: object) -> None:
        assert names(value) == expected

    def test_a_key_that_is_set_twice_has_its_last_value(self) -> None:
        twice = Raw(dumps({"a": w("0")})[2:-1] + dumps("a")[2:-1] + dumps(tensor("1", (3,)))[2:-1] + b"s")
        assert named(of(twice).tensors) == {"a": ("float32", (3,), 12)}

    def test_a_model_that_was_saved_whole(self) -> None:
        def module(**state: object) -> Make:
            return Make(Name("torch.nn.modules.container", "Sequential"), (), state)

        inner = module(_parameters=ordered({"weight": w()}), _buffers=ordered({"mean": w("1")}), _modules={}, training=True)
        model = module(_parameters={}, _modules=ordered({"model": inner, "optimizer": module(_buffers={"b": w("2")})}))
        assert names(model) == (["model.weight", "model.mean", "optimizer.b"], [], None)
        assert names({"model": model}) == (["model.weight", "model.mean", "optimizer.b"], [], "model")

    def test_tensors_under_one_name_are_numbered(self) -> None:
        value = Make(Name("torch.nn.modules.container", "Sequential"), (), {"_parameters": {"a": w()}, "_buffers": {"a": w("1")}})
        assert names(value)[0] == ["a", "a#2"]


class TestStorages:
    def test_tied_tensors_are_counted_once(self) -> None:
        header = of({"embed": tensor("0", (4, 2)), "head": tensor("0", (4, 2)), "bias": tensor("1", (4,))})
        assert named(header.tensors) == {"embed": ("float32", (4, 2), 32), "bias": ("float32", (4,), 16)}
        assert named(header.tied) == {"head": ("float32", (4, 2), 32)}
        assert header.tied[0].storage == header.tensors[0].storage == "0"

    def test_parts_of_one_storage_are_stored_each(self) -> None:
        header = of({name: tensor("0", (2, 2), offset=at, count=8) for name, at in (("a", 4), ("b", 0))})
        assert [(each.name, each.offset, each.nbytes) for each in header.tensors] == [("a", 16, 16), ("b", 0, 16)]
        assert header.tied == ()

    def test_the_first_part_is_charged_for_what_no_tensor_has(self) -> None:
        header = of({"a": tensor("0", (2,), offset=2, count=100), "b": tensor("0", (3,), offset=50, count=100)})
        assert [each.nbytes for each in header.tensors] == [400 - 12, 12]

    def test_a_part_that_overlaps_is_tied(self) -> None:
        header = of(
            {
                "a": tensor("0", (6,), count=8),
                "b": tensor("0", (4,), offset=4, count=8),
                "c": tensor("0", (2,), offset=6, count=8),
            }
        )
        assert [each.name for each in header.tensors] == ["a", "c"]
        assert [each.name for each in header.tied] == ["b"]
        assert sum(each.nbytes for each in header.tensors) == 32

    @pytest.mark.parametrize(
        ("shape", "stride", "nbytes"),
        [((2, 3), (1, 2), 24), ((2, 3), (4, 1), 28), ((2, 3), (0, 1), 12), ((2, 0), (1, 1), 0), ((), (), 4), ((3,), (2,), 20)],
    )
    def test_strides(self, shape: tuple[int, ...], stride: tuple[int, ...], nbytes: int) -> None:
        count = nbytes // 4
        assert named(of({"a": tensor("0", shape, stride=stride, count=count)}).tensors) == {"a": ("float32", shape, nbytes)}

    def test_training_state_that_shares_weights_is_tied(self) -> None:
        header = of({"model": {"a": w()}, "optimizer": {"state": {0: {"master": w()}}, "param_groups": []}})
        assert [each.name for each in header.tied] == ["optimizer.state.0.master"]
        assert header.optimizer == ()

    def test_a_storage_saved_by_itself(self) -> None:
        assert named(of({"s": storage("0", "int64", 3)}).tensors) == {"s": ("int64", (3,), 24)}


def rebuilt(function: str, *arguments: object, module: str = UTILS) -> Make:
    return Make(Name(module, function), arguments)


def typed(dtype: str, nbytes: int, shape: tuple[int, ...]) -> Make:
    of = Persistent(("storage", Name("torch.storage", "UntypedStorage"), "0", "cpu", nbytes))
    return rebuilt("_rebuild_tensor_v3", of, 0, shape, (1,) * len(shape), False, {}, Name("torch", dtype))


FLOAT = Name("torch", "float32")
TWO = ("float32", (2,), 8)  # what `w` is
ARRAY = Make(
    Name("numpy.core.multiarray", "_reconstruct"), (Name("numpy", "ndarray"), (0,), b"b"), (1, (2, 3), None, False, b"x")
)
COLUMNS = Make(Name("torch.serialization", "_get_layout"), ("torch.sparse_csc",))
BY_TENSOR, BY_CHANNEL = (Name("torch", "per_tensor_affine"), 0.1, 0), (Name("torch", "per_channel_affine"), w("1"), w("2"), 0)
NIBBLES = Persistent(("storage", Name("torch", "QUInt4x2Storage"), "0", "cpu", 4))
SUBCLASS = Make(Name("torch._tensor", "_rebuild_from_type_v2"), (
    Name(UTILS, "_rebuild_tensor_v2"), Name("torch", "Tensor"), w().arguments, {"scale": w("1")},
))  # fmt: skip
WRAPPER = Make(Name("torch._tensor", "_rebuild_from_type_v2"), (
    Name(UTILS, "_rebuild_wrapper_subclass"), Name("torchao.dtypes", "AffineQuantizedTensor"), (1, 2),
    {"impl": Make(Name("torchao.dtypes", "Layout"), (), {"data": w(), "scale": w("1")})},
))  # fmt: skip


class TestTensors:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (typed("float8_e4m3fn", 6, (6,)), {"w": ("float8_e4m3fn", (6,), 6)}),
            (typed("uint16", 12, (6,)), {"w": ("uint16", (6,), 12)}),
            (typed("half", 12, (6,)), {"w": ("float16", (6,), 12)}),
            (typed("float3_e1m1", 7, (6,)), {"w": ("float3_e1m1", (6,), 7)}),
            (rebuilt("_rebuild_parameter", w(), True, {}), {"w": TWO}),
            (rebuilt("_rebuild_parameter_with_state", w(), True, {}, {"note": 1}), {"w": TWO}),
            (rebuilt("_rebuild_parameter_with_state", w(), True, {}, ({"scale": w("1")}, {"slot": w("2")})), {
                "w": TWO, "w.scale": TWO, "w.slot": TWO,
            }),
            (rebuilt("_rebuild_device_tensor_from_cpu_tensor", w(), FLOAT, "xla:0", False), {"w": TWO}),
            (rebuilt("_rebuild_device_tensor_from_numpy", ARRAY, FLOAT, "xla:0", False), {"w": ("float32", (2, 3), 24)}),
            (rebuilt("_rebuild_meta_tensor_no_storage", FLOAT, (2, 3), (3, 1), False), {"w": ("float32", (2, 3), 0)}),
            (rebuilt("_rebuild_sparse_tensor", Name("torch", "sparse_coo"), (w(), w("1"), (9, 9), True)), {
                "w.indices": TWO, "w.values": TWO,
            }),
            (rebuilt("_rebuild_sparse_tensor", COLUMNS, (w(), w("1"), w("2"), (9, 9))), {
                "w.ccol_indices": TWO, "w.row_indices": TWO, "w.values": TWO,
            }),
            (rebuilt("_rebuild_nested_tensor", w(), w("1"), w("2"), w("3")), {
                f"w.{part}": TWO for part in ("values", "sizes", "strides", "offsets")
            }),
            (rebuilt("_rebuild_qtensor", storage("0", "uint8", 6), 0, (6,), (1,), BY_TENSOR, False, {}), {
                "w": ("uint8", (6,), 6),
            }),
            (rebuilt("_rebuild_qtensor", storage("0", "uint8", 6), 0, (6,), (1,), BY_CHANNEL, False, {}), {
                "w": ("uint8", (6,), 6), "w.scales": TWO, "w.zero_points": TWO,
            }),
            (rebuilt("_rebuild_qtensor", NIBBLES, 0, (7,), (1,), BY_TENSOR, False, {}), {"w": ("quint4x2", (7,), 4)}),
            (SUBCLASS, {"w": TWO, "w.scale": TWO}),
            (WRAPPER, {"w.impl.data": TWO, "w.impl.scale": TWO}),
            (rebuilt("build_tensorlist", [w(), w("1")], module="torch.jit._pickle"), {"w.0": TWO, "w.1": TWO}),
        ],
    )  # fmt: skip
    def test_rebuild_functions(self, value: object, expected: object) -> None:
        assert named(of({"w": value}).tensors) == expected

    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            (tensor("0", (4,), count=3), "reaches to byte 16 of its storage, which has 12"),
            (tensor("0", (4,), offset=1, count=4), "reaches to byte 20"),
            (tensor("0", (2, 2), stride=(9, 1), count=4), "reaches to byte 44"),
            (tensor("0", (2,), stride=(1, 1), count=4), "1 dimensions and 2 strides"),
            (tensor("0", (-1,), stride=(1,), count=4), "something else than integers"),
            (tensor("0", (2**62, 2**62), stride=(0, 0), count=4), "more elements than 64 bits"),
            (tensor("0", (2,), offset=-1, count=4), "storage offset"),
            (tensor("0", (2,), offset=True, count=4), "storage offset"),
            (tensor("0", (1,) * 65, count=4), "at most 64"),
            (rebuilt("_rebuild_tensor_v2", 1, 0, (1,), (1,)), "has no storage"),
            (rebuilt("_rebuild_tensor_v2", storage("0", "float32", 1), 0, "abc", (1,)), "has a shape that is no tuple"),
            (rebuilt("_rebuild_tensor_v2"), "from 0 arguments, expected 4"),
            (rebuilt("_rebuild_tensor_v3", storage("0", "float32", 1), 0, (1,), (1,), False, {}, "float32"), "none of torch's"),
            (rebuilt("_rebuild_sparse_tensor", Name("torch", "strided"), (w(),)), "sparse layout"),
            (rebuilt("_rebuild_sparse_tensor", Name("torch", "sparse_coo"), (w(),)), "sparse layout"),
            (rebuilt("_rebuild_device_tensor_from_numpy", 5, Name("torch", "float32"), "cpu", False), "without a shape"),
            (rebuilt("_rebuild_from_type_v2", 1, 2, 3, 4, module="torch._tensor"), "subclass without a call"),
        ],
    )
    def test_tensors_that_cannot_be(self, value: object, problem: str) -> None:
        with pytest.raises(FormatError) as caught:
            of({"layer": {"w": value}})
        assert str(caught.value).startswith(f"{PATH}: 'layer.w' ")
        assert problem in str(caught.value)


def doubling(levels: int, leaf: object) -> Raw:
    """`levels` lists, each of which holds the one before twice."""
    body = dumps([leaf])[2:-1] + b"q\x00"
    for _ in range(levels):
        body += b"](h\x00h\x00eq\x00"
    return Raw(body)


class TestEndless:
    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            (doubling(60, w()), "the same few tensors"),
            (Raw(dumps(w())[2:-1] + b"q\x000](" + b"h\x00" * 200_000 + b"e"), "the same few tensors"),
            (Raw(b"]" * 200 + dumps(w())[2:-1] + b"a" * 200), "nests more than 100 containers"),
            ({"a" * 1_001: w()}, "more than 1,000 characters"),
            ({"a" * 70_000: w()}, "more than 1,000 characters"),
            ({"a" * 900: {"b" * 900: w()}}, "more than 1,000 characters"),
            (
                [tensor("0", (1,), offset=2 * each, count=2 * MAX_VIEWS + 4) for each in range(MAX_VIEWS + 2)][::-1],
                "tensors are views of the storage '0'",
            ),
        ],
        ids=["doubling", "repeated", "deep", "long-key", "longer-key", "long-name", "views"],
    )
    def test_refused(self, value: object, problem: str) -> None:
        with effort() as spent, pytest.raises(FormatError) as caught:
            of({"x": value})
        assert problem in str(caught.value)
        assert len(str(caught.value)) < 300
        assert spent.loops < 400

    def test_doubling_without_tensors_is_nothing(self) -> None:
        assert of({"x": doubling(60, 5), "a": w()}).tensors[0].name == "a"

    def test_what_contains_itself_is_walked_once(self) -> None:
        value = Raw(b"}q\x00(" + dumps("self")[2:-1] + b"h\x00" + dumps("a")[2:-1] + dumps(w())[2:-1] + b"u")
        assert names(value) == (["a"], [], None)

    def test_long_numbers_are_no_names(self) -> None:
        huge = Raw(b"\x8b" + struct.pack("<I", 1_000) + b"\x7f" * 1_000)
        with pytest.raises(FormatError, match="integer"):
            of({"w": Make(Name(UTILS, "_rebuild_tensor_v2"), (storage("0", "float32", 1), huge, (1,), (1,)))})
        with pytest.raises(FormatError, match="integer of"):
            of(Persistent(("storage", Name("torch", "FloatStorage"), "0", "cpu", huge)))
        with pytest.raises(FormatError, match="more than 1,000 characters"):
            of({huge: w()})
