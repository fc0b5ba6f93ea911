"""A saved report as one side of a comparison: what `memscan TARGET --json` or `memscan layers TARGET --json` wrote.

The first holds sums (bytes, parameters, dtypes, the largest layer), the second a module tree; tensors are in neither, and a
comparison with one of them says so. The file may be a stranger's: whatever is not as docs/json.md says is a FormatError.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from memscan.compare.side import Held, Level, Side, as_tensor
from memscan.document import Document, shown
from memscan.errors import FormatError, UsageError
from memscan.estimate import Layer
from memscan.model import CHECKPOINT, SCOPES, Origin
from memscan.note import Note
from memscan.tensor import TensorInfo

SCHEMA = 1  # memscan.report.json.SCHEMA; a test holds the two together
MAX_COUNT = 2**63  # of bytes and of elements
MAX_DEPTH = 64  # levels of a module tree; as `memscan layers --depth` allows


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A saved report of one model."""

    path: str
    """The file that it was read from."""
    report: Document

    @classmethod
    def parse(cls, raw: bytes, path: str) -> "Saved | None":
        """The report in the file `path`, or None where it is another JSON: the index of a checkpoint.

        FormatError where it is no JSON object or of another schema, UsageError where it is of no model or of several.
        """
        document = Document.parse(raw, path, strict=False)
        if "memscan" not in document.values or "schema" not in document.values:
            return None
        version = document.integer("schema")
        if version != SCHEMA:
            raise FormatError(f"{path} is of schema {version}, which this memscan does not read; it reads schema {SCHEMA}")
        reports = document.values.get("reports")
        one = document.children("reports")[0] if isinstance(reports, list) and len(reports) == 1 else document
        if not ("modules" in one.values or ("checkpoint" in one.values and "scopes" in one.values)):
            raise UsageError(
                f"{path} holds no report of one model; expected what memscan writes with --json of one TARGET, or of its layers"
            )
        return cls(path=path, report=one)

    @property
    def own_scope(self) -> str | None:
        """The one scope that a module tree is of; None for a report, which holds all that were known."""
        return _scope_name(self.report) if "modules" in self.report.values else None

    def check_scope(self, scope: str) -> None:
        """UsageError for a module tree of another scope."""
        own = self.own_scope
        if own is not None and own != scope:
            raise UsageError(
                f"{self.path} is a module tree of the scope {own}, and {scope} is to be compared; save one of {scope}"
            )

    def knows(self, scope: str) -> bool:
        """Whether it says how much is in `scope`."""
        if self.own_scope is not None:
            return self.own_scope == scope
        scopes = self.report.child("scopes")
        found = None if scopes is None else scopes.child(scope)
        return found is not None and found.integer("bytes") is not None

    def side(self, scope: str) -> Side:
        """The side that it is in `scope`, which it knows; UsageError for a module tree of another."""
        self.check_scope(scope)
        return (_of_totals if self.own_scope is None else _of_modules)(self.report, self.path, scope)


def _of_totals(report: Document, path: str, scope: str) -> Side:
    checkpoint, target = _child(report, "checkpoint"), _child(report, "target")
    chosen = _child(_child(report, "scopes"), scope)
    whole = scope == CHECKPOINT
    stored = dict(_dtypes(checkpoint)) if whole else {}
    estimates = report.children("estimates")
    return Side(
        origin=_origin(target, path), saved=path, scope=scope, class_name=chosen.text("class"), level=Level.TOTALS, tensors=(),
        count=_count(checkpoint, "tensors") if whole else None, nbytes=_count(chosen, "bytes"),
        parameters=_optional(chosen, "parameters"), dtypes=stored, stored=stored,
        largest_layer=_layer(report) if _scope_name(report) == scope else None, quantization=target.text("quantization"),
        is_measured=whole and all(one.text("basis") != "derived" for one in estimates if one.values.get("stored") is True),
        notes=tuple(_notes(report)),
    )  # fmt: skip


