"""The safetensors reader against the `safetensors` package: what it refuses is refused, what it accepts is read the same.

Two exceptions are stated: an unknown dtype is accepted here, duplicate keys are refused here.
"""

import json
from collections import Counter
from typing import NamedTuple

import pytest
import safetensors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memscan.errors import FormatError
from tests.formats.reading import read
from tests.writers.safetensors import BITS, framed, nbytes

pytestmark = pytest.mark.oracle

DATA = bytes(number % 251 for number in range(65_536))


class Seen(NamedTuple):
    """One tensor as a reader describes it."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


def ours(raw: bytes) -> dict[str, Seen] | FormatError:
    try:
        header = read(raw)
    except FormatError as error:
        return error
    start = 8 + int.from_bytes(raw[:8], "little")
    return {
        one.name: Seen(one.dtype.name, one.shape, raw[start + one.offset : start + one.offset + one.nbytes])
        for one in header.tensors
    }


def theirs(raw: bytes) -> dict[str, Seen] | safetensors.SafetensorError:
    try:
        tensors = safetensors.deserialize(raw)
    except safetensors.SafetensorError as error:
        return error
    return {name: Seen(one["dtype"], tuple(one["shape"]), bytes(one["data"])) for name, one in tensors}


def has_duplicate_keys(raw: bytes) -> bool:
    found = []

    def note(pairs: list[tuple[str, object]]) -> None:
        found.append(len({key for key, _ in pairs}) < len(pairs))

    json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")], object_pairs_hook=note)
    return any(found)


def compare(raw: bytes) -> str:
    """`accepted`, `refused`, or the exception that applies; AssertionError where the two differ."""
    mine, reference = ours(raw), theirs(raw)
    if isinstance(reference, dict):
        if isinstance(mine, FormatError) and "stands twice" in str(mine):
            assert has_duplicate_keys(raw), f"no key stands twice in {raw!r}"
            return "duplicate"
        assert mine == reference, f"accepted by the reference: {raw!r}"
        return "accepted"
    if isinstance(mine, dict):
        assert "unknown variant" in str(reference), f"refused by the reference ({reference}): {raw!r}"
        assert any(one.dtype not in BITS for one in mine.values())
        return "unknown dtype"
    return "refused"


class Raw(str):
    """A JSON token that is written as it stands."""

    __slots__ = ()


class Pairs(list[tuple[str, object]]):
    """A JSON object that may hold a key twice."""

    __slots__ = ()


def dump(value: object) -> str:
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{dump(key)}:{dump(item)}" for key, item in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value)


def put(entry: Pairs, key: str, value: object) -> None:
    entry[:] = [(name, value if name == key else item) for name, item in entry]


def nested(depth: int) -> Raw:
    return Raw("[" * depth + "]" * depth)


TOKENS = [
    *map(Raw, ["0", "1", "2", "-0", "-1", "0.0", "-0.0", "1.0", "1e0", "1e2", "1E400", "01", "+1", ".5", "1.", "0x1", "1_0"]),
    *map(Raw, ["9223372036854775808", "18446744073709551615", "18446744073709551616", "9" * 40, "1" + "0" * 320]),
    *map(Raw, ["NaN", "Infinity", "-Infinity", "nan", "true", "false", "null", '"1"', "[]", "{}", "[1]", "'1'", ""]),
]
IGNORED = [
    *TOKENS,
    *map(nested, [1, 2, 3, 100, 125, 126, 127, 200]),
    *map(Raw, ['"x"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00\\ud83d"', '"\\u0000"', '"\x01"', '"\x7f"', '"\\x"', '"\\/"']),
    *map(Raw, ['"\\\\ud83d"', '{"a":1,"a":2}', '{"a":{"b":[1,2,{}]}}', "1e-400", "1e308", "-1e400", "1.5E+3", "[1,]", "{,}"]),
]
DTYPES = [
    *BITS,
    "F128",
    "f32",
    "",
    "F8",
    None,
    17,
    Raw('{"F32":null}'),
    Raw('{"U8":null}'),
    Raw('{"U8":1}'),
    ["F32"],
    Raw("true"),
]
NAMES = [
    *map(
        Raw, ['"\\u0061"', '"\\/"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\udc00x"', '"\\u0000"', '"\\x"', '"\\u12"', '"\t"', "a"]
    ),
    *map(Raw, ['""', '"\N{GRINNING FACE}"', '"\\u005f_metadata__"', '"__metadata__ "', '"dtype"', '"a\\nb"', "1", "null"]),
]
METADATA = [
    *map(
        Raw, ["null", "{}", '{"format":"pt"}', '{"a":""}', '{"a":"\\u00e9"}', '{"a":1}', '{"a":null}', '{"a":{}}', "[]", "[[]]"]
    ),
    *map(Raw, ['{"a":"1","a":"2"}', '""', "0", "false", '{"a":"\\udfff"}', '{"a":"\\ud83d\\ude00"}', '{"dtype":"F32"}']),
]
AROUND = ["", " ", "\t", "\n", "\r", " \n ", "\x0b", "\x00", "\xa0", "\ufeff", "{}", ",", "//"]


@st.composite
def tables(draw: st.DrawFn) -> tuple[Pairs, int]:
    """A valid header and how many bytes stand behind it."""
    specs = draw(
        st.lists(st.tuples(st.sampled_from(list(BITS)), st.lists(st.sampled_from([0, 1, 2, 8]), max_size=3)), max_size=4)
    )
    table, end = Pairs(), 0
    for number, (dtype, shape) in enumerate(specs):
        dimensions = [*shape, 4]  # four elements of any dtype end at a whole byte
        start, end = end, end + nbytes(dtype, dimensions)
        entry = Pairs([("dtype", dtype), ("shape", dimensions), ("data_offsets", [start, end])])
        table.append((f"t{number}", draw(st.permutations(entry).map(Pairs))))
    return Pairs(draw(st.permutations(table))), end


def mutate(draw: st.DrawFn, table: Pairs, kind: str) -> None:
    """Change one thing in `table`; often it stays valid."""
    entries = [index for index, (_, entry) in enumerate(table) if isinstance(entry, Pairs) and len(entry) >= 3]
    if kind == "metadata":
        table.insert(draw(st.integers(0, len(table))), ("__metadata__", draw(st.sampled_from(METADATA))))
        return
    if not entries:
        return
    index = draw(st.sampled_from(entries))
    name, entry = table[index]
    values = dict(entry)
    if kind == "number":
        key = draw(st.sampled_from(["shape", "data_offsets"]))
        numbers = list(values[key])
        place = draw(st.integers(0, len(numbers) - 1))
        near = [] if isinstance(numbers[place], Raw) else [numbers[place] + step for step in (-1, 1)]
        numbers[place] = draw(st.sampled_from([*TOKENS, *near]))
        put(entry, key, numbers)
    elif kind == "dimensions":
        put(entry, "shape", draw(st.permutations([*values["shape"], *draw(st.lists(st.sampled_from([0, 1, 2]), max_size=2))])))
    elif kind == "offsets":
        put(entry, "data_offsets", draw(st.sampled_from([[0, 0], values["data_offsets"][::-1], values["data_offsets"][:1], []])))
    elif kind == "dtype":
        put(entry, "dtype", draw(st.sampled_from(DTYPES)))
    elif kind == "list":
        parts = [values["dtype"], values["shape"], values["data_offsets"]]
        table[index] = (name, draw(st.sampled_from([parts, parts, parts, parts[:2], [*parts, None]])))
    elif kind == "extra":
        key = draw(st.sampled_from(["extra", "strides", "", "Dtype"]))
        entry.insert(draw(st.integers(0, len(entry))), (key, draw(st.sampled_from(IGNORED))))
    elif kind == "twice":
        entry.append(draw(st.sampled_from(list(entry))))
    elif kind == "drop":
        del entry[draw(st.integers(0, len(entry) - 1))]
    elif kind == "name":
        table[index] = (draw(st.sampled_from(NAMES)), entry)
    elif kind == "name twice":
        table.append((name, entry))


KINDS = [
    "metadata", "number", "dimensions", "offsets", "dtype", "list", "extra", "extra", "twice", "drop", "name", "name",
    "name twice",
]  # fmt: skip


@st.composite
def near_valid(draw: st.DrawFn) -> bytes:
    """A file that was valid before one or two things in its header were changed."""
    table, size = draw(tables())
    for kind in draw(st.lists(st.sampled_from(KINDS), max_size=2)):
        mutate(draw, table, kind)
    header = dump(table)
    if draw(st.integers(0, 4)) == 0:
        header = draw(st.sampled_from(AROUND)) + header + draw(st.sampled_from(AROUND))
    size += draw(st.sampled_from([0] * 12 + [-1, 1]))
    return framed(header, DATA[: max(size, 0)])


@st.composite
def one_byte_off(draw: st.DrawFn) -> bytes:
    """A valid file with one byte of its header replaced, dropped or added."""
    table, size = draw(tables())
    header = bytearray(dump(table).encode())
    place = draw(st.integers(0, len(header) - 1))
    byte = draw(st.sampled_from(b' \t\n\0"\\{}[]:,0123456789-+.eE_aA\x7f\x80\xc3\xed\xff'))
    header[place : place + draw(st.integers(0, 1))] = bytes([byte]) if draw(st.integers(0, 3)) else b""
    return framed(bytes(header), DATA[:size])


def test_valid_headers_are_read_the_same() -> None:
    @settings(max_examples=200, deadline=None)
    @given(tables())
    def check(drawn: tuple[Pairs, int]) -> None:
        table, size = drawn
        assert compare(framed(dump(table), DATA[:size])) == "accepted"

    check()


@pytest.mark.parametrize("strategy", [near_valid(), one_byte_off()], ids=["near-valid", "one-byte-off"])
def test_near_valid_headers_are_judged_the_same(strategy: st.SearchStrategy[bytes]) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(strategy)
    def check(raw: bytes) -> None:
        seen[compare(raw)] += 1

    check()
    assert min(seen["accepted"], seen["refused"]) > seen.total() / 10, seen


ONE = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]%s}}'
CASES = {
    "no-tensor": "{}",
    "whitespace-around": " \t\r\n" + ONE % "" + " \n",
    "nul-behind": ONE % "" + "\0",
    "bom": "\ufeff" + ONE % "",
    "list-form": '{"a":["F32",[1],[0,4]]}',
    "list-form-of-four": '{"a":["F32",[1],[0,4],null]}',
    "metadata-null": '{"__metadata__":null,' + (ONE % "")[1:],
    "metadata-as-pairs": '{"__metadata__":[["a","b"]],' + (ONE % "")[1:],
    "escaped-metadata-key": '{"\\u005f_metadata__":{"a":"b"},' + (ONE % "")[1:],
    "escaped-name": '{"\\ud83d\\ude00\\u0000\\/":["F32",[1],[0,4]]}',
    "lone-surrogate-ignored": ONE % ',"x":"\\ud83d"',
    "reversed-surrogates": ONE % ',"x":"\\ude00\\ud83d"',
    "escaped-backslash-before-u": ONE % ',"x":"\\\\ud83d"',
    "minus-zero-ignored": ONE % ',"x":-0',
    "minus-zero-offset": '{"a":["F32",[1],[-0,4]]}',
    "dimension-of-64-bits": '{"b":["U8",[0,18446744073709551615],[0,0]],' + (ONE % "")[1:],
    "dimension-of-65-bits": '{"b":["U8",[0,18446744073709551616],[0,0]],' + (ONE % "")[1:],
    "zero-hides-an-overflow": '{"b":["U8",[0,18446744073709551615,2],[0,0]],' + (ONE % "")[1:],
    "overflow-before-the-zero": '{"b":["U8",[18446744073709551615,2,0],[0,0]],' + (ONE % "")[1:],
    "no-elements-at-the-end": '{"b":["F32",[0],[4,4]],"c":["F32",[0],[0,0]],' + (ONE % "")[1:],
    "no-elements-past-the-end": '{"b":["F32",[0],[5,5]],' + (ONE % "")[1:],
    "integer-of-309-digits": ONE % (',"x":1' + "0" * 308),
    "integer-past-a-double": ONE % (',"x":1' + "0" * 309),
    "negative-past-a-double": ONE % (',"x":-1' + "0" * 309),
    "integer-of-5000-digits": ONE % (',"x":1' + "0" * 5_000),
    "float-past-a-double": ONE % ',"x":1e400',
    "float-past-a-double-inside": ONE % ',"x":{"y":[-1e400]}',
    "float-below-a-double": ONE % ',"x":1e-400',
    "zero-with-a-huge-exponent": ONE % ',"x":0e99999',
    "depth-127": ONE % f',"x":{nested(125)}',
    "depth-128": ONE % f',"x":{nested(126)}',
    "depth-900": ONE % f',"x":{nested(900)}',
    "depth-128-of-objects": ONE % (',"x":' + '{"y":' * 126 + "0" + "}" * 126),
    "dtype-as-an-object": '{"a":[{"F32":null},[1],[0,4]]}',
    "dtype-as-an-object-with-a-value": '{"a":[{"F32":1},[1],[0,4]]}',
    "dtype-as-an-object-of-two": '{"a":[{"F32":null,"U8":null},[1],[0,4]]}',
    "dtype-as-an-empty-object": '{"a":[{},[1],[0,4]]}',
}


@pytest.mark.parametrize("case", CASES)
def test_a_case_is_judged_the_same(case: str) -> None:
    assert compare(framed(CASES[case], DATA[:4])) in ("accepted", "refused")


@pytest.mark.parametrize("dtype", ["F128", "f32", "", "F8", "I4", "BF16 "])
def test_an_unknown_dtype_is_accepted_here_alone(dtype: str) -> None:
    assert compare(framed(json.dumps({"a": {"dtype": dtype, "shape": [3], "data_offsets": [0, 4]}}), DATA[:4])) == "unknown dtype"


@pytest.mark.parametrize(
    "header",
    [
        '{"a":["F32",[1],[0,4]],"a":["F32",[1],[0,4]]}',
        ONE % ',"x":1,"x":2',
        ONE % ',"x":{"y":1,"y":2}',
        '{"__metadata__":{"k":"1","k":"2"},' + (ONE % "")[1:],
        '{"__metadata__":{"k":"1","\\u006b":"2"},' + (ONE % "")[1:],
    ],
    ids=["tensor", "ignored", "inside-ignored", "metadata", "metadata-by-escape"],
)
def test_duplicate_keys_are_refused_here_alone(header: str) -> None:
    assert compare(framed(header, DATA[:4])) == "duplicate"


@pytest.mark.parametrize("length", [99_992, 99_999, 100_000, 100_001])
def test_a_padded_header_of_any_length_is_read_the_same(length: int) -> None:
    header = (ONE % "").encode()
    assert compare(framed(header + b" " * (length - len(header)), DATA[:4])) == "accepted"
