"""Torch files by hand: pickles opcode by opcode, the archives around them, and files too large to be held.

Written from https://github.com/python/cpython/blob/main/Lib/pickletools.py, from `_save` and `_legacy_save` in
https://github.com/pytorch/pytorch/blob/main/torch/serialization.py and from the ZIP specification; never with memscan's reader.
"""

import io
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

STORAGES = {
    "float64": ("DoubleStorage", 8), "float32": ("FloatStorage", 4), "float16": ("HalfStorage", 2),
    "bfloat16": ("BFloat16Storage", 2), "int64": ("LongStorage", 8), "uint8": ("ByteStorage", 1), "bool": ("BoolStorage", 1),
}  # fmt: skip
LEGACY_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
LEGACY_VERSION = b"\x80\x02M\xe9\x03."


@dataclass(frozen=True)
class Name:
    """A global."""

    module: str
    name: str


@dataclass(frozen=True)
class Make:
    """A global that is called, and the state that its result is given."""

    function: Name
    arguments: object = ()
    state: object = None


@dataclass(frozen=True)
class Persistent:
    """A persistent id."""

    key: object


@dataclass(frozen=True)
class Raw:
    """Opcodes as they are."""

    opcodes: bytes


ORDERED = Name("collections", "OrderedDict")


def dumps(value: object, protocol: int = 2) -> bytes:
    """A pickle of `value`."""
    start = b"" if protocol < 2 else bytes([0x80, protocol])
    return start + b"".join(_opcodes(value, protocol)) + b"."


def _opcodes(value: object, protocol: int) -> Iterator[bytes]:
    match value:
        case Raw(opcodes):
            yield opcodes
        case None | True | False:
            yield {None: b"N", True: b"\x88", False: b"\x89"}[value]
        case int():
            yield _integer(value, protocol)
        case float():
            yield b"G" + struct.pack(">d", value)
        case str():
            yield _text(value, protocol)
        case bytes():
            yield b"B" + struct.pack("<I", len(value)) + value
        case Name(module, name) if protocol >= 4:
            yield _text(module, protocol) + _text(name, protocol) + b"\x93"
        case Name(module, name):
            yield f"c{module}\n{name}\n".encode()
        case Make(function, arguments, state):
            yield from _opcodes(function, protocol)
            yield from _opcodes(arguments, protocol)
            yield b"R"
            if state is not None:
                yield from _opcodes(state, protocol)
                yield b"b"
        case Persistent(key):
            yield from _opcodes(key, protocol)
            yield b"Q"
        case _:
            yield from _container(value, protocol)


def _container(value: object, protocol: int) -> Iterator[bytes]:
    match value:
        case tuple():
            yield b"("
            for item in value:
                yield from _opcodes(item, protocol)
            yield b"t"
        case list():
            yield b"]("
            for item in value:
                yield from _opcodes(item, protocol)
            yield b"e"
        case dict():
            yield b"}("
            for key, item in value.items():
                yield from _opcodes(key, protocol)
                yield from _opcodes(item, protocol)
            yield b"u"
        case _:
            raise TypeError(value)


def _integer(value: int, protocol: int) -> bytes:
    if protocol < 2:
        return f"L{value}L\n".encode()
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def _text(value: str, protocol: int) -> bytes:
    raw = value.encode("utf-8", "surrogatepass")
    if protocol < 1:
        return b"V" + value.encode("raw-unicode-escape") + b"\n"
    if protocol >= 4 and len(raw) < 256:
        return b"\x8c" + bytes([len(raw)]) + raw
    return b"X" + struct.pack("<I", len(raw)) + raw


def storage(key: str, dtype: str, count: int) -> Persistent:
    """The persistent id of a storage."""
    return Persistent(("storage", Name("torch", STORAGES[dtype][0]), key, "cpu", count))


def tensor(
    key: str, shape: Sequence[int], dtype: str = "float32", *, offset: int = 0, stride: Sequence[int] | None = None,
    count: int | None = None,
) -> Make:  # fmt: skip
    """A tensor of its own storage, or of one that another tensor has too."""
    if stride is None:
        stride = _contiguous(shape)
    of = storage(key, dtype, _product(shape) if count is None else count)
    return Make(Name("torch._utils", "_rebuild_tensor_v2"), (of, offset, tuple(shape), tuple(stride), False, Make(ORDERED)))


