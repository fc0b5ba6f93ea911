"""What the name and the keys of a GGUF file say: which part of a model it is, in which quantization, as which of how many.

Names: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#gguf-naming-convention, and what the converters and the
uploaders of the Hub write. A name is a hint, with which files are put in rows before any is read; the keys decide.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

SUFFIX = ".gguf"
SPLIT = re.compile(r"(?P<stem>.*)-(?P<number>\d{5,6})-of-(?P<count>\d{5,6})")  # SHARD_NAME_FORMAT of the gguf package
# Q4_K_M, IQ4_XS, TQ1_0, Q8_0, Q4_0_4_4, and ik_llama.cpp's IQ4_KSS and Q4_K_R4; UD- is a mix of its own beside the plain one.
PACKED_LABEL = re.compile(
    r"(?<![a-z0-9])(?:ud-)?(?:(?:i?q|tq)[1-9](?:_(?:[0-9]|k[a-z]{0,2}|xxs|xs|s|m|l|xl|nl|r[0-9]{1,2}))+|mxfp4(?:_moe)?|nvfp4)(?![a-z0-9])",
    re.IGNORECASE,
)
PLAIN_LABEL = re.compile(r"(?<![a-z0-9])(?:ud-)?(?:bf16|fp?16|fp?32|f64)(?![a-z0-9])", re.IGNORECASE)
SPELLINGS = {"FP16": "F16", "FP32": "F32"}
PROJECTOR_NAME = re.compile(r"(?<![a-z0-9])mmproj(?![a-z0-9])", re.IGNORECASE)
IMATRIX_NAME = re.compile(r"(?<![a-z0-9])imatrix(?![a-z0-9])", re.IGNORECASE)
ADAPTER_NAME = re.compile(r"(?<![a-z0-9])lora(?:[-_.]adapter)?[-_.]*$", re.IGNORECASE)
VOCABULARY_NAME = re.compile(r"[-_.]vocab$", re.IGNORECASE)
GUESSED = 1024  # LLAMA_FTYPE_GUESSED, a flag: the file did not say, its reader guessed

FILE_TYPES: Mapping[int, str] = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M",
    30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE", 39: "NVFP4", 40: "Q1_0", 41: "Q2_0",
}  # fmt: skip
"""`general.file_type`: `enum llama_ftype` of llama.cpp's llama.h, without the retired numbers (4 to 6, 33 to 35)."""


class Role(StrEnum):
    """Which part of a model a file is."""

    MODEL = "model"
    PROJECTOR = "mmproj"
    """The encoder and projector of images or sound, loaded beside a model."""
    ADAPTER = "adapter"
    """A LoRA, or a control vector."""
    IMATRIX = "imatrix"
    """Statistics by which a model was quantized; nothing loads it."""
    VOCABULARY = "vocab"
    """A tokenizer without weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufName:
    """What the path of one file says."""

    path: str
    stem: str
    """The path without its ending and without the numbers of a split: the same for all files of one split."""
    role: Role
    label: str | None
    """The quantization, in capitals (`Q4_K_M`, `UD-Q4_K_XL`, `BF16`); None where the path names none."""
    number: int = 1
    """Which file of a split, from 1."""
    count: int = 1
    """How many files the split has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufSet:
    """The files that are loaded as one."""

    stem: str
    role: Role
    label: str | None
    files: tuple[str, ...]
    """In the order of their numbers."""
    count: int
    """How many there should be."""

    @property
    def complete(self) -> bool:
        """Whether all files of the split are there."""
        return len(self.files) == self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufKeys:
    """What the metadata of one file says."""

    role: Role
    architecture: str | None
    label: str | None
    """The quantization that most tensors have; None where the file does not say, or in a word of its own."""
    number: int = 1
    """Which file of a split, from 1 (`split.no` counts from 0)."""
    count: int = 1
    split_tensors: int | None = None
    """How many tensors all files of the split have together."""


