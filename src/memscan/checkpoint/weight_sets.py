"""Weight sets: every group of files in a listing that is one copy of some weights, whatever its format.

Names: `WEIGHTS_NAME`, `SAFE_WEIGHTS_NAME` and their index names in transformers' and diffusers' `utils`, `_add_variant`
(`model.fp16.safetensors`, `model.safetensors.index.fp16.json`), Mistral's `consolidated*`, the `original/` and `metal/` folders
of Llama and gpt-oss, llama.cpp's `-00001-of-00003.gguf` splits, ONNX's external data, OpenVINO's pairs, Core ML's packages.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from memscan.formats import gguf_names

SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "safetensors": (".safetensors",),
    "torch": (".bin", ".pt", ".pth", ".ckpt", ".pth.tar", ".pt.tar", ".jit"),
    "gguf": (".gguf",),
    "onnx": (".onnx",),
    "openvino": (".xml",),
    "tensorflow": (".h5", ".tflite", ".pb"),
    "keras": (".keras",),
    "flax": (".msgpack",),
    "nemo": (".nemo",),
    "rust": (".ot",),
    "coreml": (".mlmodel",),
    "paddle": (".pdparams", ".pdiparams"),
    "numpy": (".npz",),
    "pickle": (".pkl", ".joblib", ".skops"),
    "spacy": (),
    "ggml": (),
    "metal": (),
}
"""Formats by file name ending, in the order in which a loader prefers them; those without one are known by their place."""

ENDINGS = sorted(((kind, suffix) for kind, all_of in SUFFIXES.items() for suffix in all_of), key=lambda one: -len(one[1]))

READ = ("safetensors", "torch", "gguf")
"""The formats whose headers memscan reads; the others are named, and sized by their files."""

# Stems that loaders look for, in their order; only these are known to be followed by a variant (sd_xl_base_1.0 has none).
STEMS = (
    "model",
    "pytorch_model",
    "diffusion_pytorch_model",
    "open_clip_model",
    "open_clip_pytorch_model",
    "consolidated",
    "adapter_model",
    "tf_model",
    "flax_model",
    "rust_model",
)
# Files beside the weights that hold none of them (transformers.Trainer, accelerate, DeepSpeed, Lightning).
TRAINING_STATE = re.compile(
    r"training_args\.bin|(?:scaler|scheduler|optimizer|optim|sampler|dl_state_dict)(?:[-_.]\w+)*\.(?:pt|pth|bin)"
    r"|rng_state.*\.pth|random_states_.*|.*_optim_states\.pt"
)
NAME = re.compile(
    r"(?P<stem>" + "|".join(STEMS) + r")"
    r"(?:\.(?P<variant>[A-Za-z]\w*))?"
    r"(?:[-_.](?P<number>\d{1,9})-of-(?P<count>\d{1,9}))?"
    r"(?:\.(?P<late>[A-Za-z]\w*))?"
)
SPLIT = re.compile(r"(?P<stem>.+?)[-_](?P<number>\d{1,9})-of-(?P<count>\d{1,9})")
# The parts of a tensor-parallel checkpoint of Llama: each holds a slice of every tensor.
SLICE = re.compile(r"(?P<stem>consolidated)\.(?P<number>\d{2})")
INDEX = re.compile(r"(?P<file>.+\.(?:safetensors|bin|h5|msgpack))\.index(?:\.(?P<variant>[\w-]+))?\.json")
SPLIT_GGUF = re.compile(r"-\d{5,6}-of-\d{5,6}\.gguf")
NUMBER = re.compile(r"([-_.])\d{1,9}(?=-of-\d{1,9}|\.\w+$)")

EXTERNAL_DATA = re.compile(r"(?P<stem>.+)\.onnx[_.]data(?:_\d+)?")
PACKAGE = re.compile(r"(?P<folder>(?:.*/)?)(?P<stem>[^/]+)\.ml(?:package|modelc)/.+")
TENSORFLOW_DATA = re.compile(r"(?P<stem>.+)\.data-(?P<number>\d{5})-of-(?P<count>\d{5})")  # TF's Saver, and variables/
OLD_GGML = re.compile(r"(?:for-tests-)?ggml[-_.].*\.bin")  # whisper.cpp, and llama.cpp before GGUF


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSet:
    """One copy of some weights."""

    format: str
    folder: str
    """Empty for the top folder, else with its slash."""
    stem: str
    """The common part of the files' names: `model`, `consolidated`, `llama-3-8b.Q4_K_M`."""
    variant: str | None
    """`fp16` of `model.fp16.safetensors`."""
    index: str | None
    """The path of the shard index, where there is one."""
    files: tuple[str, ...]
    """Paths of the weight files; with an index, those that are named like its shards."""
    is_split: bool
    """Whether the files are numbered parts of one checkpoint."""
    is_sliced: bool
    """Whether each file holds a slice of every tensor."""
    complete: bool
    """Whether all the shards that the names count are there; an index is asked for its own."""
    nbytes: int
    """The sum of the files' sizes, headers included."""

    @property
    def name(self) -> str:
        """How people call it: the index, the file, or the pattern of the shards."""
        if self.index is not None:
            return self.index
        if not self.is_split or len(self.files) == 1:
            return self.files[0]
        folder, name = posixpath.split(self.files[0])
        return posixpath.join(folder, NUMBER.sub(r"\1*", name, count=1))


