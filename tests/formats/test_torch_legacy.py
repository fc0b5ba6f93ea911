"""torch's files before zip: five pickles in a row, and what can be wrong with each."""

import pickle

import pytest

from memscan.errors import FormatError
from tests.formats.torch_reading import PATH, asked, named, read
from tests.writers.torch import (
    LEGACY_MAGIC,
    LEGACY_VERSION,
    Make,
    Name,
    Persistent,
    Sparse,
    dumps,
    legacy,
    ordered,
    tensor,
)

STATE = {"a.weight": tensor("10", (2, 3)), "a.bias": tensor("9", (2,), "float16")}
NAMED = {"a.weight": ("float32", (2, 3), 24), "a.bias": ("float16", (2,), 4)}
STORAGES = {"10": ("float32", 6), "9": ("float16", 2)}
FLOATS = Name("torch", "FloatStorage")


class TestReading:
    @pytest.mark.parametrize("value", [STATE, ordered(STATE)], ids=["dict", "ordered"])
    def test_a_state_dict(self, value: object) -> None:
        header = read(legacy(dumps(value), STORAGES))
        assert named(header.tensors) == NAMED
        assert header.metadata == {"serialization": "legacy"}

    def test_the_magic_number_of_any_protocol(self) -> None:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            magic = pickle.dumps(0x1950A86A20F9469CFC6C, protocol)
            assert named(read(legacy(dumps(STATE), STORAGES).replace(LEGACY_MAGIC, magic)).tensors) == NAMED

    def test_the_first_rebuild_function(self) -> None:
        of = Persistent(("storage", FLOATS, "1", "cuda:0", 6, None))
        made = Make(Name("torch._utils", "_rebuild_tensor"), (of, 0, (2, 3), (3, 1)))
        assert named(read(legacy(dumps({"w": made}), {"1": ("float32", 6)})).tensors) == {"w": ("float32", (2, 3), 24)}

    def test_a_view_of_a_storage(self) -> None:
        """Releases before 0.4 saved views as such: key, offset and length, in elements of the storage."""
        first, second = (Persistent(("storage", FLOATS, "1", "cpu", 10, (f"v{at}", at, 5))) for at in (0, 5))
        made = {
            name: Make(Name("torch._utils", "_rebuild_tensor"), (of, 1, (4,), (1,))) for name, of in (("a", first), ("b", second))
        }
        header = read(legacy(dumps(made), {"1": ("float32", 10)}))
        assert [(each.name, each.offset, each.nbytes) for each in header.tensors] == [("a", 4, 24), ("b", 24, 16)]

    def test_tensors_of_the_first_releases(self) -> None:
        of = Persistent(("storage", FLOATS, "1", "cpu", 6, None))
        early = Make(Name("torch", "FloatTensor"), (), (of, 0, (2, 3), (3, 1)))
        parameter = Make(Name("torch.nn.parameter", "Parameter"), (), (early, True, None))
        assert named(read(legacy(dumps({"w": parameter}), {"1": ("float32", 6)})).tensors) == {"w": ("float32", (2, 3), 24)}

    def test_a_module_that_was_saved_whole(self) -> None:
        kind = Persistent(("module", Name("torch.nn.modules.linear", "Linear"), "linear.py", "class Linear: ..."))
        state = {"_parameters": ordered({"weight": tensor("1", (2, 3))}), "_modules": ordered({}), "training": True}
        raw = legacy(b"\x80\x02" + dumps(kind)[2:-1] + b")\x81" + dumps(state)[2:-1] + b"b.", {"1": ("float32", 6)})
        assert named(read(raw).tensors) == {"weight": ("float32", (2, 3), 24)}


class TestRequests:
    def test_a_large_file_is_one_request(self) -> None:
        whole = legacy(dumps({"w": tensor("0", (5, 2**28))}), {"0": ("float32", 0)})
        header, requests = asked(Sparse(((0, whole),), len(whole) + 5 * 2**30))
        assert named(header.tensors) == {"w": ("float32", (5, 2**28), 5 * 2**30)}
        assert requests.nbytes == 100_000

    def test_only_what_is_missing_is_fetched(self) -> None:
        state = {f"layers.{each}.weight": tensor(str(each), (2,)) for each in range(2_300)}
        header, requests = asked(legacy(dumps(state), {str(each): ("float32", 2) for each in range(2_300)}))
        assert len(header.tensors) == 2_300
        assert [each.start for each in requests.fetched] == [0, 100_000]


WRONG: dict[str, tuple[bytes, str]] = {
    "another number": (pickle.dumps(5, 2), "starts with 5"),
    "a list": (pickle.dumps([1], 2), "starts with a list"),
    "a dict": (pickle.dumps({}, 2), "starts with a dict"),
    "a huge number": (pickle.dumps(1 << 2_000, 2), "an integer of 2,001 bits"),
    "another version": (LEGACY_MAGIC + pickle.dumps(1002, 2), "protocol 1002, expected 1001"),
    "a name for a magic number": (dumps(Name("torch", "Size")), "loads torch.Size"),
    "a persistent id for a magic number": (dumps(Persistent(("storage",))), "outside of the pickled object"),
    "no list of storages": (LEGACY_MAGIC + LEGACY_VERSION + dumps({}) + dumps(STATE) + dumps(5), "has 5 where the list"),
    "a storage that is not listed": (legacy(dumps(STATE), {"9": ("float16", 2)}), "not in the file's list"),
    "cut off": (legacy(dumps(STATE), STORAGES)[:-1], "it is cut off"),
    "a view without its parts": (
        legacy(dumps(Persistent(("storage", FLOATS, "1", "cpu", 6, 5))), {"1": ("float32", 6)}), "is a view by 5",
    ),
    "a hostile pickle": (legacy(dumps(Make(Name("posix", "system"), ("echo",))), {}), "loads posix.system"),
}  # fmt: skip


class TestRefusals:
    @pytest.mark.parametrize("name", WRONG)
    def test_each_wrong_file_has_its_sentence(self, name: str) -> None:
        raw, sentence = WRONG[name]
        with pytest.raises(FormatError) as caught:
            read(raw)
        assert str(caught.value).startswith(f"{PATH}: ")
        assert sentence in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_cut_anywhere(self) -> None:
        raw = legacy(dumps(STATE), STORAGES)
        for cut in range(len(raw)):
            with pytest.raises(FormatError):
                read(raw[:cut])