def ordered(items: Mapping[str, object]) -> Make:
    """A state dict as torch saves it: an OrderedDict with `_metadata` beside its items."""
    pairs = [[key, value] for key, value in items.items()]
    return Make(ORDERED, (pairs,), {"_metadata": Make(ORDERED)})


def _contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(_product(shape[place + 1 :]) for place in range(len(shape)))


def _product(shape: Sequence[int]) -> int:
    count = 1
    for length in shape:
        count *= length
    return count


def archive(pickle: bytes, storages: Mapping[str, int], *, root: str = "archive", streamed: bool = True) -> bytes:
    """What torch.save writes: the pickle first, stored, its sizes in a descriptor behind it where `streamed`."""
    raw = _Unseekable() if streamed else io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as file:
        file.writestr(f"{root}/data.pkl", pickle)
        file.writestr(f"{root}/.format_version", "1")
        for key, nbytes in storages.items():
            file.writestr(f"{root}/data/{key}", bytes(nbytes))
        file.writestr(f"{root}/version", "3\n")
    return raw.getvalue()


def script(pickle: bytes, storages: Mapping[str, int], *, root: str = "net", constants: int = 0) -> bytes:
    """What torch.jit.save writes: the storages first, code behind the pickle; `constants` are the elements of one."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as file:
        for key, nbytes in storages.items():
            file.writestr(f"{root}/data/{key}", bytes(nbytes))
        file.writestr(f"{root}/data.pkl", pickle)
        file.writestr(f"{root}/code/__torch__/net.py", "class Net(Module):\n  pass\n")
        if constants:
            file.writestr(f"{root}/constants/0", bytes(4 * constants))
        file.writestr(f"{root}/constants.pkl", dumps((tensor("0", (constants,)),) if constants else ()))
        file.writestr(f"{root}/version", "3\n")
    return raw.getvalue()


class _Unseekable(io.BytesIO):
    """Makes zipfile write as torch does: no sizes in front of an entry."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation


def legacy(pickle: bytes, storages: Mapping[str, tuple[str, int]]) -> bytes:
    """What torch wrote before zip; `storages` are dtype and count by key."""
    info = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    keys = sorted(storages)
    data = b"".join(struct.pack("<q", storages[key][1]) + bytes(storages[key][1] * STORAGES[storages[key][0]][1]) for key in keys)
    return LEGACY_MAGIC + LEGACY_VERSION + dumps(info) + pickle + dumps(keys) + data


@dataclass(frozen=True)
class Sparse:
    """A file that is mostly zeros: parts at their places, and a size."""

    parts: tuple[tuple[int, bytes], ...]
    size: int

    def read(self, start: int, stop: int) -> bytes:
        """The bytes of a range."""
        out = bytearray(stop - start)
        for place, part in self.parts:
            first, last = max(place, start), min(place + len(part), stop)
            if first < last:
                out[first - start : last - start] = part[first - place : last - place]
        return bytes(out)


def wide_script(pickle: bytes, storages: Mapping[str, int], root: str = "net") -> Sparse:
    """A TorchScript archive with storages of any size, its directory with 64-bit fields throughout."""
    parts: list[tuple[int, bytes]] = []
    directory, at = b"", 0
    bodies = [(f"{root}/data/{key}", nbytes, b"") for key, nbytes in storages.items()]
    for name, nbytes, body in [*bodies, (f"{root}/data.pkl", len(pickle), pickle), (f"{root}/code/a.py", 1, b"#")]:
        raw = name.encode()
        local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 45, 0, 0, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, len(raw), 20)
        parts.append((at, local + raw + struct.pack("<HHQQ", 1, 16, nbytes, nbytes) + body))
        fields = (b"PK\x01\x02", 45, 45, 0, 0, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, len(raw), 28, 0, 0, 0, 0, 0xFFFFFFFF)
        directory += struct.pack("<4sHHHHHHIIIHHHHHII", *fields) + raw + struct.pack("<HHQQQ", 1, 24, nbytes, nbytes, at)
        at += len(local) + len(raw) + 20 + nbytes
    count = len(parts)
    end = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(directory), at)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, at + len(directory), 1)
    last = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    tail = directory + end + locator + last
    return Sparse((*parts, (at, tail)), at + len(tail))
