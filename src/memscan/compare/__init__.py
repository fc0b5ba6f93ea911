"""What differs between two checkpoints, tensor by tensor."""

from memscan.compare.change import Change, Kind, Match
from memscan.compare.diff import Diff, Sum, compare
from memscan.compare.group import Group
from memscan.compare.modules import Node
from memscan.compare.revisions import two_words
from memscan.compare.rule import Rule
from memscan.compare.saved import check_scope, has_scope, saved_report, saved_scope, saved_side
from memscan.compare.side import Held, Level, Side, scanned

__all__ = [
    "Change",
    "Diff",
    "Group",
    "Held",
    "Kind",
    "Level",
    "Match",
    "Node",
    "Rule",
    "Side",
    "Sum",
    "check_scope",
    "compare",
    "has_scope",
    "saved_report",
    "saved_scope",
    "saved_side",
    "scanned",
    "two_words",
]
