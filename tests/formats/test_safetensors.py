"""The safetensors reader: what it promises of any bytes, and of each way in which a header can be wrong."""

import gc
import json
import tracemalloc
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.errors import FormatError
from memscan.formats import Header, parse_bundle
from memscan.formats.safetensors import Safetensors
from memscan.read import ByteRange
from tests.formats.reading import PATH, asked, read
from tests.writers.safetensors import BITS, Spec, framed, padded, table, write

ONE: Mapping[str, Spec] = {"a": ("F32", (1,))}
SAMPLES: Mapping[str, bytes] = {
    "empty": write({}),
    "one": write(ONE),
    "metadata": write(ONE, {"format": "pt"}),
    "scalar": write({"s": ("I64", ())}),
    "no-elements": write({"none": ("F32", (0, 3)), "some": ("F16", (2,))}),
    "every-dtype": write({dtype: (dtype, (4, 2)) for dtype in BITS}),
    "names": write({"": ("U8", (1,)), "\N{SNOWMAN}.\N{GRINNING FACE}": ("U8", (2,)), 'a\nb"c\\': ("U8", (3,))}),
    "padded": padded(json.dumps(table(ONE)), 128, bytes(4)),
}
SPECS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(lambda name: name != "__metadata__"),
    st.tuples(st.sampled_from([dtype for dtype in BITS if BITS[dtype] >= 8]), st.lists(st.integers(0, 5), max_size=4)),
    max_size=8,
)


def entry(**changes: object) -> bytes:
    """A file of one F32 scalar-like tensor whose table entry has other values; `None` leaves the key out."""
    fields = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **changes}
    return framed(json.dumps({"a": {key: value for key, value in fields.items() if value is not None}}), bytes(4))


def described(header: Header) -> dict[str, tuple[str, tuple[int, ...], int, int]]:
    return {each.name: (each.dtype.name, each.shape, each.offset, each.nbytes) for each in header.tensors}


class TestSamples:
    @pytest.mark.parametrize("name", SAMPLES)
    def test_a_whole_file_is_read(self, name: str) -> None:
        raw = SAMPLES[name]
        length = int.from_bytes(raw[:8], "little")
        stored = json.loads(raw[8 : 8 + length])
        stored.pop("__metadata__", None)
        expected = {
            key: (one["dtype"], tuple(one["shape"]), one["data_offsets"][0], one["data_offsets"][1] - one["data_offsets"][0])
            for key, one in stored.items()
        }
        assert described(read(raw)) == expected

    @pytest.mark.parametrize("name", SAMPLES)
    def test_a_file_cut_at_any_byte_is_refused(self, name: str) -> None:
        raw = SAMPLES[name]
        for stop in range(len(raw)):
            with pytest.raises(FormatError, match=PATH):
                read(raw[:stop])

    @pytest.mark.parametrize("tail", [b"\0", b" ", b"{}", bytes(4096)], ids=["nul", "space", "json", "page"])
    @pytest.mark.parametrize("name", SAMPLES)
    def test_a_tail_belongs_to_no_tensor(self, name: str, tail: bytes) -> None:
        with pytest.raises(FormatError, match="the rest belongs to no tensor"):
            read(SAMPLES[name] + tail)

    @pytest.mark.parametrize("name", SAMPLES)
    def test_no_byte_of_a_tensor_is_asked_for(self, name: str) -> None:
        raw = SAMPLES[name]
        length = int.from_bytes(raw[:8], "little")
        _, ranges = asked(raw)
        assert ranges == [ByteRange(0, 8), ByteRange(8, length)]


