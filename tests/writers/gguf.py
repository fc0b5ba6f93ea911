"""GGUF files, written from the specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

UINT8, INT8, UINT16, INT16, UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY, UINT64, INT64, FLOAT64 = range(13)
PACKED = {
    UINT8: "B", INT8: "b", UINT16: "H", INT16: "h", UINT32: "I", INT32: "i",
    FLOAT32: "f", BOOL: "?", UINT64: "Q", INT64: "q", FLOAT64: "d",
}  # fmt: skip


@dataclass(frozen=True)
class Array:
    """An array value of `items`, each of the value type `kind`."""

    kind: int
    items: Sequence[object]


@dataclass(frozen=True)
class Tensor:
    """A table entry: `ne` counts the innermost dimension first; `offset` None puts it behind the tensor before it."""

    name: str
    ne: tuple[int, ...]
    kind: int
    nbytes: int
    offset: int | None = None


@dataclass(frozen=True)
class Writer:
    """Writes in the byte order `order` (`<` or `>`) and `version`."""

    order: str = "<"
    version: int = 3

    def pack(self, spelling: str, *values: object) -> bytes:
        return struct.pack(self.order + spelling, *values)

    def count(self, value: int) -> bytes:
        return self.pack("I" if self.version == 1 else "Q", value)

    def string(self, text: str | bytes) -> bytes:
        raw = text.encode() if isinstance(text, str) else text
        return self.count(len(raw)) + raw

    def value(self, kind: int, value: Any) -> bytes:
        if kind == STRING:
            return self.string(value)
        if kind == ARRAY:
            return (
                self.pack("I", value.kind)
                + self.count(len(value.items))
                + b"".join(self.value(value.kind, i) for i in value.items)
            )
        return self.pack(PACKED[kind], value)

    def key(self, key: str | bytes, kind: int, value: Any) -> bytes:
        return self.string(key) + self.pack("I", kind) + self.value(kind, value)

    def entry(self, tensor: Tensor, offset: int) -> bytes:
        extents = b"".join(self.count(extent) for extent in tensor.ne)
        return self.string(tensor.name) + self.pack("I", len(tensor.ne)) + extents + self.pack("IQ", tensor.kind, offset)

    def preamble(self, tensors: int, keys: int) -> bytes:
        return b"GGUF" + self.pack("I", self.version) + self.count(tensors) + self.count(keys)

    def file(
        self, metadata: Sequence[tuple[str | bytes, int, object]] = (), tensors: Sequence[Tensor] = (), *,
        alignment: int = 32, padded: bool = True, data: bool = True,
    ) -> bytes:  # fmt: skip
        """A whole file; the tensors' bytes are zeros."""
        entries, end = [], 0
        for tensor in tensors:
            offset = tensor.offset if tensor.offset is not None else -(-end // alignment) * alignment
            entries.append(self.entry(tensor, offset))
            end = max(end, offset + tensor.nbytes)
        head = self.preamble(len(tensors), len(metadata)) + b"".join(self.key(*item) for item in metadata) + b"".join(entries)
        if not tensors:
            return head
        head += bytes(-len(head) % alignment)
        return head + bytes((-(-end // alignment) * alignment if padded else end) if data else 0)
