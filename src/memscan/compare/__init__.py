"""What differs between two checkpoints, tensor by tensor."""

from memscan.compare.change import Change, Kind, Match
from memscan.compare.diff import Diff, Sum, compare
from memscan.compare.group import Group
from memscan.compare.modules import Node
from memscan.compare.revisions import two_words
from memscan.compare.rule import Rule
from memscan.compare.saved import Saved
from memscan.compare.scanned import Scanned
from memscan.compare.side import Held, Level, Side
from memscan.compare.subjects import Subject, in_one_scope, wanted_scope

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
    "Saved",
    "Scanned",
    "Side",
    "Subject",
    "Sum",
    "compare",
    "in_one_scope",
    "two_words",
    "wanted_scope",
]