class TestHeader:
    @given(SPECS)
    def test_what_was_written_is_read(self, tensors: dict[str, Spec]) -> None:
        header = read(write(tensors))
        assert {one.name: (one.dtype.name, list(one.shape)) for one in header.tensors} == tensors

    @given(SPECS, st.randoms(use_true_random=False))
    def test_the_order_of_the_keys_does_not_matter(self, tensors: dict[str, Spec], random) -> None:
        fields = list(table(tensors).items())
        size = max((one["data_offsets"][1] for _, one in fields), default=0)
        random.shuffle(fields)
        header = read(framed(json.dumps(dict(fields)), bytes(size)))
        assert described(header) == described(read(write(tensors)))
        offsets = [one.offset for one in header.tensors]
        assert offsets == sorted(offsets)

    def test_metadata_is_kept(self) -> None:
        assert read(SAMPLES["metadata"]).metadata == {"format": "pt"}

    @pytest.mark.parametrize("header", ["{}", '{"__metadata__":null}', '{"__metadata__":{}}'])
    def test_absent_metadata_is_empty(self, header: str) -> None:
        assert read(framed(header)).metadata == {}

    def test_a_scalar_has_one_element(self) -> None:
        (only,) = read(SAMPLES["scalar"]).tensors
        assert (only.shape, only.elements, only.nbytes) == ((), 1, 8)

    @pytest.mark.parametrize("dtype", ["F128", "f32", "", "F4_X2"])
    def test_an_unknown_dtype_is_sized_by_its_offsets(self, dtype: str) -> None:
        (only,) = read(entry(dtype=dtype, shape=[7])).tensors
        assert (only.dtype.name, only.dtype.block_bytes, only.nbytes, only.castable) == (dtype, 0, 4, False)

    @pytest.mark.parametrize("length", [8, 4096, 99_992, 99_999, 100_000, 100_001])
    def test_a_header_of_any_length_is_read(self, length: int) -> None:
        header = '{"a":["U8",[],[0,1]]}' if length > 8 else "{}"
        raw = padded(header, length, b"x" if length > 8 else b"")
        _, ranges = asked(raw)
        assert ranges[-1] == ByteRange(8, length)

    def test_the_longest_header_is_asked_for_and_a_longer_one_is_not(self) -> None:
        most = 100_000_000
        reading = Safetensors().read_header(PATH, most + 8)
        next(reading)
        assert reading.send(most.to_bytes(8, "little")) == ByteRange(8, most)
        reading = Safetensors().read_header(PATH, 2**40)
        next(reading)
        with pytest.raises(FormatError, match=r"100,000,001 bytes, more than the 100,000,000"):
            reading.send((most + 1).to_bytes(8, "little"))


