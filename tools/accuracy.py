"""How often memscan says what transformers holds: ``python tools/accuracy.py OUT`` compares every case of the oracle.

``OUT`` is what ``tools/oracle/truth.py`` wrote. Each folder is scanned as a user scans it, once for the declared class and once
for AutoModel's, and the bytes of parameters, of buffers and of the largest layer stand beside those that transformers held.
Writes docs/accuracy.md; needs neither torch nor transformers.
"""

import argparse
import json
import textwrap
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import memscan
from memscan.dtype import TORCH

OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "accuracy.md"
SCOPES = {"declared": "declared", "auto": "base"}
"""The oracle's words, and memscan's."""
BEGIN = "<!-- from a config alone -->"  # of the part that tools/verify_config.py writes, to the end of the document
SHOWN = 2  # reasons a type
WIDTH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One case in the hands of one class."""

    model_type: str
    case: str
    truth: str
    """The oracle's word for the class: `declared` or `auto`."""
    class_name: str
    reason: str | None
    """Why memscan does not know it; None where it says all numbers."""
    known: bool = True
    """Whether it says at least the parameters."""
    parameters: int = 0
    """Bytes that memscan says more than transformers held."""
    buffers: int = 0
    largest: int = 0
    alone: bool = False
    """Whether the largest layer is a tensor that accelerate leaves out."""

    @property
    def place(self) -> tuple[str, str]:
        """The model type and the declared class."""
        return self.model_type, self.case.partition("/")[0]

    @property
    def exact(self) -> bool:
        """Whether parameters, buffers and the largest layer are known and equal."""
        return self.reason is None and not (self.parameters or self.buffers or self.largest)

    @property
    def words(self) -> str:
        """What is wrong, for the table of types."""
        if self.reason is not None:
            return f"unknown: {self.reason}"
        parts = (("parameters", self.parameters), ("buffers", self.buffers), ("largest layer", self.largest))
        return ", ".join(f"{name} {difference:+,}" for name, difference in parts if difference)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the folder that tools/oracle/truth.py wrote")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--parallel", type=int, default=2, help="processes (2)")
    arguments = parser.parse_args()
    places = sorted(path.parent for path in arguments.out.glob("*/*/*/truth.json"))
    with ProcessPoolExecutor(arguments.parallel) as pool:
        found = [one for several in pool.map(compare, places, chunksize=50) for one in several]
    summary = json.loads((arguments.out / "summary.json").read_text())
    summary["failed"] = {
        case: why.replace(f"{arguments.out.resolve() / case}", "the folder").replace(f"{arguments.out / case}", "the folder")
        for case, why in summary["failed"].items()
    }
    versions = json.loads((places[0] / "truth.json").read_text())["versions"]
    kept = _kept(arguments.output)
    arguments.output.write_text("\n".join(document(found, summary, versions, len(places))) + f"\n{kept}", encoding="utf-8")
    print(dict(sorted(Counter(one.truth for one in found if one.exact).items())), len(found))


