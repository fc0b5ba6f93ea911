"""torch's zip archives: where the pickle is found, what it costs to read, and each way in which an archive can be wrong."""

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.errors import FormatError
from memscan.formats.torch_zip import TAIL
from tests.formats.torch_reading import PATH, asked, named, read, refusal
from tests.writers.torch import Make, Name, Persistent, Sparse, archive, dumps, ordered, script, tensor, wide_script

STATE = {"a.weight": tensor("0", (2, 3)), "a.bias": tensor("1", (2,), "float16")}
NAMED = {"a.weight": ("float32", (2, 3), 24), "a.bias": ("float16", (2,), 4)}
STORAGES = {"0": 24, "1": 4}
MANY = {f"layers.{each}.weight": tensor(str(each), (2,)) for each in range(2_300)}


def module(attributes: dict[str, object]) -> Make:
    return Make(Name("__torch__.net", "Net"), (), attributes)


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", method) as file:
        for name, body in entries.items():
            file.writestr(name, body)
    return raw.getvalue()


class TestReading:
    @pytest.mark.parametrize("protocol", [2, 3, 4, 5])
    @pytest.mark.parametrize("streamed", [True, False], ids=["descriptors", "sizes"])
    @pytest.mark.parametrize("value", [STATE, ordered(STATE)], ids=["dict", "ordered"])
    def test_a_state_dict(self, protocol: int, streamed: bool, value: object) -> None:
        header = read(archive(dumps(value, protocol), STORAGES, streamed=streamed))
        assert named(header.tensors) == NAMED
        assert (header.tied, header.optimizer) == ((), ())
        assert header.metadata == {"serialization": "zip"}

    def test_without_a_top_folder(self) -> None:
        raw = zipped({"data.pkl": dumps(STATE), "data/0": bytes(24), "data/1": bytes(4)})
        assert named(read(raw).tensors) == NAMED

    def test_a_script(self) -> None:
        header = read(script(dumps(module({"a": module({"weight": STATE["a.weight"], "bias": STATE["a.bias"]})})), STORAGES))
        assert named(header.tensors) == NAMED
        assert header.metadata == {"serialization": "torchscript"}

    def test_a_script_with_constants(self) -> None:
        header = read(script(dumps(module({"w": tensor("0", (2, 3))})), {"0": 24}, constants=10))
        assert named(header.tensors) == {"w": ("float32", (2, 3), 24), "constants.0": ("float32", (10,), 40)}
        assert [each.storage for each in header.tensors] == ["0", "constants/0"]

    def test_a_frozen_script_has_its_weights_among_its_constants(self) -> None:
        header = read(script(dumps(module({"training": False})), {}, constants=10))
        assert named(header.tensors) == {"constants.0": ("float32", (10,), 40)}
        assert header.metadata == {"serialization": "torchscript"}

    def test_the_pickle_behind_the_storages(self) -> None:
        raw = zipped({"net/data/0": bytes(24), "net/data/1": bytes(4), "net/data.pkl": dumps(STATE)})
        assert named(read(raw).tensors) == NAMED
        assert read(raw).metadata == {"serialization": "zip"}

    def test_a_pickle_of_another_folder_is_not_taken(self) -> None:
        raw = zipped(
            {"net/extra/data.pkl": b"no pickle", "net/data.pkl": dumps(STATE), "net/data/0": bytes(24), "net/data/1": bytes(4)}
        )
        assert named(read(raw).tensors) == NAMED