REFUSED: Mapping[str, tuple[bytes, str]] = {
    "nothing": (b"", "0 bytes, too short"),
    "seven-bytes": (b"\0" * 7, "7 bytes, too short"),
    "zero-length-header": (framed(""), "not JSON"),
    "length-past-the-end": ((100).to_bytes(8, "little") + b"{}", "100 bytes, but the file has only 10"),
    "length-2^63": ((2**63).to_bytes(8, "little") + b"{}", "9,223,372,036,854,775,808 bytes, more than"),
    "length-2^64-1": (b"\xff" * 8 + b"{}", "18,446,744,073,709,551,615 bytes, more than"),
    "not-utf-8": (framed(b'{"a\xff":1}'), "not UTF-8 at byte 3"),
    "utf-8-surrogate": (framed(b'{"\xed\xa0\x80":1}'), "not UTF-8 at byte 2"),
    "bom": (framed("\N{ZERO WIDTH NO-BREAK SPACE}{}"), "not JSON"),
    "nul-behind": (framed("{}\0"), "not JSON"),
    "two-objects": (framed("{}{}"), "not JSON"),
    "nan": (framed('{"a":NaN}'), "NaN is not a JSON number"),
    "infinity": (framed('{"a":-Infinity}'), "Infinity is not a JSON number"),
    "lone-surrogate": (framed('{"__metadata__":{"a":"\\ud800"}}'), "half of a surrogate pair"),
    "deep": (framed('{"a":' + "[" * 10_000), "nested too deeply"),
    "list": (framed("[]"), "expected a JSON object"),
    "null": (framed("null"), "expected a JSON object"),
    "name-twice": (framed('{"a":["U8",[0],[0,0]],"a":["U8",[0],[0,0]]}'), "'a' stands twice"),
    "name-twice-by-escape": (framed('{"a":["U8",[0],[0,0]],"\\u0061":["U8",[0],[0,0]]}'), "'a' stands twice"),
    "key-twice": (framed('{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}'), "'dtype' stands twice"),
    "metadata-key-twice": (framed('{"__metadata__":{"x":"1","x":"2"}}'), "'x' stands twice"),
    "metadata-list": (framed('{"__metadata__":[]}'), "__metadata__ is .*expected an object of strings"),
    "metadata-number": (framed('{"__metadata__":{"a":1}}'), "__metadata__ is .*expected an object of strings"),
    "metadata-null-value": (framed('{"__metadata__":{"a":null}}'), "__metadata__ is .*expected an object of strings"),
    "tensor-null": (framed('{"a":null}'), "'a' is None, expected dtype, shape and data_offsets"),
    "tensor-list-of-four": (framed('{"a":["U8",[0],[0,0],0]}'), "expected dtype, shape and data_offsets"),
    "no-dtype": (entry(dtype=None), "'a' has no dtype"),
    "no-shape": (entry(shape=None), "'a' has no shape"),
    "no-offsets": (entry(data_offsets=None), "'a' has no data_offsets"),
    "dtype-number": (entry(dtype=7), "has dtype 7, expected a string"),
    "shape-number": (entry(shape=1), "has shape 1, expected"),
    "shape-negative": (entry(shape=[-1]), r"has shape \[-1\], expected"),
    "shape-minus-zero": (framed('{"a":["F32",[-0],[0,0]]}'), "has shape .*expected"),
    "shape-float": (entry(shape=[1.0]), r"has shape \[1.0\], expected"),
    "shape-exponent": (framed('{"a":["U8",[1e2],[0,100]]}', bytes(100)), "has shape .*expected"),
    "shape-true": (entry(shape=[True]), r"has shape \[True\], expected"),
    "shape-65-bits": (entry(shape=[0, 2**64], data_offsets=[0, 0]), "has shape .*expected"),
    "shape-overflow": (entry(shape=[2**32, 2**32]), "more elements than 64 bits count"),
    "shape-overflow-before-zero": (entry(shape=[2**63, 4, 0], data_offsets=[0, 0]), "more elements than 64 bits count"),
    "bytes-overflow": (entry(shape=[2**62], data_offsets=[0, 2**64 - 1]), "needs 18,446,744,073,709,551,616 bytes"),
    "offsets-one": (entry(data_offsets=[4]), "has data_offsets .*expected two integers"),
    "offsets-three": (entry(data_offsets=[0, 4, 4]), "has data_offsets .*expected two integers"),
    "offsets-float": (entry(data_offsets=[0, 4.0]), "has data_offsets .*expected two integers"),
    "offsets-negative": (entry(data_offsets=[-4, 0]), "has data_offsets .*expected two integers"),
    "offsets-backwards": (entry(data_offsets=[4, 0]), "ends at byte 0, before it starts at 4"),
    "hole-at-the-start": (entry(data_offsets=[4, 8]), "starts at byte 4, expected 0: it leaves a hole"),
    "hole": (framed('{"a":["U8",[1],[0,1]],"b":["U8",[1],[2,3]]}', bytes(3)), "'b' starts at byte 2, expected 1.*hole"),
    "overlap": (framed('{"a":["U8",[2],[0,2]],"b":["U8",[2],[1,3]]}', bytes(3)), "'b' starts at byte 1, expected 2.*overlaps"),
    "same-bytes-twice": (framed('{"a":["U8",[2],[0,2]],"b":["U8",[2],[0,2]]}', bytes(2)), "overlaps"),
    "past-the-end": (framed('{"a":["U8",[9],[0,9]]}', bytes(8)), "cover 9 bytes, the file holds 8: the file is cut off"),
    "wrong-size": (entry(shape=[2]), "needs 8 bytes, its data_offsets give 4"),
    "f4-odd": (framed('{"a":["F4",[3],[0,2]]}', bytes(2)), "does not end at a whole byte"),
    "f6-not-in-fours": (framed('{"a":["F6_E2M3",[6],[0,5]]}', bytes(5)), "does not end at a whole byte"),
}  # fmt: skip


