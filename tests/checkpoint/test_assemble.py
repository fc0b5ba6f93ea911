"""Headers side by side, and what the index and the files say differently."""

from collections.abc import Iterable, Mapping

import pytest

from memscan.checkpoint import Checkpoint, assemble, compare_total_size, compare_with_index, unlisted_shards
from memscan.document import Document
from memscan.formats import Header, ShardIndex
from memscan.note import Note
from memscan.tensor import TensorInfo
from tests.writers.tensors import tensor

INDEX = "model.safetensors.index.json"
A, B, C = tensor("a", (2,)), tensor("b", (3,), "F16"), tensor("c", (4,), "I64")


def header(*tensors: TensorInfo) -> Header:
    return Header(tensors=tensors, metadata={})


def whole(headers: Mapping[str, Header]) -> Checkpoint:
    return assemble("safetensors", headers, {path: 1_000 + number for number, path in enumerate(headers)})


def index(weight_map: Mapping[str, str]) -> ShardIndex:
    return ShardIndex(path=INDEX, weight_map=weight_map, metadata=Document(INDEX, {}))


def codes(notes: Iterable[Note]) -> list[str]:
    return [note.code for note in notes]


class TestAssemble:
    def test_the_tensors_of_all_files_are_one_checkpoint(self) -> None:
        found = whole({"1": header(A, B), "2": header(C)})
        assert found.tensors == (A, B, C)
        assert [(shard.path, shard.size, shard.tensors) for shard in found.shards] == [("1", 1_000, 2), ("2", 1_001, 1)]
        assert (found.format, found.nbytes, found.notes) == ("safetensors", 8 + 6 + 32, ())

    def test_no_file_is_an_empty_checkpoint(self) -> None:
        found = whole({})
        assert (found.tensors, found.shards, found.nbytes, found.notes, found.by_dtype()) == ((), (), 0, (), {})

    def test_a_tensor_in_two_files_is_counted_once_and_noted(self) -> None:
        found = whole({"1": header(A, B), "2": header(A, C)})
        assert found.tensors == (A, B, C)
        assert [shard.tensors for shard in found.shards] == [2, 2]
        message = "1 tensor stored in more than one file, counted once: a"
        assert found.notes == (Note(code="repeated-tensors", message=message),)

    def test_a_tensor_in_three_files_is_one_repeated_tensor(self) -> None:
        (note,) = whole({"1": header(A, B), "2": header(A, C), "3": header(A)}).notes
        assert note.message == "1 tensor stored in more than one file, counted once: a"

    def test_every_unknown_dtype_is_noted_with_its_count(self) -> None:
        odd = [tensor("x", dtype="F128", nbytes=16), tensor("y", dtype="F128", nbytes=16), tensor("z", dtype="A8", nbytes=1)]
        found = whole({"1": header(A, *odd)})
        assert codes(found.notes) == ["unknown-dtype", "unknown-dtype"]
        assert found.notes[0].message.startswith("1 tensor of dtype 'A8', ")
        assert found.notes[1].message.startswith("2 tensors of dtype 'F128', ")
        assert found.nbytes == 8 + 33

    def test_the_dtype_with_the_most_bytes_comes_first(self) -> None:
        groups = whole({"1": header(A, B, C, tensor("d", (1,), "F16"))}).by_dtype()
        assert [(name, len(group)) for name, group in groups.items()] == [("I64", 1), ("F16", 2), ("F32", 1)]

    def test_equal_dtypes_come_in_order_of_name(self) -> None:
        assert list(whole({"1": header(tensor("x", (1,), "U8"), tensor("y", (1,), "I8"))}).by_dtype()) == ["I8", "U8"]