def find_weight_sets(files: Mapping[str, int]) -> tuple[WeightSet, ...]:
    """Every weight set in `files` (path to size): the top folder first, preferred formats and stems before others."""
    groups: dict[_Key, list[tuple[str, _Part | None]]] = {}
    indexes: dict[_Key, str] = {}
    for path in sorted(files):
        if (match := INDEX.fullmatch(path)) is not None:
            if (found := _placed(match["file"], files, match["variant"])) is not None:
                indexes[found[0]] = path
                groups.setdefault(found[0], [])
        elif (found := _placed(path, files)) is not None:
            groups.setdefault(found[0], []).append((path, found[1]))
    sets = (one for key, members in groups.items() for one in _sets(key, members, indexes.get(key), files))
    return tuple(sorted(sets, key=_order))


def is_training_state(path: str) -> bool:
    """Whether the file at `path` is named as the state of a training run beside the weights."""
    return TRAINING_STATE.fullmatch(posixpath.basename(path)) is not None


@dataclass(frozen=True, slots=True)
class _Key:
    """What the files of one set share."""

    folder: str
    format: str
    stem: str
    suffix: str
    """Parts of one set end alike; those of a format whose files have different endings have the main one here."""
    variant: str | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """Which part of its set a file is."""

    number: int
    count: int
    """As the name states it; 0 where it states none (`consolidated.00.pth`)."""


_Place = tuple[_Key, _Part | None]


def _placed(path: str, files: Mapping[str, int], variant: str | None = None) -> _Place | None:
    """The set that the file at `path` belongs to, and which part of it the name says it is (None: the whole)."""
    folder, name = posixpath.split(path)
    folder += "/" if folder else ""
    if (special := _special(path, folder, name, files)) is not None:
        return special
    kind, suffix = next(((kind, suffix) for kind, suffix in ENDINGS if name.endswith(suffix)), ("openvino", ""))
    if kind == "openvino" or TRAINING_STATE.fullmatch(name):  # an .xml without its .bin holds no weights
        return None
    if kind == "gguf":
        return _gguf(path, folder)
    bare = name.removesuffix(suffix)
    if (slices := SLICE.fullmatch(bare)) is not None:
        return _Key(folder, kind, slices["stem"], suffix, variant), _Part(int(slices["number"]), 0)
    known = NAME.fullmatch(bare)
    split = known or SPLIT.fullmatch(bare)
    if split is None:
        return _Key(folder, kind, bare, suffix, variant), None
    if known is not None:
        variant = variant or known["variant"] or known["late"]
    part = _Part(int(split["number"]), int(split["count"])) if split["count"] else None
    return _Key(folder, kind, split["stem"], suffix, variant), part


