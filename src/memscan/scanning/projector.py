"""The projector of a GGUF model: what turns images or sound into its tokens, in a file of its own beside it."""

import re
from collections.abc import Iterable, Mapping

from memscan.checkpoint import Selection
from memscan.errors import NotFoundError
from memscan.formats import gguf_names
from memscan.model import Role
from memscan.note import Note
from memscan.scanning.parts import Plan

DIGITS = re.compile(r"\d+")


def plan_projector(files: Mapping[str, int], model: str = "") -> Plan:
    """The projector beside the GGUF file `model`, as `find_best_mmproj` of llama.cpp chooses it.

    The one in the deepest folder above the model, and of those the one whose number of bits is nearest to the model's.
    """
    found = [path for path in _projectors(files) if path != model]
    above = [path for path in found if f"/{model}".startswith(f"/{path.rpartition('/')[0]}/".replace("//", "/"))] or found
    if not above:
        raise NotFoundError("no projector (mmproj-*.gguf) beside the model; leave out --mmproj")
    path = min(above, key=lambda path: (-path.count("/"), abs(_bits(path) - _bits(model))))
    notes: tuple[Note, ...] = ()
    if len(found) > 1:
        others = ", ".join(other for other in found if other != path)
        notes = (
            Note(code="mmproj", message=f"of {len(found)} projectors {path} is counted, as llama.cpp chooses; not {others}"),
        )
    return Plan(
        name="mmproj",
        role=Role.PROJECTOR,
        class_name=None,
        library="gguf",
        selection=Selection(files=(path,), format="gguf"),
        prefix="mmproj.",
        notes=notes,
    )


def projector_notes(files: Mapping[str, int], selection: Selection) -> tuple[Note, ...]:
    """The projectors that a GGUF model is loaded with for images or sound."""
    if selection.format != "gguf":
        return ()
    found = [path for path in _projectors(files) if path not in selection.files]
    if not found:
        return ()
    listed = ", ".join(f"{path} ({files[path]:,} bytes)" for path in found[:5])
    message = f"for images or sound a projector is loaded beside the model, not counted here: {listed}; --mmproj adds it"
    return (Note(code="mmproj", message=message),)


def _projectors(files: Iterable[str]) -> list[str]:
    """The projectors among `files`, by name."""
    return [
        path
        for path in sorted(files)
        if path.endswith(gguf_names.SUFFIX) and gguf_names.from_path(path).role is gguf_names.Role.PROJECTOR
    ]


def _bits(path: str) -> int:
    """The first number in the label of a GGUF file: 4 of Q4_K_M, 16 of BF16."""
    found = DIGITS.search(gguf_names.from_path(path).label or "")
    return int(found[0]) if found is not None else 0