class TestRequests:
    def test_a_small_pickle_in_front_is_one_request(self) -> None:
        whole = archive(dumps({"w": tensor("0", (5 * 2**28,))}), {})
        header, requests = asked(Sparse(((0, whole),), 5 * 2**30 + len(whole)))
        assert named(header.tensors) == {"w": ("float32", (5 * 2**28,), 5 * 2**30)}
        assert (len(requests.fetched), requests.nbytes) == (1, 100_000)

    def test_a_pickle_of_half_a_megabyte_is_two_requests(self) -> None:
        pickle = dumps(MANY)
        assert 300_000 < len(pickle) < 400_000
        header, requests = asked(archive(pickle, dict.fromkeys(map(str, range(2_300)), 8)))
        assert len(header.tensors) == 2_300
        assert len(requests.fetched) == 2
        assert requests.nbytes <= 400_000

    def test_a_wide_script_is_two_requests(self) -> None:
        file = wide_script(dumps(module({"w": tensor("0", (2, 2**30)), "v": tensor("1", (3,))})), {"0": 2**33, "1": 12})
        header, requests = asked(file)
        assert named(header.tensors) == {"w": ("float32", (2, 2**30), 2**33), "v": ("float32", (3,), 12)}
        assert len(requests.fetched) == 2
        assert requests.nbytes <= 100_000 + TAIL

    def test_a_wide_script_of_many_storages_is_three_requests(self) -> None:
        pickle = dumps(module({f"w{each}": tensor(str(each), (2**20,)) for each in range(1_500)}))
        header, requests = asked(wide_script(pickle, dict.fromkeys(map(str, range(1_500)), 2**22)))
        assert len(header.tensors) == 1_500
        assert sum(each.nbytes for each in header.tensors) == 1_500 * 2**22
        assert len(requests.fetched) == 3
        assert requests.nbytes < 1_000_000

    def test_a_pickle_far_in_front_of_its_directory(self) -> None:
        raw = script(dumps(module({"w": tensor("0", (2,))})), {"0": 8})
        start = raw.index(b"PK\x01\x02")
        moved = raw[:start] + bytes(300_000)  # a gap: the entries keep their places, only the directory moves
        end = moved + raw[start:-6] + struct.pack("<I", len(moved)) + raw[-2:]
        header, requests = asked(end)
        assert named(header.tensors) == {"w": ("float32", (2,), 8)}
        assert len(requests.fetched) <= 4  # head, tail, and each of the two pickles in the gap


def broken(**changes: bytes) -> bytes:
    """An archive whose only entry's header has other bytes at its places: `at_4=b"..."`."""
    raw = bytearray(archive(dumps(STATE), STORAGES))
    for place, body in changes.items():
        at = int(place.removeprefix("at_"))
        raw[at : at + len(body)] = body
    return bytes(raw)


def ended(**changes: int) -> bytes:
    """A script whose end record has other numbers."""
    raw = script(dumps(module({"w": tensor("0", (2,))})), {"0": 8})
    at = len(raw) - 22
    fields = dict(
        zip(
            ("magic", "disk", "first", "here", "count", "length", "start", "comment"),
            struct.unpack("<4sHHHHIIH", raw[at:]),
            strict=True,
        )
    )
    return raw[:at] + struct.pack("<4sHHHHIIH", *{**fields, **changes}.values())


FLOATS = Name("torch", "FloatStorage")


def stored(kind: object, key: object = "0", count: object = 4) -> bytes:
    """An archive whose pickle is one storage."""
    return archive(dumps(Persistent(("storage", kind, key, "cpu", count))), {})