def from_path(path: str) -> GgufName:
    """What `path` says, which ends in `.gguf`."""
    stem = path[: -len(SUFFIX)] if path.lower().endswith(SUFFIX) else path
    split = SPLIT.fullmatch(stem)
    number, count = (int(split["number"]), int(split["count"])) if split is not None else (1, 1)
    if split is None or not 1 <= number <= count:
        number = count = 1
    else:
        stem = split["stem"]
    label = _label(stem)
    return GgufName(path=path, stem=stem, role=_role(posixpath.basename(stem)), label=label, number=number, count=count)


def sets(paths: Iterable[str]) -> tuple[GgufSet, ...]:
    """The sets of files among `paths`, in order of name: a row each."""
    groups: dict[tuple[str, int], list[GgufName]] = {}
    for path in sorted(paths):
        if path.lower().endswith(SUFFIX):
            name = from_path(path)
            groups.setdefault((name.stem, name.count), []).append(name)
    return tuple(_set(names) for names in groups.values())


def from_keys(metadata: Mapping[str, object]) -> GgufKeys:
    """What the metadata of a header says; what has another type than it should is as if it were absent."""
    architecture = _text(metadata, "general.architecture")
    file_type = _integer(metadata, "general.file_type")
    count, number = _integer(metadata, "split.count") or 1, _integer(metadata, "split.no") or 0
    is_split = 0 <= number < count
    return GgufKeys(
        role=_declared_role(_text(metadata, "general.type"), architecture, metadata),
        architecture=architecture,
        label=None if file_type is None else FILE_TYPES.get(file_type & ~GUESSED),
        number=number + 1 if is_split else 1,
        count=count if is_split else 1,
        split_tensors=_integer(metadata, "split.tensors.count"),
    )


def _set(names: list[GgufName]) -> GgufSet:
    first = names[0]
    ordered = sorted(names, key=lambda name: name.number)
    files = tuple(name.path for name in ordered)
    return GgufSet(stem=first.stem, role=first.role, label=first.label, files=files, count=first.count)


def _label(stem: str) -> str | None:
    """The last label of the file's name, else of the folder nearest to it: `Q4_K_M/model-00001-of-00002.gguf`."""
    for part in reversed(stem.split("/")):
        # A model that was F16 before it was Q4_K_M may name both.
        found = [*PACKED_LABEL.finditer(part)] or [*PLAIN_LABEL.finditer(part)]
        if found:
            label = found[-1].group().upper()
            return SPELLINGS.get(label, label)
    return None


def _role(name: str) -> Role:
    if PROJECTOR_NAME.search(name):
        return Role.PROJECTOR
    bare = PLAIN_LABEL.sub("", PACKED_LABEL.sub("", name))
    # Uploaders also write imatrix beside the quantization that was made with one.
    if IMATRIX_NAME.search(name) and bare == name:
        return Role.IMATRIX
    if ADAPTER_NAME.search(bare):
        return Role.ADAPTER
    return Role.VOCABULARY if VOCABULARY_NAME.search(bare) else Role.MODEL


def _declared_role(declared: str | None, architecture: str | None, metadata: Mapping[str, object]) -> Role:
    """`general.type` of the gguf package's `GGUFType`; files from before it are known by their architecture or their keys."""
    if declared in ("mmproj", "projector", "clip-vision") or architecture == "clip":
        return Role.PROJECTOR
    if declared in ("adapter", "controlvector") or architecture == "controlvector" or "adapter.type" in metadata:
        return Role.ADAPTER
    return Role.IMATRIX if declared == "imatrix" else Role.MODEL


def _text(metadata: Mapping[str, object], key: str) -> str | None:
    value = metadata.get(key)
    return value if isinstance(value, str) else None


def _integer(metadata: Mapping[str, object], key: str) -> int | None:
    value = metadata.get(key)
    return value if type(value) is int else None
