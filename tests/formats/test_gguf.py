"""The GGUF reader: what it promises of any bytes, of each way in which a header can be wrong, and of what it asks for."""

import struct
import tracemalloc
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.dtype.ggml import GGML, GGML_BY_NAME, GGML_RETIRED, ggml
from memscan.errors import FormatError
from memscan.formats.base import Header
from memscan.formats.gguf import MAX_KEYS, MAX_TENSORS, Gguf
from memscan.formats.gguf_cursor import FIRST_STEP, MAX_HEADER, MAX_STEP
from memscan.formats.gguf_values import MAX_NUMBERS, MAX_STRINGS, MAX_TEXT, LongArray, LongText
from memscan.read import ByteRange, run
from tests.effort import effort
from tests.writers.gguf import (
    ARRAY,
    BOOL,
    FLOAT32,
    FLOAT64,
    INT8,
    INT16,
    INT32,
    INT64,
    STRING,
    UINT8,
    UINT16,
    UINT32,
    UINT64,
    Array,
    Tensor,
    Writer,
)  # fmt: skip

PATH = "model.gguf"
KEY = Writer().preamble(0, 1) + Writer().string("a")  # a file up to the value of its only key
ENTRY = Writer().preamble(1, 0) + Writer().string("a")  # a file up to the dimensions of its only tensor
WAYS = [Writer(order=order, version=version) for order in "<>" for version in (1, 2, 3)]
WAY_NAMES = [f"{'little' if way.order == '<' else 'big'}-{way.version}" for way in WAYS]
SCALARS = [
    ("u8", UINT8, 255), ("i8", INT8, -128), ("u16", UINT16, 65_535), ("i16", INT16, -2), ("u32", UINT32, 2**32 - 1),
    ("i32", INT32, -7), ("f32", FLOAT32, 0.5), ("bool", BOOL, True), ("u64", UINT64, 2**64 - 1), ("i64", INT64, -(2**63)),
    ("f64", FLOAT64, 1e300), ("text", STRING, "Zürich \N{SNOWMAN}"), ("no-text", STRING, ""),
]  # fmt: skip
METADATA = [
    ("general.architecture", STRING, "llama"),
    ("llama.attention.head_count_kv", ARRAY, Array(UINT32, [8, 0, 8])),
    ("tokenizer.ggml.tokens", ARRAY, Array(STRING, ["<s>", "", "a b"])),
    ("nested", ARRAY, Array(ARRAY, [Array(UINT8, [1, 2]), Array(ARRAY, [Array(STRING, ["x"])]), Array(FLOAT64, [])])),
]
TENSORS = [
    Tensor("token_embd.weight", (64, 3), 2, 6 * 18),
    Tensor("blk.0.norm.weight", (64,), 0, 256),
    Tensor("scalar", (), 28, 8),
    Tensor("none", (32, 0), 8, 0),
    Tensor("experts", (32, 2, 3, 1), 8, 6 * 34),
]


def read(raw: bytes, size: int | None = None) -> Header:
    return asked(raw, size)[0]


def asked(raw: bytes, size: int | None = None) -> tuple[Header, list[ByteRange]]:
    """The header and the ranges asked for, which lie inside the file, are bounded and never go back."""
    ranges: list[ByteRange] = []
    total = len(raw) if size is None else size

    def fetch(wanted: ByteRange) -> bytes:
        assert 0 <= wanted.start < wanted.stop <= total
        assert wanted.length <= MAX_STEP
        assert not ranges or wanted.start >= ranges[-1].stop
        ranges.append(wanted)
        sent = raw[wanted.start : wanted.stop]
        return sent + bytes(wanted.length - len(sent))

    return run(Gguf().read_header(PATH, total), fetch), ranges


def described(header: Header) -> dict[str, tuple[str, tuple[int, ...], int, int]]:
    return {each.name: (each.dtype.name, each.shape, each.offset, each.nbytes) for each in header.tensors}