class TestRefused:
    @pytest.mark.parametrize("promise", REFUSED)
    def test_a_broken_promise_is_named(self, promise: str) -> None:
        raw, words = REFUSED[promise]
        with pytest.raises(FormatError, match=words):
            read(raw)

    @pytest.mark.parametrize("promise", REFUSED)
    def test_the_message_is_one_short_printable_line_with_the_path(self, promise: str) -> None:
        with pytest.raises(FormatError) as caught:
            read(REFUSED[promise][0])
        message = str(caught.value)
        assert message.startswith(PATH)
        assert message.isprintable()
        assert len(message) < 300

    @pytest.mark.parametrize(
        "header",
        ['{"%s":1}' % ("x" * 10_000), '{"\\u001b[2J\\u202e\\n":1}', json.dumps({"a": ["F" * 9_999, [1] * 9_999, [0]]})],
        ids=["long-name", "terminal-codes", "long-values"],
    )
    def test_a_strangers_words_do_not_flood_the_message(self, header: str) -> None:
        with pytest.raises(FormatError) as caught:
            read(framed(header))
        message = str(caught.value)
        assert message.isprintable()
        assert len(message) < 300


class TestAnyBytes:
    @given(st.binary(max_size=200))
    def test_raw_bytes_give_a_header_or_a_format_error(self, raw: bytes) -> None:
        assert outcome(raw) in ("header", "error")

    @given(st.binary(max_size=200), st.binary(max_size=8))
    def test_a_framed_header_gives_a_header_or_a_format_error(self, header: bytes, data: bytes) -> None:
        assert outcome(framed(header, data)) in ("header", "error")

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=5)
            | st.sampled_from(["F32", "__metadata__"]),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(st.sampled_from(["a", "dtype", "shape", "data_offsets", "__metadata__"]), inner, max_size=4)
            ),
            max_leaves=20,
        ),
        st.booleans(),
    )
    def test_any_json_gives_a_header_or_a_format_error(self, value: object, ascii_only: bool) -> None:
        raw = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        assert outcome(framed(raw)) in ("header", "error")

    @pytest.mark.parametrize("depth", [100, 126, 127, 128, 500, 900, 980, 985, 990, 995, 1_000, 1_400, 5_000, 9_000, 100_000])
    @pytest.mark.parametrize("inner", ["[", '{"x":'], ids=["lists", "objects"])
    def test_any_depth_gives_a_header_or_a_format_error(self, depth: int, inner: str) -> None:
        # The escape makes the reader look at every string, nested ones too.
        closed = inner * depth + "1" + ("]" if inner == "[" else "}") * depth
        assert outcome(framed('{"a":{"dtype":"\\ud83d\\ude00","shape":[],"data_offsets":[0,0],"y":' + closed + "}}")) in (
            "header",
            "error",
        )


def outcome(raw: bytes) -> str:
    try:
        header = read(raw)
    except FormatError:
        return "error"
    assert sum(one.nbytes for one in header.tensors) <= len(raw)
    return "header"


def peak_of(raw: bytes, size: int | None = None) -> int:
    """The most memory, in bytes, that was held at once beyond `raw` while it was refused or read."""
    gc.collect()
    tracemalloc.start()
    try:
        read(raw, size)
    except FormatError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


MIB = 1_048_576
COUNT = 100_000


