"""Two models, scanned or saved, brought into one scope."""

from collections.abc import Sequence
from dataclasses import replace

from memscan.compare.saved import Saved
from memscan.compare.scanned import SCOPE_UNKNOWN, Scanned
from memscan.compare.side import Side
from memscan.model import CHECKPOINT
from memscan.note import Note

Subject = Scanned | Saved


def wanted_scope(saved: Sequence[Saved], asked: str | None) -> str:
    """The scope to compare: the one `asked` for, else that of a saved module tree, else the checkpoint.

    UsageError where a module tree is of another.
    """
    trees = [one.own_scope for one in saved if one.own_scope is not None]
    wanted = asked if asked is not None else (*trees, CHECKPOINT)[0]
    for one in saved:
        one.check_scope(wanted)
    return wanted


def in_one_scope(before: Subject, after: Subject, wanted: str) -> tuple[Side, Side]:
    """Both sides in the scope `wanted`, or as checkpoints where one of them does not know it; a note says which."""
    scope = wanted if before.knows(wanted) and after.knows(wanted) else CHECKPOINT
    return _side(before, scope, wanted), _side(after, scope, wanted)


def _side(subject: Subject, scope: str, wanted: str) -> Side:
    side = subject.side(scope)
    if subject.knows(wanted):
        return side
    message = f"the scope {wanted} is not known for {side.name}: both are compared as checkpoints"
    return replace(side, notes=(*side.notes, Note(code=SCOPE_UNKNOWN, message=message)))
