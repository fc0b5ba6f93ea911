"""The shard index: its names stay beside it, its account of itself is kept and believed by nobody."""

import json
import posixpath
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.errors import FormatError
from memscan.formats import ShardIndex, shard_index

PATH = "model.safetensors.index.json"


def parse(weight_map: object, path: str = PATH, **more: object) -> ShardIndex:
    return shard_index.parse(json.dumps({"weight_map": weight_map, **more}).encode(), path)


def test_a_tensor_stands_in_its_shard() -> None:
    index = parse({"b": "2.safetensors", "a": "1.safetensors", "c": "2.safetensors"})
    assert index.weight_map == {"b": "2.safetensors", "a": "1.safetensors", "c": "2.safetensors"}
    assert index.shards == ("1.safetensors", "2.safetensors")
    assert index.path == PATH


@pytest.mark.parametrize(
    ("path", "shard"), [("i.json", "s"), ("unet/i.json", "unet/s"), ("a/b/i.json", "a/b/s"), ("/model/i.json", "/model/s")]
)
def test_a_shard_is_beside_its_index(path: str, shard: str) -> None:
    assert parse({"a": "s"}, path).shards == (shard,)


@pytest.mark.parametrize(
    "shard",
    [
        "model-00001-of-00002.safetensors", "model_00002-of-00072.safetensors", "shard_00", "model-000001-of-000163.safetensors",
        "sub/model.safetensors", "..safetensors", "a..b", "...", "with space", "\N{SNOWMAN}.safetensors", ".hidden", "~",
        "%2e%2e",
    ],
)  # fmt: skip
def test_a_shard_may_have_any_name_below_its_folder(shard: str) -> None:
    assert parse({"a": shard}, f"unet/{PATH}").shards == (f"unet/{shard}",)


@pytest.mark.parametrize(
    "shard",
    [
        "", ".", "..", "/", "../x", "a/../x", "a/../../x", "a/..", "./x", "a/./x", "a//x", "a/", "/etc/passwd", "//host/x",
        "..\\x", "a\\..\\..\\x", "\\\\host\\x", "\\x", "C:\\x", "C:x", "c:/x", "file:///x", "https://host/x", "x:stream", "a\0b",
    ],
)  # fmt: skip
def test_a_shard_that_leaves_the_folder_on_any_platform_is_refused(shard: str) -> None:
    with pytest.raises(FormatError, match=rf"^{PATH} names the shard .* refused$"):
        parse({"a": "fine", "b": shard})


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b c", "\\", "x:", "\0", "...", "-"]), min_size=1, max_size=5).map("/".join))
def test_an_accepted_name_is_its_own_normal_form(shard: str) -> None:
    try:
        (resolved,) = parse({"a": shard}, f"folder/{PATH}").shards
    except FormatError:
        return
    assert posixpath.normpath(resolved) == resolved
    assert resolved.startswith("folder/")


@pytest.mark.parametrize("shard", [None, 1, True, [], ["s"], {}])
def test_a_shard_that_is_no_string_is_refused(shard: object) -> None:
    with pytest.raises(FormatError, match=r"'w' is in .*, expected the name of a file"):
        parse({"w": shard})


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is not JSON"),
        (b"\xff", "is not UTF-8"),
        (b"<html>", "is not JSON"),
        (b"[]", "is a list, expected a JSON object"),
        (b"{}", "has no weight_map: it is not the index"),
        (b'{"weight_map":null}', "has no weight_map: it is not the index"),
        (b'{"weight_map":{}}', "has an empty weight_map"),
        (b'{"weight_map":[]}', "'weight_map' is a list"),
        (b'{"weight_map":{"a":"s","a":"t"}}', "'a' stands twice"),
        (b'{"weight_map":{"a":"s"},"metadata":[]}', "'metadata' is a list"),
        (b'{"weight_map":{"a":"s"},"metadata":{"total_size":NaN}}', "NaN is not a JSON number"),
        (b'{"weight_map":' * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_index_is_refused(raw: bytes, words: str) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        shard_index.parse(raw, PATH)
    assert str(caught.value).startswith(PATH)


@pytest.mark.parametrize("total", [0, 10**20, "7", 1.5, None, [], True])
def test_metadata_is_kept_whatever_it_says(total: object) -> None:
    assert parse({"a": "s"}, metadata={"total_size": total}).metadata.values["total_size"] == total


@pytest.mark.parametrize("more", [{}, {"metadata": None}, {"metadata": {}}])
def test_absent_metadata_is_empty(more: dict[str, object]) -> None:
    assert parse({"a": "s"}, **more).metadata.values == {}


def test_ten_thousand_shards_are_read_and_one_more_is_not() -> None:
    names = {f"t{number}": f"s{number}" for number in range(10_000)}
    assert len(parse(names).shards) == 10_000
    with pytest.raises(FormatError, match="names 10,001 shards, more than the 10,000"):
        parse({**names, "one": "more"})


@given(st.binary(max_size=100))
def test_any_bytes_give_an_index_or_a_format_error(raw: bytes) -> None:
    assert outcome(raw).startswith(("read", PATH))


@given(st.dictionaries(st.text(max_size=4), st.none() | st.integers() | st.text(max_size=6), max_size=4))
def test_any_map_gives_an_index_or_a_format_error(weight_map: dict[str, object]) -> None:
    found = outcome(json.dumps({"weight_map": weight_map}).encode())
    assert found.startswith(PATH) or found == f"read {len(weight_map)}"


def outcome(raw: bytes) -> str:
    """How many tensors were read, or what was refused."""
    try:
        return f"read {len(shard_index.parse(raw, PATH).weight_map)}"
    except FormatError as error:
        return str(error)


@pytest.mark.parametrize("indent", [None, 2])
def test_an_index_takes_the_memory_of_its_names(indent: int | None) -> None:
    """A decoder takes a string for each value, and a table of the names beside the result."""
    count = 50_000
    names = {f"model.layers.{number}.weight": f"model-{number % 100:05}-of-00100.safetensors" for number in range(count)}
    text = json.dumps({"metadata": {"total_size": 1}, "weight_map": names}, indent=indent)
    raw = text.encode()
    tracemalloc.start()
    try:
        found = shard_index.parse(raw, PATH)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.weight_map == names
    assert len({id(shard) for shard in found.weight_map.values()}) == 100
    assert held < 140 * count
    assert peak < held + len(raw) + 10_000_000  # the text, the piece that is read, and a table that grows