class TestMemory:
    @pytest.mark.parametrize("length", [100_000_001, 2**31, 2**32, 2**63, 2**64 - 1])
    @pytest.mark.parametrize("size", [10, 2**40, 2**64])
    def test_a_length_field_costs_nothing(self, length: int, size: int) -> None:
        assert peak_of(length.to_bytes(8, "little") + b"{}", size) < MIB

    @pytest.mark.parametrize("bracket", ["[", '{"":'])
    def test_a_million_brackets_cost_a_small_multiple_of_themselves(self, bracket: str) -> None:
        raw = framed('{"a":' + bracket * 1_000_000)
        assert peak_of(raw) < 4 * len(raw) + MIB

    @pytest.mark.parametrize(
        "header",
        [
            '{"a":[' + "[]," * COUNT + "0]}",
            '{"a":[' + '{"":0},' * COUNT + "0]}",
            '{"a":["U8",[' + "1," * COUNT + "1],[0,0]]}",
            '{"a":["U8",[' + "18446744073709551615," * COUNT + "1],[0,0]]}",
            '{"a":"' + "\N{GRINNING FACE}" * COUNT + '"}',
            '{"a":"' + "\\ud800" * COUNT + '"}',
            '{"a":' + "9" * COUNT + "}",
            "{" + ",".join(f'"{number}":0' for number in range(COUNT)) + "}",
            "{" + ",".join(f'"{number}":["U8",[0],[0,0]]' for number in range(COUNT)) + "}",
        ],
        ids=["lists", "objects", "dimensions", "big-dimensions", "wide", "surrogates", "digits", "keys", "tensors"],
    )
    def test_a_hostile_header_costs_a_bounded_multiple_of_its_length(self, header: str) -> None:
        raw = framed(header)
        assert peak_of(raw) < 40 * len(raw) + MIB


def bundle(headers: object, index: object = None) -> str:
    return json.dumps({"index": {"metadata": {}} if index is None else index, "headers": headers})