def _special(path: str, folder: str, name: str, files: Mapping[str, int]) -> _Place | None:
    """The set of a file whose ending alone does not say its format."""
    stem, _, ending = name.rpartition(".")
    parent = posixpath.dirname(folder.rstrip("/"))
    key = None
    if (package := PACKAGE.fullmatch(path)) is not None and ending in ("bin", "mlmodel"):
        key = _Key(package["folder"], "coreml", package["stem"], "")
    elif (data := EXTERNAL_DATA.fullmatch(name)) is not None:
        key = _Key(folder, "onnx", data["stem"], ".onnx")
    elif (data := TENSORFLOW_DATA.fullmatch(name)) is not None:  # its parts are counted from 0
        return _Key(folder, "tensorflow", data["stem"], ".data"), _Part(int(data["number"]) + 1, int(data["count"]))
    elif (ending == "bin" and (f"{folder}{stem}.xml" in files or name.startswith("openvino_"))) or (
        ending == "xml" and f"{folder}{stem}.bin" in files
    ):
        key = _Key(folder, "openvino", stem, "")
    elif OLD_GGML.fullmatch(name):
        key = _Key(folder, "ggml", stem, ".bin")
    elif name == "model.bin" and posixpath.basename(folder.rstrip("/")) == "metal":
        key = _Key(folder, "metal", stem, ".bin")
    elif name in ("model", "vectors") and folder and posixpath.join(parent, "config.cfg") in files:
        key = _Key(folder, "spacy", name, "")
    return None if key is None else (key, None)


def _gguf(path: str, folder: str) -> _Place:
    found = gguf_names.from_path(path)
    part = _Part(found.number, found.count) if SPLIT_GGUF.search(path) else None
    return _Key(folder, "gguf", posixpath.basename(found.stem), ".gguf"), part


TOGETHER = frozenset({"onnx", "openvino", "coreml"})  # formats whose files of one stem are one model


def _sets(key: _Key, members: list[tuple[str, _Part | None]], index: str | None, files: Mapping[str, int]) -> Iterator[WeightSet]:
    """The sets of one key: a whole file and parts of the same stem are two copies."""
    by_count: dict[int, list[tuple[int, str]]] = {}
    for path, part in members:
        if part is not None:
            by_count.setdefault(part.count, []).append((part.number, path))
    if index is not None:
        paths = tuple(path for _, path in sorted(part for parts in by_count.values() for part in parts))
        yield _made(key, paths, index, count=len(paths) or 1, complete=True, files=files)
        by_count = {}
    for count, parts in sorted(by_count.items()):
        numbers = sorted(number for number, _ in parts)
        # Most writers count from 1, some from 0; without a stated count the numbers at least have no gap.
        whole = numbers in (list(range(1, len(numbers) + 1)), list(range(len(numbers)))) and count in (0, len(numbers))
        yield _made(key, tuple(path for _, path in sorted(parts)), None, count=count, complete=whole, files=files)
    singles = tuple(path for path, part in members if part is None)
    if key.format in TOGETHER and singles:
        yield _made(key, singles, None, count=None, complete=True, files=files)
        return
    for path in singles:
        yield _made(key, (path,), None, count=None, complete=True, files=files)


def _made(
    key: _Key, paths: tuple[str, ...], index: str | None, *, count: int | None, complete: bool, files: Mapping[str, int]
) -> WeightSet:
    """A set of `paths`, which their names count as `count` (0: numbered and not counted, None: one whole file)."""
    return WeightSet(
        format=key.format, folder=key.folder, stem=key.stem, variant=key.variant, index=index, files=paths,
        is_split=count is not None, is_sliced=count == 0, complete=complete, nbytes=sum(files[path] for path in paths),
    )  # fmt: skip


def _order(found: WeightSet) -> tuple[object, ...]:
    stem = STEMS.index(found.stem) if found.stem in STEMS else len(STEMS)
    kind = list(SUFFIXES).index(found.format)
    return found.folder.count("/"), found.folder, kind, found.variant or "", stem, found.index is None, found.is_split, found.name
