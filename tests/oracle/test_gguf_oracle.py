"""GGUF against the gguf package, which llama.cpp's own converters write and read with: the table of types, and whole files."""

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
from tests.effort import effort

from memscan.dtype import GGML, GGML_RETIRED
from memscan.formats.base import Header
from memscan.formats.gguf import Gguf
from memscan.formats.gguf_names import FILE_TYPES, Role, from_keys, from_path
from memscan.formats.gguf_values import LongArray
from memscan.read import ByteRange, run

pytestmark = pytest.mark.oracle

TYPES = [*gguf.GGMLQuantizationType]
ORDERS = [gguf.GGUFEndian.LITTLE, gguf.GGUFEndian.BIG]
Write = Callable[["gguf.GGUFWriter"], None]


def quantized(kind: "gguf.GGMLQuantizationType") -> "np.ndarray | None":
    """A matrix of 4 by 512 in `kind`, or None where the package reads the type and does not quantize to it."""
    try:
        return gguf.quants.quantize(np.linspace(-1, 1, 4 * 512, dtype=np.float32).reshape(4, 512), kind)
    except NotImplementedError:
        return None


def read(path: Path) -> tuple[Header, list[ByteRange]]:
    ranges: list[ByteRange] = []
    with path.open("rb") as file:

        def fetch(wanted: ByteRange) -> bytes:
            assert not ranges or wanted.start >= ranges[-1].stop, "a byte was asked for twice"
            ranges.append(wanted)
            file.seek(wanted.start)
            return file.read(wanted.length)

        return run(Gguf().read_header(path.name, path.stat().st_size), fetch), ranges