def _kept(path: Path) -> str:
    """The part of the document that another tool writes: what is known from a config alone."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    _, begin, rest = text.partition(BEGIN)
    return f"\n{begin}{rest}" if begin else ""


def compare(folder: Path) -> list[Comparison]:
    """What memscan says of a folder, against its truth."""
    truth = json.loads((folder / "truth.json").read_text())
    return [_one(folder, truth, name) for name in SCOPES if truth.get(name) is not None]


def _one(folder: Path, truth: Mapping[str, Any], name: str) -> Comparison:
    held, case = truth[name], f"{truth['class']}/{truth['variant']}"
    words = {"model_type": truth["model_type"], "case": case, "truth": name, "class_name": held["class"]}
    report = memscan.scan(folder, scope=SCOPES[name])
    scope = report.scopes.get(SCOPES[name])
    if scope is None:
        return Comparison(**words, reason="the architecture table has no entry for the class", known=False)
    parameters = scope.parameter_bytes - held["parameters"]["bytes"]
    if scope.unknown is not None:
        return Comparison(**words, reason=scope.unknown, known=scope.parameters_known, parameters=parameters)
    if scope.class_name != held["class"]:
        return Comparison(**words, reason=f"memscan takes it for {scope.class_name}", known=False)
    layer = report.largest_layer
    nbytes, alone = largest(held, None if layer is None else layer.name)
    return Comparison(
        **words, reason=None, parameters=parameters,
        buffers=scope.buffer_bytes - held["buffers"]["bytes"],
        largest=(0 if layer is None else layer.nbytes) - nbytes, alone=alone,
    )  # fmt: skip


def largest(held: Mapping[str, Any], name: str | None) -> tuple[int, bool]:
    """Bytes of the largest layer as accelerate has it, or of the tensor `name` where that is larger and stands alone.

    accelerate counts a boolean as one bit, where torch holds a byte. And it leaves out a tensor that stands directly in a module
    with modules below it, which memscan takes for a unit: the second of the answer says that it is one.
    """
    rule = held["largest_layer"]["rule"]
    tensors = {each[0]: (prod(each[1]), each[2]) for each in (*held["parameter_list"], *held["buffer_list"])}
    bits = max((_flags(tensors, layer) for layer in rule["names"]), default=0)
    nbytes = int(rule["bytes"] - bits / 8) + bits
    if name in tensors and name not in rule["names"]:
        elements, dtype = tensors[name]
        if (own := TORCH[dtype].packed_nbytes(elements)) > nbytes:
            return own, True
    return nbytes, False


def _flags(tensors: Mapping[str, tuple[int, str]], layer: str) -> int:
    inside = (one for name, one in tensors.items() if name == layer or name.startswith(f"{layer}."))
    return sum(elements for elements, dtype in inside if dtype == "bool")


def document(found: Sequence[Comparison], summary: Mapping[str, Any], versions: Mapping[str, str], cases: int) -> Iterator[str]:
    """The lines of docs/accuracy.md."""
    by_type: dict[str, list[Comparison]] = defaultdict(list)
    for one in found:
        by_type[one.model_type].append(one)
    wrong = {name: several for name, several in by_type.items() if not all(one.exact for one in several)}
    yield INTRODUCTION.format(versions=", ".join(f"{name} {version}" for name, version in versions.items()))
    yield from _counts(found, summary, cases, of_types=len(by_type))
    yield NOT_COVERED
    yield from _differing(wrong)
    yield "\n## Types that agree in every case\n"
    yield _wrapped(sorted(by_type.keys() - wrong.keys()))
    yield from _not_built(summary)


def _types(found: Sequence[Comparison], test: Callable[[Comparison], bool]) -> int:
    """Model types of which every comparison passes."""
    return len({one.model_type for one in found} - {one.model_type for one in found if not test(one)})


def _classes(found: Sequence[Comparison], test: Callable[[Comparison], bool]) -> int:
    """Declared classes of which every comparison passes."""
    return len({one.place for one in found} - {one.place for one in found if not test(one)})


def _counts(found: Sequence[Comparison], summary: Mapping[str, Any], cases: int, *, of_types: int) -> Iterator[str]:
    yield "\n## Counts\n"
    yield "| | |\n|---|---:|"
    yield f"| model types that transformers knows | {summary['types_known']:,} |"
    yield f"| of these with a class that a checkpoint can declare | {summary['types_with_classes']:,} |"
    yield f"| built, saved and loaded here | {of_types:,} |"
    for label, test in EXACT.items():
        yield f"| of these {label} | {_share(_types(found, test), of_types)} |"
    yield f"| declared classes known | {summary['classes_known']:,} |"
    yield f"| declared classes built | {summary['classes_built']:,} |"
    plain = [one for one in found if one.case.endswith("/plain")]
    for label, test in list(EXACT.items())[:2]:
        words = label.replace("every case and both classes", "the case `plain`, as declared and as AutoModel")
        yield f"| of these {words} | {_share(_classes(plain, test), len({one.place for one in plain}))} |"
    yield f"| cases compared | {cases:,} |"
    yield "\n| | declared class | AutoModel |\n|---|---:|---:|"
    columns = [[one for one in found if one.truth == name] for name in SCOPES]
    for label, test in ROWS.items():
        yield f"| {label} | {' | '.join(_share(sum(map(test, column)), len(column)) for column in columns)} |"


EXACT: Mapping[str, Callable[[Comparison], bool]] = {
    "exact in the parameters of every case and both classes": lambda one: one.known and not one.parameters,
    "exact in the buffers of every case and both classes": lambda one: one.reason is None and not one.buffers,
    "exact in every case, class and number": lambda one: one.exact,
}
ROWS: Mapping[str, Callable[[Comparison], bool]] = {
    "loaded by transformers": lambda _: True,
    "parameters equal to the byte": lambda one: one.known and not one.parameters,
    "buffers equal to the byte": lambda one: one.reason is None and not one.buffers,
    "largest layer equal to the byte": lambda one: one.reason is None and not one.largest,
    "of these a tensor that accelerate leaves out": lambda one: one.reason is None and not one.largest and one.alone,
    "all three equal": lambda one: one.exact,
    "said to be unknown, with the reason": lambda one: one.reason is not None,
    "**another number, and no word of it**": lambda one: one.reason is None and not one.exact,
}


def _share(count: int, total: int) -> str:
    return f"{count:,}" if count == total or not total else f"{count:,} ({100 * count / total:.2f} %)"


def _differing(wrong: Mapping[str, Sequence[Comparison]]) -> Iterator[str]:
    yield "\n## Types that do not agree in every case\n"
    yield "Differences are memscan's bytes less transformers'; the first cases of each kind are named.\n"
    yield "| type | exact | what is wrong |\n|---|---:|---|"
    for name, several in sorted(wrong.items()):
        yield f"| {name} | {sum(one.exact for one in several)} of {len(several)} | {'; '.join(_kinds(several))} |"


def _kinds(several: Sequence[Comparison]) -> Iterator[str]:
    """The first cases of what is wrong with a type, alike ones once."""
    kinds: dict[str, Comparison] = {}
    for one in several:
        if not one.exact:
            kinds.setdefault(one.words, one)
    for words, one in list(kinds.items())[:SHOWN]:
        where = one.case if one.truth == "declared" else f"{one.case} as {one.class_name}"
        yield f"{where}: {_plain(words)}"
    if len(kinds) > SHOWN:
        yield f"{len(kinds) - SHOWN} more"


def _plain(words: str) -> str:
    return textwrap.shorten(words, 170, placeholder=" ...").replace("|", "\\|").replace("*", "\\*")


def _not_built(summary: Mapping[str, Any]) -> Iterator[str]:
    failed: dict[tuple[str, str], list[str]] = defaultdict(list)
    for case, why in summary["failed"].items():
        model_type, _, rest = case.partition("/")
        failed[model_type, why].append(rest)
    yield "\n## Cases that transformers could not build, save or load\n"
    yield "Each with its own word for it; nothing is compared here.\n"
    yield "| type | cases | reason |\n|---|---|---|"
    for (model_type, why), several in sorted(failed.items()):
        rest = f" and {len(several) - SHOWN} more" if len(several) > SHOWN else ""
        yield f"| {model_type} | {', '.join(sorted(several)[:SHOWN])}{rest} | {_plain(why)} |"
    if summary["not_importable"]:
        yield "\nNot importable without further packages:\n"
        yield "| module or class | reason |\n|---|---|"
        for name, why in sorted(summary["not_importable"].items()):
            yield f"| {name.removeprefix('transformers.models.')} | {_plain(why)} |"
    yield "\nModel types without a class of their own (configs inside other models):\n"
    yield _wrapped(summary["types_without_a_class"])


def _wrapped(names: Sequence[str]) -> str:
    return textwrap.fill(", ".join(names), WIDTH, break_long_words=False, break_on_hyphens=False) if names else "None."


INTRODUCTION = """# Accuracy