class TestBundle:
    def test_every_header_of_the_reply_is_checked_and_kept(self) -> None:
        raw = bundle({"s1": table(ONE, {"format": "pt"}), "s2": table({"b": ("F16", (2, 3))})}, {"metadata": {"total_size": 16}})
        headers, metadata = parse_bundle(raw, {"s1": 100, "s2": 100})
        assert {path: described(header) for path, header in headers.items()} == {
            "s1": {"a": ("F32", (1,), 0, 4)},
            "s2": {"b": ("F16", (2, 3), 0, 12)},
        }
        assert metadata.integer("total_size") == 16

    @pytest.mark.parametrize("size", [8 + 2 + 4, 8 + 100_000_000 + 4], ids=["shortest", "longest"])
    def test_a_size_that_leaves_room_for_a_header_is_accepted(self, size: int) -> None:
        headers, _ = parse_bundle(bundle({"s": table(ONE)}), {"s": size})
        assert list(headers) == ["s"]

    @pytest.mark.parametrize("size", [0, 8 + 1 + 4, 8 + 100_000_001 + 4], ids=["empty", "too-short", "too-long"])
    def test_a_size_that_holds_no_header_is_refused(self, size: int) -> None:
        with pytest.raises(FormatError, match=r"s: .* cannot hold the tensors"):
            parse_bundle(bundle({"s": table(ONE)}), {"s": size})

    @pytest.mark.parametrize(
        ("raw", "words"),
        [
            ("<html>", "not JSON"),
            ("[]", r"not JSON: expected \{"),
            ('{"index":{} "headers":{}}', "not JSON: expected ,"),
            ('{"index":{},"headers":{}} x', "goes on behind its end"),
            ('{"index":{},1:{}}', "not JSON: 1 stands where a key does"),
            (
                '{"index":{},"headers":{"s":{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}}}',
                "'dtype' stands twice",
            ),
            ("{}", "no index or no headers"),
            ('{"index":{}}', "no index or no headers"),
            ('{"index":{},"headers":null}', "no index or no headers"),
            (bundle([]), "'headers' is a list"),
            (bundle({}, {"metadata": 1}), "'metadata' is an integer"),
            (bundle({"s": 1}), "s: the header is 1"),
            (bundle({"other": {}}), "names 'other', which is not in the repository"),
            (bundle({"s": {"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}}), "leaves a hole"),
            (bundle({"s": {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}}), "needs 8 bytes"),
            ('{"index":{},"headers":{"s":{},"s":{}}}', "'s' stands twice"),
        ],
    )
    def test_a_broken_reply_is_refused(self, raw: str, words: str) -> None:
        with pytest.raises(FormatError, match=words):
            parse_bundle(raw, {"s": 100})

    def test_a_reply_of_many_shards_takes_the_memory_of_its_tensors_and_of_one_shard(self) -> None:
        """Decoded whole, the JSON of 50,000 tensors alone takes some 30 MB."""
        shards, each = 100, 500
        names = {f"s{shard}": [f"model.layers.{shard}.experts.{one}.weight" for one in range(each)] for shard in range(shards)}
        for separators in ((",", ":"), (", ", ": ")):
            text = json.dumps(
                {"index": {"metadata": {}}, "headers": {
                    path: table(dict.fromkeys(own, ("BF16", (64, 32)))) for path, own in names.items()
                }}, separators=separators,
            )  # fmt: skip
            gc.collect()
            tracemalloc.start()
            try:
                headers, _ = parse_bundle(text, dict.fromkeys(names, 4096 * each + 100_000))
                held, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert sum(len(header.tensors) for header in headers.values()) == shards * each
            assert held < 320 * shards * each  # bytes: a name, an offset, a tuple; all else is shared
            assert peak < held + 40 * len(text) / shards + MIB


def spelled(header: object, separators: tuple[str, str]) -> bytes:
    return json.dumps(header, ensure_ascii=False, separators=separators).encode()


class TestSpelling:
    """Headers as the reference writer spells them are read in a way of their own."""

    @given(SPECS, st.booleans())
    def test_spaces_make_no_difference(self, specs: Mapping[str, Spec], has_metadata: bool) -> None:
        whole = table(specs, {"format": "pt"} if has_metadata else None)
        size = max((one["data_offsets"][1] for name, one in whole.items() if name != "__metadata__"), default=0)
        compact, spaced = (
            read(framed(spelled(whole, separators).decode(), bytes(size))) for separators in ((",", ":"), (", ", ": "))
        )
        assert compact == spaced

    def test_what_only_adds_up_to_the_right_text_is_refused(self) -> None:
        """The offsets of the second tensor stand behind those of the first: the same characters, and no JSON."""
        good = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'
        assert len(read(framed(good, bytes(8))).tensors) == 2
        moved = good.replace(":[4,8]}", "").replace(":[0,4]},", ":[0,4]},:[4,8]},")
        with pytest.raises(FormatError):
            read(framed(moved, bytes(8)))

    @pytest.mark.parametrize("control", ["\n", "\x01", "\x7f", "\u2028"])
    @pytest.mark.parametrize("place", ["a", "F32"])
    def test_control_characters_are_judged_as_anywhere(self, control: str, place: str) -> None:
        text = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.replace(f'"{place}"', f'"{place}{control}"')
        verdicts = []
        for spelling in (text, text.replace(":{", ": {", 1)):
            try:
                verdicts.append(read(framed(spelling, bytes(4))))
            except FormatError:
                verdicts.append(None)
        assert verdicts[0] == verdicts[1]
        assert (verdicts[0] is None) == (control < " ")

    @pytest.mark.parametrize(
        "second",
        [
            {"dtype": "F32", "shape": [True], "data_offsets": [4, 8]},
            {"dtype": "F32", "shape": [1.0], "data_offsets": [4, 8]},
            {"dtype": "F32", "shape": [1], "data_offsets": [4.0, 8]},
            {"dtype": "F32", "shape": [1], "data_offsets": [4, 12]},
            {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]},
            {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        ],
    )
    @pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
    def test_a_tensor_is_not_believed_for_being_like_another(self, second: object, separators: tuple[str, str]) -> None:
        first = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
        with pytest.raises(FormatError):
            read(framed(spelled({"a": first, "b": second}, separators).decode(), bytes(8)))

    @pytest.mark.parametrize("name", ["__metadata__", "a"])
    def test_a_name_that_stands_twice_is_refused(self, name: str) -> None:
        pair = '"%s":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}'
        with pytest.raises(FormatError):
            read(framed("{" + ",".join((pair % ("a", 0, 1), pair % (name, 1, 2))) + "}", bytes(2)))

    def test_metadata_may_stand_anywhere(self) -> None:
        entry = {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}
        for header in ({"__metadata__": {"k": "v"}, "a": entry}, {"a": entry, "__metadata__": {"k": "v"}}):
            assert read(framed(spelled(header, (",", ":")).decode(), bytes(1))).metadata == {"k": "v"}