class TestIndex:
    def test_an_index_that_agrees_gives_no_note(self) -> None:
        assert compare_with_index(index({"a": "1", "b": "2"}), {"1": header(A), "2": header(B)}, ["1", "2"]) == ()

    @pytest.mark.parametrize(
        "weight_map", [{"a": "1", "b": "1"}, {"a": "1", "b": "3"}], ids=["not-in-that-shard", "in-a-shard-that-was-not-read"]
    )
    def test_an_entry_that_its_shard_does_not_hold_is_noted(self, weight_map: dict[str, str]) -> None:
        (note,) = compare_with_index(index(weight_map), {"1": header(A)}, [])
        assert (note.code, note.message) == ("index-missing-tensors", f"1 tensor of {INDEX} not in the shard that it names: b")

    def test_a_stored_tensor_that_the_index_does_not_list_is_noted_as_counted(self) -> None:
        (note,) = compare_with_index(index({"a": "1"}), {"1": header(C, A, B)}, ["1"])
        assert (note.code, note.message) == ("index-unlisted-tensors", f"2 tensors stored and not in {INDEX}; counted: b, c")

    def test_a_tensor_in_another_shard_than_listed_is_missing_there(self) -> None:
        notes = compare_with_index(index({"a": "2", "b": "2", "c": "1"}), {"1": header(A, C), "2": header(B)}, ["1", "2"])
        assert codes(notes) == ["index-missing-tensors"]

    def test_a_file_that_the_index_does_not_name_is_noted_as_not_counted(self) -> None:
        (note,) = compare_with_index(index({"a": "1"}), {"1": header(A)}, ["1", "3", "2"])
        assert (note.code, note.message) == (
            "index-unlisted-shards", f"2 files named as a shard and not in {INDEX}; not counted: 2, 3"
        )  # fmt: skip

    def test_a_listed_file_that_is_not_there_is_no_unlisted_one(self) -> None:
        assert unlisted_shards(INDEX, {"1", "2"}, ["1"]) == ()

    def test_a_note_names_three_and_counts_the_rest(self) -> None:
        many = header(*(tensor(f"t{number}") for number in range(1_234)))
        (note,) = compare_with_index(index({}), {"1": many}, [])
        assert note.message.endswith("counted: t0, t1, t10 and 1,231 more")


class TestTotalSize:
    CHECKPOINT = whole({"1": header(A, B, C)})

    @pytest.mark.parametrize("stated", [46, 46.0])
    def test_a_total_that_agrees_gives_no_note(self, stated: object) -> None:
        assert compare_total_size(INDEX, stated, self.CHECKPOINT) == ()

    @pytest.mark.parametrize(
        ("stated", "words"),
        [
            (None, f"{INDEX} states no total_size; the headers sum up to 46 bytes"),
            (333_312, f"{INDEX} states a total_size of 333,312; the headers sum up to 46 bytes"),
            ("46", f"{INDEX} states a total_size of '46'; the headers sum up to 46 bytes"),
            (45.5, f"{INDEX} states a total_size of 45.5; the headers sum up to 46 bytes"),
            (True, f"{INDEX} states a total_size of True; the headers sum up to 46 bytes"),
            ([46], f"{INDEX} states a total_size of [46]; the headers sum up to 46 bytes"),
            (float("inf"), f"{INDEX} states a total_size of inf; the headers sum up to 46 bytes"),
        ],
    )
    def test_a_total_that_does_not_agree_is_noted_with_both_numbers(self, stated: object, words: str) -> None:
        assert compare_total_size(INDEX, stated, self.CHECKPOINT) == (Note(code="index-total-size", message=words),)

    def test_an_empty_checkpoint_has_a_total_of_zero_and_true_is_not_one(self) -> None:
        assert compare_total_size(INDEX, 0, whole({})) == ()
        assert codes(compare_total_size(INDEX, False, whole({}))) == ["index-total-size"]


class TestStrangersWords:
    """A note is one short sentence, however long the words are that a file holds."""

    LONG = tensor("x" * 100_000)

    def test_a_long_name_does_not_flood_a_note_on_repeated_tensors(self) -> None:
        (note,) = whole({"1": header(self.LONG), "2": header(self.LONG)}).notes
        assert len(note.message) < 1_000

    def test_a_long_name_does_not_flood_a_note_on_the_index(self) -> None:
        (note,) = compare_with_index(index({}), {"1": header(self.LONG)}, [])
        assert len(note.message) < 1_000

    def test_a_long_number_does_not_flood_a_note_on_the_total(self) -> None:
        (note,) = compare_total_size(INDEX, 10**4_000, whole({}))
        assert len(note.message) < 1_000

    def test_a_long_dtype_does_not_flood_a_note(self) -> None:
        (note,) = whole({"1": header(tensor("x", dtype="F" * 100_000, nbytes=1))}).notes
        assert len(note.message) < 1_000