Made by `make oracle` (tools/oracle/truth.py and tools/accuracy.py), not edited by hand. What a model takes while it works has a
document of its own, [accuracy-running.md](accuracy-running.md), which the same command makes; what it is from its
config alone, class by class, is in [accuracy-config.md](accuracy-config.md). Compared with {versions}.

For every model type of transformers, and every class that a checkpoint of it can declare in `architectures`, a small model with
random weights is built, saved with `save_pretrained`, and loaded again with `from_pretrained`: as the declared class, and as
`AutoModel` does. What is then held, by `named_parameters()` and `named_buffers()` with each tensor counted once, is the truth.
memscan reads the same folder, header and `config.json` alone. The largest layer is that of accelerate's `get_max_layer_size`,
where numbered blocks of a class in `_no_split_modules` stay whole; with a byte for a boolean, as torch holds it, and with the
tensors that stand directly in a module with modules below it, which accelerate leaves out and memscan takes for units.

Each class has the cases `plain` (float32) and `flipped` (bfloat16, with some switches of the config turned); the first class of a
type has also `twice` (tied tensors stored under every name) and `fused` (saved under transformers' own names where published
checkpoints have others), where these differ; `from-X` was saved by the class X."""

NOT_COVERED = """
## What this does not show

- The models are small. A field that the small config leaves at its default, and a rule that depends on a size in a way that no
  small config shows, are not tried; real sizes are compared in tests/oracle/test_architectures.py and in fixtures/README.md.
- Only what the release of transformers named above writes and loads: names of older releases are tried where that release itself
  has a rename for them, and classes of remote code (`auto_map`) not at all.
- Only safetensors, all parameters of a file in float32 or all in bfloat16. float16, where some modules stay in float32, and
  quantized checkpoints are compared elsewhere (tests/estimate, tests/packing, tests/quantizers).
- timm, diffusers and GGUF have no entry in the architecture table, and no row here.
- What is held after loading, not what a forward pass needs: no activations, no cache."""


if __name__ == "__main__":
    main()