WRONG: dict[str, tuple[bytes, str]] = {
    "compressed": (zipped({"a/data.pkl": dumps(STATE)}, zipfile.ZIP_DEFLATED), "is compressed"),
    "compressed behind storages": (
        zipped({"a/data/0": bytes(24), "a/data.pkl": dumps(STATE)}, zipfile.ZIP_DEFLATED), "is compressed",
    ),
    "encrypted": (broken(at_6=b"\x09\x08"), "is encrypted"),
    "no pickle": (zipped({"a/b": b""}), "without data.pkl"),
    "of torch 1.0": (zipped({"net/model.json": b"{}"}), "torch 1.0 to 1.3"),
    "a package": (zipped({"net/.data/version": b"1"}), "torch.package"),
    "nothing in it": (b"PK\x03\x04".ljust(30, b"\0") + zipped({}), "without data.pkl"),
    "end record alone": (b"PK\x03\x04", "without the directory"),
    "a directory behind its end": (ended(start=2**31), "behind its own end"),
    "a directory of nothing": (ended(length=0), "ends early"),
    "a directory elsewhere": (ended(start=3, length=60), "ends early"),
    "more entries than there are": (ended(count=40), "ends early"),
    "wide without a wide end": (ended(start=0xFFFFFFFF), "64-bit end record"),
    "a storage that is not there": (script(dumps(module({"w": tensor("7", (2,))})), {"0": 8}), "not in the archive"),
    "a storage that is too short": (script(dumps(module({"w": tensor("0", (2,))})), {"0": 4}), "8 bytes by the pickle, 4 in"),
    "cut off in the storages": (archive(dumps({"w": tensor("0", (999,))}), {"0": 8}), "it is cut off"),
    "a hostile pickle": (archive(dumps(Make(Name("os", "system"), ("echo",))), {}), "loads os.system"),
    "a hostile pickle behind storages": (script(dumps(Make(Name("os", "system"), ("echo",))), {"0": 8}), "loads os.system"),
    "a number as persistent id": (archive(dumps(Persistent(5)), {}), "expected a tuple"),
    "an empty persistent id": (archive(dumps(Persistent(())), {}), "expected a tuple"),
    "a persistent id of something": (archive(dumps(Persistent(("thing", 1, 2, 3, 4))), {}), "'thing' and 5 items"),
    "a storage of a tuple": (stored(()), "class a tuple"),
    "a storage without a class": (stored(Name("torch", "Size")), "torch.Size"),
    "a storage of no bytes": (archive(dumps({"w": tensor("0", (1,), count=-1)}), {}), "-1"),
    "a storage of a huge count": (archive(dumps({"w": tensor("0", (1,), count=2**63)}), {}), "9223372036854775808"),
    "a storage of a text count": (stored(FLOATS, count="x"), "'x'"),
    "a storage with a key of bytes": (stored(FLOATS, b"0"), "b'0'"),
    "a storage of two sizes": (archive(dumps({"w": tensor("0", (2,)), "v": tensor("0", (3,))}), {"0": 8}), "in another"),
}  # fmt: skip


class TestRefusals:
    @pytest.mark.parametrize("name", WRONG)
    def test_each_wrong_archive_has_its_sentence(self, name: str) -> None:
        raw, sentence = WRONG[name]
        with pytest.raises(FormatError) as caught:
            read(raw)
        assert str(caught.value).startswith(f"{PATH}: ")
        assert sentence in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "raw", [archive(dumps(STATE), STORAGES), script(dumps(module(STATE)), STORAGES)], ids=["zip", "script"]
    )
    def test_cut_anywhere(self, raw: bytes) -> None:
        """Only the directory's bytes can be cut from a file that starts with its pickle: torch would miss them, memscan not."""
        for cut in range(len(raw)):
            if refusal(raw[:cut]):
                continue
            header = read(raw[:cut])
            assert named(header.tensors) == NAMED
            assert header.metadata["serialization"] == "zip"
            assert cut > len(dumps(STATE)) + 28

    @given(st.binary(max_size=200))
    def test_any_bytes_behind_the_magic(self, raw: bytes) -> None:
        for start in (b"", b"PK\x03\x04", b"\x80\x02"):
            assert "\n" not in refusal(start + raw)

    @given(st.data())
    def test_any_byte_changed(self, data: st.DataObject) -> None:
        raw = bytearray(data.draw(st.sampled_from([archive(dumps(STATE), STORAGES), script(dumps(module(STATE)), STORAGES)])))
        for _ in range(data.draw(st.integers(1, 4))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        assert "\n" not in refusal(bytes(raw))

    @pytest.mark.parametrize(
        ("raw", "sentence"),
        [
            (b"", "an empty file"),
            (b"version https://git-lfs", "starts with b'version '"),
            (b"\x00" * 257 + b"ustar\x0000", "a tar archive"),
            (b"GGUF\x03\x00\x00\x00", "neither a zip archive nor a torch pickle"),
        ],
    )
    def test_other_files_are_named(self, raw: bytes, sentence: str) -> None:
        with pytest.raises(FormatError, match=sentence.replace("(", r"\(")):
            read(raw)