def _of_modules(report: Document, path: str, scope: str) -> Side:
    modules = report.children("modules")
    target = _child(report, "target")
    top = [one for one in modules if one.integer("level") == 1]
    parameters = [_optional(one, "parameters") for one in top]
    levels = [_count(one, "level") for one in modules]
    return Side(
        origin=_origin(target, path), saved=path, scope=scope, class_name=None, level=Level.MODULES,
        tensors=tuple(_own(modules)), count=None, nbytes=sum(_count(one, "bytes") for one in top),
        parameters=None if None in parameters else sum(one or 0 for one in parameters), dtypes={}, largest_layer=None,
        quantization=target.text("quantization"), is_measured=scope == CHECKPOINT,
        depth=min(max(levels, default=1), MAX_DEPTH), notes=tuple(_notes(report)),
    )  # fmt: skip


def _own(modules: tuple[Document, ...]) -> Iterator[TensorInfo]:
    """What each module holds apart from those below it; they stand in the order of the tree, each behind the one it is in."""
    own: list[tuple[int | None, int]] = []
    names: list[str] = []
    above: list[int] = []
    for one in modules:
        level, nbytes, name = _count(one, "level"), _count(one, "bytes"), one.text("name")
        if name is None or not 1 <= level <= min(len(above) + 1, MAX_DEPTH):
            _wrong(one, "a module with a name, behind the module that it is in")
        counts = (_optional(one, "parameters"), _optional(one, "buffers"))
        elements = None if None in counts else sum(count or 0 for count in counts)
        del above[level - 1 :]
        if above:
            counted, held = own[above[-1]]
            own[above[-1]] = (None if counted is None or elements is None else counted - elements, held - nbytes)
        above.append(len(own))
        own.append((elements, nbytes))
        names.append(name)
    for name, (elements, nbytes) in zip(names, own, strict=True):
        if nbytes < 0 or (elements or 0) < 0:
            raise FormatError(f"the modules below {shown(name)} hold more than it does")
        if nbytes:
            yield as_tensor(name, elements, nbytes)


def _origin(target: Document, path: str) -> Origin:
    requested = target.text("requested") or path
    return Origin(
        requested=path, name=target.text("repo_id") or requested, repo_id=target.text("repo_id"),
        revision=target.text("revision"), commit=target.text("commit"), library=target.text("library"),
    )  # fmt: skip


def _scope_name(report: Document) -> str:
    name = report.text("scope")
    if name not in SCOPES:
        _wrong(report, f"a scope, one of {', '.join(SCOPES)}")
    return name


def _dtypes(checkpoint: Document) -> Iterator[tuple[str, Held]]:
    found = _child(checkpoint, "dtypes")
    for name in found.values:
        one = _child(found, name)
        yield name, Held(tensors=_count(one, "tensors"), nbytes=_count(one, "bytes"))


def _layer(report: Document) -> Layer | None:
    found = report.child("largest_layer")
    if found is None:
        return None
    return Layer(name=found.text("name") or "", parameters=_optional(found, "parameters"), nbytes=_count(found, "bytes"))


def _notes(report: Document) -> Iterator[Note]:
    for one in report.children("notes"):
        if (message := one.text("message")) is not None:
            yield Note(code=one.text("code") or "", message=message)


def _child(document: Document, key: str) -> Document:
    found = document.child(key)
    if found is None:
        _wrong(document, f"an object {key}")
    return found


def _count(document: Document, key: str) -> int:
    found = _optional(document, key)
    if found is None:
        _wrong(document, f"a number of {key}")
    return found


def _optional(document: Document, key: str) -> int | None:
    found = document.integer(key)
    if found is not None and not 0 <= found < MAX_COUNT:
        _wrong(document, f"{key} from 0 to 2^63")
    return found


def _wrong(document: Document, expected: str) -> NoReturn:
    raise FormatError(f"{document.path}: expected {expected}, as `memscan TARGET --json` writes it")