def refused(raw: bytes, match: str, size: int | None = None) -> None:
    with pytest.raises(FormatError, match=match) as caught:
        read(raw, size)
    message = str(caught.value)
    assert message.startswith(PATH)
    assert "\n" not in message
    assert len(message) < 300


@pytest.mark.parametrize("way", WAYS, ids=WAY_NAMES)
class TestEachWay:
    def test_tensors(self, way: Writer) -> None:
        assert described(read(way.file(METADATA, TENSORS))) == {
            "token_embd.weight": ("Q4_0", (3, 64), 0, 108),
            "blk.0.norm.weight": ("F32", (64,), 128, 256),
            "scalar": ("F64", (), 384, 8),
            "none": ("Q8_0", (0, 32), 416, 0),
            "experts": ("Q8_0", (1, 3, 2, 32), 416, 204),
        }

    def test_scalars(self, way: Writer) -> None:
        assert read(way.file(SCALARS)).metadata == {key: value for key, _, value in SCALARS}

    def test_arrays(self, way: Writer) -> None:
        assert read(way.file(METADATA)).metadata == {
            "general.architecture": "llama",
            "llama.attention.head_count_kv": (8, 0, 8),
            "tokenizer.ggml.tokens": LongArray(items="string", length=3),
            "nested": LongArray(items="array", length=3),
        }

    def test_cut_at_any_byte(self, way: Writer) -> None:
        raw = way.file(METADATA, TENSORS, padded=False)
        assert read(raw)
        for stop in range(len(raw)):
            refused(raw[:stop], "cut off|too short")

    def test_a_tail_is_padding(self, way: Writer) -> None:
        raw = way.file(METADATA, TENSORS)
        assert described(read(raw + bytes(4096))) == described(read(raw))

    def test_no_tensors(self, way: Writer) -> None:
        """The first file of a split may hold metadata alone, and then need not end at the alignment."""
        header, ranges = asked(way.file(METADATA))
        assert header.tensors == ()
        assert len(ranges) == 1