def write(path: Path, fill: Write, architecture: str = "llama", **options: object) -> Path:
    writer = gguf.GGUFWriter(path, architecture, **options)
    fill(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def compare(path: Path) -> Header:
    """Read by both; names, types, shapes, bytes and places have to be the same."""
    header, _ = read(path)
    theirs = gguf.GGUFReader(path)
    expected = {
        each.name: (each.tensor_type.name, tuple(each.shape.tolist())[::-1], each.n_bytes, each.n_elements, each.data_offset)
        for each in theirs.tensors
    }
    start = theirs.data_offset
    assert {
        each.name: (each.dtype.name, each.shape, each.nbytes, each.elements, each.offset + start) for each in header.tensors
    } == expected
    compare_metadata(header, theirs)
    return header


def compare_metadata(header: Header, theirs: "gguf.GGUFReader") -> None:
    fields = {key: field for key, field in theirs.fields.items() if not key.startswith("GGUF.")}
    assert list(header.metadata) == list(fields)
    for key, field in fields.items():
        ours = header.metadata[key]
        if isinstance(ours, LongArray):
            assert field.types[0] is gguf.GGUFValueType.ARRAY
            assert (ours.items, ours.length) == (field.types[1].name.lower(), int(field.parts[4][0])), key
        elif isinstance(ours, tuple):
            assert list(ours) == field.contents(), key
        else:
            assert ours == field.contents(), key
            assert type(ours) is type(field.contents()), key


def test_the_table_of_types() -> None:
    assert {number: (dtype.name, dtype.block, dtype.block_bytes) for number, dtype in GGML.items()} == {
        kind.value: (kind.name, *gguf.GGML_QUANT_SIZES[kind]) for kind in TYPES
    }
    assert not set(GGML_RETIRED) & {kind.value for kind in TYPES}


def test_the_table_of_file_types() -> None:
    theirs = {kind.value: kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in gguf.LlamaFileType}
    del theirs[gguf.LlamaFileType.GUESSED]
    assert {number: FILE_TYPES[number] for number in theirs} == theirs


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.name)
@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
def test_each_type(tmp_path: Path, kind: "gguf.GGMLQuantizationType", order: "gguf.GGUFEndian") -> None:
    block, nbytes = gguf.GGML_QUANT_SIZES[kind]
    shapes = [(block,), (3, block * 2), (2, 3, block), (2, 1, 3, block * 3)]

    def fill(writer: "gguf.GGUFWriter") -> None:
        for shape in shapes:
            raw = np.zeros((*shape[:-1], shape[-1] // block * nbytes), dtype=np.uint8)
            writer.add_tensor(f"tensor.{len(shape)}", raw, raw_dtype=kind)

    header = compare(write(tmp_path / "model.gguf", fill, endianess=order))
    assert [each.shape for each in header.tensors] == shapes


@pytest.mark.parametrize("kind", [kind for kind in TYPES if quantized(kind) is not None], ids=lambda kind: kind.name)
def test_what_the_quantizer_of_each_type_gives(tmp_path: Path, kind: "gguf.GGMLQuantizationType") -> None:
    packed = quantized(kind)

    def fill(writer: "gguf.GGUFWriter") -> None:
        writer.add_tensor("packed", packed, raw_dtype=kind)

    (tensor,) = compare(write(tmp_path / "model.gguf", fill)).tensors
    assert (tensor.shape, tensor.nbytes) == ((4, 512), packed.nbytes)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.name)
@pytest.mark.parametrize("alignment", [8, 32, 64, 4096])
def test_metadata_of_every_type(tmp_path: Path, order: "gguf.GGUFEndian", alignment: int) -> None:
    def fill(writer: "gguf.GGUFWriter") -> None:
        writer.add_custom_alignment(alignment)
        writer.add_uint8("u8", 255)
        writer.add_int8("i8", -128)
        writer.add_uint16("u16", 65_535)
        writer.add_int16("i16", -32_768)
        writer.add_uint32("u32", 2**32 - 1)
        writer.add_int32("i32", -(2**31))
        writer.add_uint64("u64", 2**64 - 1)
        writer.add_int64("i64", -(2**63))
        writer.add_float32("f32", 0.1)
        writer.add_float64("f64", 0.1)
        writer.add_bool("yes", True)
        writer.add_bool("no", False)
        writer.add_string("text", "Zürich \N{SNOWMAN}")
        writer.add_head_count_kv([8, 0, 8, 8])
        writer.add_sliding_window_pattern([True, False])
        writer.add_array("floats", [0.5, 1.5])
        writer.add_array("negative", [-1, 2])
        writer.add_array("texts", ["a", "", "\N{SNOWMAN}"])
        writer.add_array("nested", [[1, 2], [3]])
        writer.add_tensor("a", np.zeros((3, 5), dtype=np.float32))
        writer.add_tensor("b", np.zeros((7,), dtype=np.float16))

    header = compare_without(write(tmp_path / "model.gguf", fill, endianess=order), "nested")
    assert header.metadata["nested"] == LongArray(items="array", length=2)
    assert [each.offset % alignment for each in header.tensors] == [0, 0]


def compare_without(path: Path, nested: str) -> Header:
    """The package flattens arrays of arrays, so that one is compared by the test itself."""
    header, _ = read(path)
    metadata = {key: value for key, value in header.metadata.items() if key != nested}
    theirs = gguf.GGUFReader(path)
    del theirs.fields[nested]
    compare_metadata(Header(tensors=header.tensors, metadata=metadata), theirs)
    assert [(each.name, each.offset + theirs.data_offset) for each in header.tensors] == [
        (each.name, each.data_offset) for each in theirs.tensors
    ]
    return header


def test_a_split_model(tmp_path: Path) -> None:
    def fill(writer: "gguf.GGUFWriter") -> None:
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
        for number in range(5):
            writer.add_tensor(f"blk.{number}.weight", np.zeros((4, 34), dtype=np.uint8), raw_dtype=gguf.GGMLQuantizationType.Q8_0)

    write(tmp_path / "model.gguf", fill, split_max_tensors=2)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3
    tensors = 0
    for number, path in enumerate(files, start=1):
        header = compare(path)
        name, keys = from_path(path.name), from_keys(header.metadata)
        assert (name.stem, name.number, name.count) == ("model", number, 3)
        assert (keys.number, keys.count, keys.split_tensors) == (number, 3, 5)
        tensors += len(header.tensors)
    assert tensors == 5


def test_an_adapter(tmp_path: Path) -> None:
    def fill(writer: "gguf.GGUFWriter") -> None:
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        writer.add_tensor("blk.0.attn_q.weight.lora_a", np.zeros((8, 64), dtype=np.float16))

    assert from_keys(compare(write(tmp_path / "lora.gguf", fill)).metadata).role is Role.ADAPTER


def test_a_header_of_ten_megabytes(tmp_path: Path) -> None:
    """150,000 tokens with scores, types and merges: less than a second, few requests, and hardly more bytes than it has."""

    def fill(writer: "gguf.GGUFWriter") -> None:
        tokens = [f"{number:x}" * (1 + number % 6) for number in range(150_000)]
        writer.add_tokenizer_model("gpt2")
        writer.add_token_list(tokens)
        writer.add_token_scores([0.5] * len(tokens))
        writer.add_token_types([1] * len(tokens))
        writer.add_token_merges([f"{left} {left}" for left in tokens])
        writer.add_chat_template("{{ messages }}" * 1_000)
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_K_M)
        for number in range(700):
            raw = np.zeros((16, 144), dtype=np.uint8)
            writer.add_tensor(f"blk.{number}.ffn_down.weight", raw, raw_dtype=gguf.GGMLQuantizationType.Q4_K)

    path = write(tmp_path / "model.gguf", fill)
    with effort() as spent:
        header, ranges = read(path)
    assert spent.loops < 100
    theirs = gguf.GGUFReader(path)
    assert theirs.data_offset > 10_000_000
    assert len(ranges) <= 6
    assert sum(wanted.length for wanted in ranges) < theirs.data_offset + 1_500_000
    assert header.metadata["tokenizer.ggml.tokens"] == LongArray(items="string", length=150_000)
    compare_metadata(header, theirs)
    assert [(each.name, each.nbytes) for each in header.tensors] == [(each.name, each.n_bytes) for each in theirs.tensors]
