"""JSON from strangers: strict where the formats are strict, and every wrong value named by its path."""

import json
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.document import SHOWN, Document, decode, shown
from memscan.errors import FormatError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
DOCUMENT = Document(
    "f.json",
    {
        "text": "a", "integer": 7, "true": True, "float": 7.0, "null": None, "texts": ["a", "b"], "mixed": ["a", 1],
        "object": {"inner": {"x": 1}}, "objects": [{"x": 1}, {"x": 2}], "none": [], "objects and others": [{}, []],
    },
)  # fmt: skip


class TestDecode:
    @given(VALUES, st.booleans(), st.booleans())
    def test_json_is_decoded_as_it_was_written(self, value: object, strict: bool, ascii_only: bool) -> None:
        assert decode(json.dumps(value, ensure_ascii=ascii_only).encode(), "f", strict=strict) == value

    @given(st.binary(max_size=100), st.booleans())
    def test_any_bytes_give_a_value_or_a_format_error(self, raw: bytes, strict: bool) -> None:
        try:
            decode(raw, "the file", strict=strict)
            said = "the file was read"
        except FormatError as error:
            said = str(error)
        assert said.startswith("the file")

    @pytest.mark.parametrize(
        ("raw", "words"),
        [
            (b"", "f is not JSON"),
            (b"{", "f is not JSON"),
            (b"{} {}", "f is not JSON"),
            (b'"\xff"', "f is not UTF-8 at byte 1"),
            (b"\xef\xbb\xbf{}", "f is not JSON"),
            (b"<!DOCTYPE html>", "f is not JSON"),
            (b'"\n"', "f is not JSON"),
            (b"9" * 5_000, "f is not JSON"),
            (b"[" * 100_000, "f is nested too deeply"),
            (b'{"a":' * 100_000, "f is nested too deeply"),
        ],
    )
    @pytest.mark.parametrize("strict", [True, False])
    def test_what_is_not_json_is_refused(self, raw: bytes, words: str, strict: bool) -> None:
        with pytest.raises(FormatError, match=words):
            decode(raw, "f", strict=strict)

    @pytest.mark.parametrize(
        ("raw", "words"),
        [
            (b"NaN", "NaN is not a JSON number"),
            (b"[Infinity]", "Infinity is not a JSON number"),
            (b"-Infinity", "-Infinity is not a JSON number"),
            (b'{"a":1,"a":1}', "the key 'a' stands twice"),
            (b'[{"b":{"a":1,"\\u0061":2}}]', "the key 'a' stands twice"),
            (b'"\\ud800"', r"half of a surrogate pair in '\\ud800'"),
            (b'{"\\udc00":1}', "half of a surrogate pair"),
            (b'[[{"a":"\\udc00\\ud800"}]]', "half of a surrogate pair"),
            (b'"\\uD83D x \\uDE00"', "half of a surrogate pair"),
        ],
    )
    def test_what_python_alone_reads_is_refused_only_strictly(self, raw: bytes, words: str) -> None:
        with pytest.raises(FormatError, match=words):
            decode(raw, "f")
        decode(raw, "f", strict=False)

    @pytest.mark.parametrize("raw", ["[-0]", "[1,-0]", '{"a":-0}', '{"a": -0}', "[\n-0]"])
    def test_minus_zero_is_no_integer(self, raw: str) -> None:
        def last(value: object) -> object:
            items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
            return value if items is None else last(items[-1])

        assert type(last(decode(raw.encode(), "f"))) is float
        assert type(last(decode(raw.encode(), "f", strict=False))) is int

    def test_an_escaped_pair_is_one_character(self) -> None:
        assert decode(b'"\\ud83d\\ude00"', "f") == "\N{GRINNING FACE}"

    def test_an_escaped_backslash_before_u_is_no_surrogate(self) -> None:
        assert decode(b'"\\\\ud83d"', "f") == "\\ud83d"

    @pytest.mark.parametrize("depth", [500, 900, 985, 990, 992, 994, 996, 1_000, 1_200, 1_450, 5_000, 9_000])
    @pytest.mark.parametrize("brackets", [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
    def test_a_surrogate_at_any_depth_gives_a_value_or_a_format_error(self, depth: int, brackets: tuple[str, str]) -> None:
        raw = brackets[0] * depth + '"\\ud83d"' + brackets[1] * depth
        with pytest.raises(FormatError, match=r"surrogate|too deeply"):
            decode(raw.encode(), "f")


def seconds(raw: bytes) -> float:
    start = process_time()
    decode(raw, "f")
    return process_time() - start


def test_strings_cost_the_same_at_any_depth() -> None:
    strings = '"\\ud83d\\ude00"' + ',""' * 60_000
    deep = "[" * 800 + strings + "]" * 800
    assert seconds(deep.encode()) < 8 * seconds(f"[{strings}]".encode()) + 0.05


class TestShown:
    @given(VALUES)
    def test_any_value_is_one_short_printable_line(self, value: object) -> None:
        text = shown(value)
        assert len(text) <= SHOWN
        assert text.isprintable()

    @given(st.text(max_size=200))
    def test_any_string_is_one_short_printable_line(self, value: str) -> None:
        assert len(shown(value)) <= SHOWN
        assert shown(value).isprintable()

    def test_a_short_value_is_whole(self) -> None:
        assert shown("bf16") == "'bf16'"

    def test_a_long_value_ends_in_dots(self) -> None:
        assert shown("x" * 99).endswith("xxx...")


class TestDocument:
    @pytest.mark.parametrize(("raw", "kind"), [
        (b"[]", "a list"), (b"1", "an integer"), (b"1.5", "a number"), (b"true", "a boolean"), (b'"x"', "a string"),
        (b"null", "null"),
    ])  # fmt: skip
    def test_what_is_no_object_is_refused(self, raw: bytes, kind: str) -> None:
        with pytest.raises(FormatError, match=rf"^f\.json is {kind}, expected a JSON object$"):
            Document.parse(raw, "f.json")

    @pytest.mark.parametrize(
        ("getter", "key", "value"),
        [
            ("text", "text", "a"), ("text", "null", None), ("text", "absent", None),
            ("integer", "integer", 7), ("integer", "null", None), ("integer", "absent", None),
            ("texts", "texts", ("a", "b")), ("texts", "none", ()), ("texts", "null", ()), ("texts", "absent", ()),
            ("child", "object", Document("f.json: object", {"inner": {"x": 1}})), ("child", "null", None),
            ("child", "absent", None),
            ("children", "objects", (Document("f.json: objects[0]", {"x": 1}), Document("f.json: objects[1]", {"x": 2}))),
            ("children", "none", ()), ("children", "null", ()), ("children", "absent", ()),
        ],
    )  # fmt: skip
    def test_a_getter_gives_the_value_or_nothing(self, getter: str, key: str, value: object) -> None:
        assert getattr(DOCUMENT, getter)(key) == value

    @pytest.mark.parametrize(
        ("getter", "key", "words"),
        [
            ("text", "integer", "'integer' is an integer (7), expected a string"),
            ("text", "texts", "'texts' is a list (['a', 'b']), expected a string"),
            ("integer", "true", "'true' is a boolean (True), expected an integer"),
            ("integer", "float", "'float' is a number (7.0), expected an integer"),
            ("integer", "text", "'text' is a string ('a'), expected an integer"),
            ("texts", "text", "'text' is a string ('a'), expected a list of strings"),
            ("texts", "mixed", "'mixed' is a list (['a', 1]), expected a list of strings"),
            ("child", "texts", "'texts' is a list (['a', 'b']), expected an object"),
            ("children", "object", "'object' is an object ({'inner': {'x': 1}}), expected a list of objects"),
            ("children", "objects and others", "'objects and others' is a list ([{}, []]), expected a list of objects"),
        ],
    )
    def test_a_wrong_value_is_named_by_its_path(self, getter: str, key: str, words: str) -> None:
        with pytest.raises(FormatError) as caught:
            getattr(DOCUMENT, getter)(key)
        assert str(caught.value) == f"f.json: {words}"

    def test_the_path_grows_with_every_step_down(self) -> None:
        inner = DOCUMENT.child("object")
        assert inner is not None
        with pytest.raises(FormatError, match=r"^f\.json: object: 'inner' is an object"):
            inner.text("inner")