class TestTypes:
    @pytest.mark.parametrize("number", GGML)
    def test_every_type(self, number: int) -> None:
        dtype = GGML[number]
        tensors = [Tensor("a", (dtype.block * 3, 5), number, dtype.block_bytes * 15), Tensor("b", (1,), 0, 4)]
        first, second = read(Writer().file(tensors=tensors)).tensors
        assert (first.dtype, first.shape, first.nbytes) == (dtype, (5, dtype.block * 3), dtype.block_bytes * 15)
        assert (first.elements, second.offset) == (dtype.block * 15, -(-first.nbytes // 32) * 32)

    @pytest.mark.parametrize("number", [number for number in GGML if GGML[number].block > 1])
    def test_rows_hold_whole_blocks(self, number: int) -> None:
        refused(Writer().file(tensors=[Tensor("a", (8, GGML[number].block), number, 4096)]), "rows of 8, expected a multiple")

    def test_a_scalar_of_blocks(self) -> None:
        refused(Writer().file(tensors=[Tensor("a", (), 2, 18)]), "rows of 1, expected a multiple of 32")

    @pytest.mark.parametrize("number", GGML_RETIRED)
    def test_retired(self, number: int) -> None:
        raw = Writer().file(tensors=[Tensor("a", (256,), number, 4096)])
        refused(raw, f"type {number} .{GGML_RETIRED[number]}., which ggml has removed")

    def test_names_and_numbers_agree(self) -> None:
        assert len(GGML_BY_NAME) == len(GGML)
        assert not GGML.keys() & GGML_RETIRED.keys()
        assert set(range(max(GGML) + 1)) == GGML.keys() | GGML_RETIRED.keys()

    @pytest.mark.parametrize("number", [42, 142, 2**32 - 1])
    def test_unknown_types_reach_to_the_next_tensor(self, number: int) -> None:
        tensors = [
            Tensor("first", (7,), number, 100), Tensor("known", (1,), 0, 4), Tensor("none", (0,), number, 0),
            Tensor("last", (64, 2), number, 70),
        ]  # fmt: skip
        header = read(Writer().file(tensors=tensors, padded=False))
        assert described(header) == {
            "first": (f"GGML_{number}", (7,), 0, 128),
            "known": ("F32", (1,), 128, 4),
            "none": (f"GGML_{number}", (0,), 160, 0),
            "last": (f"GGML_{number}", (2, 64), 160, 70),
        }
        assert header.tensors[0].dtype == ggml(number)
        assert header.tensors[0].dtype.block_bytes == 0

    def test_an_unknown_type_without_bytes(self) -> None:
        tensors = [Tensor("a", (4,), 99, 0, offset=0), Tensor("b", (4,), 0, 16, offset=0)]
        refused(Writer().file(tensors=tensors), "overlaps 'b'")


class TestLayout:
    @pytest.mark.parametrize("alignment", [1, 8, 32, 64, 4096])
    def test_alignment(self, alignment: int) -> None:
        metadata = [("general.alignment", UINT32, alignment)]
        header = read(Writer().file(metadata, TENSORS, alignment=alignment))
        assert [each.offset % alignment for each in header.tensors] == [0] * len(TENSORS)
        assert {each.name for each in header.tensors} == {each.name for each in TENSORS}

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (UINT32, 0),
            (UINT32, 3),
            (UINT32, 2**31),
            (INT32, -32),
            (FLOAT32, 32.0),
            (STRING, "32"),
            (BOOL, True),
            (ARRAY, Array(UINT32, [32])),
        ],
    )
    def test_alignments_that_are_none(self, kind: int, value: object) -> None:
        refused(Writer().file([("general.alignment", kind, value)], TENSORS), "expected a power of two")

    def test_any_order_and_holes(self) -> None:
        tensors = [Tensor("late", (8,), 0, 32, offset=4096), Tensor("early", (8,), 0, 32, offset=64)]
        assert [each.name for each in read(Writer().file(tensors=tensors)).tensors] == ["early", "late"]

    @pytest.mark.parametrize(
        ("promise", "tensors"),
        {
            "unaligned-offset": ("expected a multiple of 32", [Tensor("a", (8,), 0, 32, offset=16)]),
            "offset-overlap": ("overlaps 'b'", [Tensor("a", (16,), 0, 64), Tensor("b", (8,), 0, 32, offset=32)]),
            "same-offset": ("overlaps", [Tensor("a", (8,), 0, 32), Tensor("b", (8,), 0, 32, offset=0)]),
            "duplicate-name": ("stands twice", [Tensor("a", (8,), 0, 32), Tensor("a", (8,), 0, 32)]),
            "five-dimensions": ("5 dimensions", [Tensor("a", (1,) * 5, 0, 4)]),
            "element-overflow": ("63 bits", [Tensor("a", (2**32, 2**31), 0, 4)]),
            "dimension-overflow": ("63 bits", [Tensor("a", (2**63, 0), 0, 4)]),
        }.values(),
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_broken_promises(self, promise: str, tensors: list[Tensor]) -> None:
        refused(Writer().file(tensors=tensors), promise)

    def test_the_end_of_the_file(self) -> None:
        raw = Writer().file(tensors=[Tensor("a", (8,), 0, 32), Tensor("b", (9,), 0, 36)], padded=False)
        assert read(raw)
        refused(raw[:-1], "'b' .* is cut off")
        refused(Writer().file(tensors=[Tensor("a", (8,), 0, 32, offset=2**63)], data=False), "is cut off", size=10_000)


class TestMetadata:
    def test_long_things_are_not_kept(self) -> None:
        header = read(
            Writer().file(
                [
                    ("tokens", ARRAY, Array(STRING, ["a"] * 5)),
                    ("scores", ARRAY, Array(FLOAT32, [0.0] * (MAX_NUMBERS + 1))),
                    ("layers", ARRAY, Array(BOOL, [True] * MAX_NUMBERS)),
                    ("template", STRING, "x" * MAX_TEXT),
                    ("tokenizer", STRING, "x" * (MAX_TEXT + 1)),
                    ("after", UINT8, 1),
                ]
            )
        )
        assert header.metadata == {
            "tokens": LongArray(items="string", length=5),
            "scores": LongArray(items="float32", length=MAX_NUMBERS + 1),
            "layers": (True,) * MAX_NUMBERS,
            "template": "x" * MAX_TEXT,
            "tokenizer": LongText(nbytes=MAX_TEXT + 1),
            "after": 1,
        }

    def test_many_short_things_are_not_all_kept(self) -> None:
        header = read(Writer().file([(f"text-{number}", STRING, "x" * MAX_TEXT) for number in range(100)]))
        kept = [value for value in header.metadata.values() if isinstance(value, str)]
        assert 0 < sum(map(len, kept)) <= 4_000_000
        assert len(header.metadata) == 100

    def test_values_may_be_badly_encoded_and_names_not(self) -> None:
        assert read(Writer().file([("author", STRING, b"Z\xfcrich")])).metadata == {"author": "Z\N{REPLACEMENT CHARACTER}rich"}
        refused(Writer().file([(b"Z\xfcrich", UINT8, 1)]), "not UTF-8")

    @pytest.mark.parametrize(
        ("promise", "raw"),
        {
            "empty-key": ("key 0 is empty", Writer().file([("", UINT8, 1)])),
            "duplicate-key": ("'a' stands twice", Writer().file([("a", UINT8, 1), ("a", UINT8, 1)])),
            "unknown-value-type": (
                "type 13, expected 0 to 12",
                KEY + struct.pack("<I", 13) + bytes(99),
            ),
            "unknown-item-type": (
                "type 99, expected",
                KEY + struct.pack("<II", 9, 99) + bytes(99),
            ),
            "nesting": (
                "nests arrays deeper",
                Writer().preamble(0, 1)
                + Writer().string("a")
                + struct.pack("<I", 9)
                + struct.pack("<IQ", 9, 1) * 2_000
                + bytes(99),
            ),
        }.values(),
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_broken_promises(self, promise: str, raw: bytes) -> None:
        refused(raw, promise)


class TestStart:
    @pytest.mark.parametrize("raw", [b"", b"G", b"GGUF", b"GGUF\3\0\0"])
    def test_short(self, raw: bytes) -> None:
        refused(raw, "too short")

    @pytest.mark.parametrize("raw", [b"GGML" + bytes(20), b"FUGG" + bytes(20), b"version https://git-lfs.github.com/spec/v1\n"])
    def test_other_files(self, raw: bytes) -> None:
        refused(raw, "this is not a GGUF file")

    @pytest.mark.parametrize("version", [0, 4, 65_536 * 4, 2**31])
    def test_other_versions(self, version: int) -> None:
        refused(b"GGUF" + struct.pack("<I", version) + bytes(16), "is GGUF version")


HUGE = 2**62
HOSTILE: Mapping[str, tuple[str, bytes]] = {
    "tensor-count": ("more than the 100,000", Writer().preamble(2**64 - 1, 0)),
    "tensor-limit": ("more than the 100,000", Writer().preamble(MAX_TENSORS + 1, 0)),
    "tensor-count-of-a-short-file": ("only", Writer().preamble(MAX_TENSORS, 0)),
    "key-count": ("more than the 65,536", Writer().preamble(0, MAX_KEYS + 1)),
    "key-count-of-a-short-file": ("only", Writer().preamble(0, MAX_KEYS)),
    "key-length": ("more than the 65,535", Writer().preamble(0, 1) + struct.pack("<Q", HUGE) + bytes(99)),
    "text-length": ("only", KEY + struct.pack("<IQ", 8, HUGE) + bytes(99)),
    "array-length": ("only", KEY + struct.pack("<IIQ", 9, 12, HUGE) + bytes(99)),
    "string-count": ("strings, more", KEY + struct.pack("<IIQ", 9, 8, HUGE) + bytes(99)),
    "string-count-of-a-short-file": (
        "only", KEY + struct.pack("<IIQ", 9, 8, MAX_STRINGS) + bytes(99),
    ),
    "string-in-array": ("only", KEY + struct.pack("<IIQQ", 9, 8, 2, 2**64 - 1) + bytes(99)),
    "nested-count": ("nests arrays", KEY + struct.pack("<IIQ", 9, 9, HUGE) + bytes(99)),
    "name-length": ("more than the 65,535", Writer().preamble(1, 0) + struct.pack("<Q", HUGE) + bytes(99)),
    "dimension-count": ("dimensions", ENTRY + struct.pack("<I", 2**32 - 1) + bytes(99)),
}  # fmt: skip


class TestBounds:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_hostile_counts(self, name: str) -> None:
        match, raw = HOSTILE[name]
        tracemalloc.start()
        try:
            refused(raw, match)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 1_000_000

    @pytest.mark.parametrize("name", [name for name in HOSTILE if "short" not in name])
    def test_hostile_counts_in_a_file_that_is_large(self, name: str) -> None:
        match, raw = HOSTILE[name]
        refused(raw, f"{match}|more than the {MAX_HEADER:,}", size=10**15)

    def test_a_header_that_does_not_end(self) -> None:
        """Strings without length up to the limit: bounded steps, bounded memory, a line at the end."""
        array = struct.pack("<IIQ", ARRAY, STRING, MAX_STRINGS)
        raw = Writer().preamble(0, 4) + b"".join(Writer().string(key) + array + bytes(8 * MAX_STRINGS) for key in "abcd")
        with effort() as spent:
            refused(raw, f"more than the {MAX_HEADER:,}", size=10**15)
        assert spent.loops < 800

    def test_memory_is_that_of_a_few_steps(self) -> None:
        array = struct.pack("<IIQ", ARRAY, STRING, 400_000)
        raw = KEY + array + (struct.pack("<Q", 92) + bytes(92)) * 400_000
        tracemalloc.start()
        try:
            assert read(raw).metadata == {"a": LongArray(items="string", length=400_000)}
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 4 * MAX_STEP

    def test_as_many_tensors_as_are_allowed(self) -> None:
        tensors = [Tensor(f"blk.{number}.weight", (8,), 0, 32) for number in range(MAX_TENSORS)]
        raw = Writer().file(tensors=tensors, data=False)
        with effort() as spent:
            assert len(read(raw, size=len(raw) + 32 * MAX_TENSORS).tensors) == MAX_TENSORS
        assert spent.loops < 800


def vocabulary(count: int) -> list[tuple[str, int, object]]:
    """The metadata of a model with a byte-pair tokenizer of `count` tokens."""
    tokens = [f"t{number:x}" * (1 + number % 3) for number in range(count)]
    return [
        ("general.architecture", STRING, "qwen3"),
        ("qwen3.block_count", UINT32, 36),
        ("tokenizer.ggml.tokens", ARRAY, Array(STRING, tokens)),
        ("tokenizer.ggml.scores", ARRAY, Array(FLOAT32, [0.0] * count)),
        ("tokenizer.ggml.token_type", ARRAY, Array(INT32, [1] * count)),
        ("tokenizer.ggml.merges", ARRAY, Array(STRING, [f"{left} {left}" for left in tokens])),
        ("tokenizer.chat_template", STRING, "{{ messages }}" * 500),
        ("general.file_type", UINT32, 15),
    ]


class TestRequests:
    def test_a_small_header_is_one_question(self) -> None:
        raw = Writer().file(METADATA, TENSORS)
        assert asked(raw)[1] == [ByteRange(0, len(raw))]
        assert asked(raw, size=10**9)[1] == [ByteRange(0, FIRST_STEP)]

    @pytest.mark.parametrize("version", [1, 3])
    def test_a_large_header(self, version: int) -> None:
        way = Writer(version=version)
        tensors = [Tensor(f"blk.{number}.attn_q.weight", (256, 4), 12, 4 * 144) for number in range(400)]
        raw = way.file(vocabulary(150_000), tensors, data=False)
        with effort() as spent:
            header, ranges = asked(raw, size=10**10)
        assert spent.loops < 100
        assert len(header.tensors) == 400
        assert header.metadata["tokenizer.ggml.merges"] == LongArray(items="string", length=150_000)
        assert header.metadata["general.file_type"] == 15
        assert len(ranges) <= 6
        assert sum(wanted.length for wanted in ranges) < len(raw) + 1_000_000

    def test_numbers_that_are_not_kept_are_not_fetched(self) -> None:
        metadata = [("a", UINT8, 1), ("long", ARRAY, Array(UINT8, [7] * 3_000_000)), ("b", UINT8, 2)]
        header, ranges = asked(Writer().file(metadata), size=10**9)
        assert header.metadata == {"a": 1, "long": LongArray(items="uint8", length=3_000_000), "b": 2}
        assert sum(wanted.length for wanted in ranges) < 1_500_000

    def test_any_way_to_send_the_bytes_gives_the_same(self) -> None:
        """Steps end wherever they end: in a length, in a name, in an entry."""
        raw = Writer().file([*METADATA, ("pad", STRING, "x" * (FIRST_STEP - 500))], TENSORS)
        whole = read(raw)
        for extra in range(900):
            shifted = Writer().file([*METADATA, ("pad", STRING, "x" * (FIRST_STEP - 900 + extra))], TENSORS)
            assert described(read(shifted)) == described(whole)


KEYS = st.text(min_size=1, max_size=20)
INTEGERS = {UINT8: (0, 255), INT16: (-(2**15), 2**15 - 1), UINT32: (0, 2**32 - 1), INT64: (-(2**63), 2**63 - 1)}
VALUES = st.one_of(
    [
        st.tuples(st.just(STRING), st.text(max_size=30)),
        st.tuples(st.just(BOOL), st.booleans()),
        st.tuples(st.just(FLOAT64), st.floats(allow_nan=False)),
        *[st.tuples(st.just(kind), st.integers(*bounds)) for kind, bounds in INTEGERS.items()],
    ]
)


class TestAnyBytes:
    @given(st.binary(max_size=400))
    def test_bytes(self, raw: bytes) -> None:
        self.accepted_or_refused(raw)

    @given(st.sampled_from(WAYS), st.integers(0, 4), st.integers(0, 4), st.binary(max_size=400))
    def test_bytes_behind_a_preamble(self, way: Writer, tensors: int, keys: int, raw: bytes) -> None:
        self.accepted_or_refused(way.preamble(tensors, keys) + raw)

    @given(st.sampled_from(WAYS), st.data())
    def test_a_file_with_one_byte_changed(self, way: Writer, data: st.DataObject) -> None:
        raw = bytearray(way.file(METADATA, TENSORS))
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        self.accepted_or_refused(bytes(raw))

    @given(
        st.sampled_from(WAYS),
        st.dictionaries(KEYS, VALUES, max_size=8),
        st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=8),
    )
    def test_what_is_written_is_read(self, way: Writer, metadata: dict[str, tuple[int, object]], shapes: list[list[int]]) -> None:
        metadata.pop("general.alignment", None)
        tensors = []
        for number, shape in enumerate(shapes):
            elements = 1
            for extent in shape:
                elements *= extent
            tensors.append(Tensor(f"tensor-{number}", tuple(shape), 0, 4 * elements))
        header = read(way.file([(key, *value) for key, value in metadata.items()], tensors))
        assert header.metadata == {key: value for key, (_, value) in metadata.items()}
        assert {each.name: each.shape for each in header.tensors} == {each.name: each.ne[::-1] for each in tensors}
        assert {each.name: each.nbytes for each in header.tensors} == {each.name: each.nbytes for each in tensors}

    def accepted_or_refused(self, raw: bytes) -> None:
        try:
            header = read(raw)
        except FormatError:
            return
        assert isinstance(header, Header)
        assert sum(each.nbytes for each in header.tensors) <= len(raw)
