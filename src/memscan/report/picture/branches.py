"""What a treemap is of: parts, then modules, each with its bytes, and what stands alone between two levels as one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from memscan.estimate import Report
from memscan.modules import Module, tree
from memscan.tensor import TensorInfo

DEPTH = 8  # levels of modules
DIGITS = 6  # of a layer's number
EXPERTS = "experts"
OWN = "own tensors"
REST = "other tensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A part or a module with all that is below it; its branches sum to it."""

    label: str
    """Its own name, without those of what it is in."""
    name: str
    """The whole name; empty for the model."""
    kind: str
    """What it has in common with its like in other blocks: `layers.*.mlp`; of a part its name."""
    nbytes: int
    branches: tuple["Branch", ...] = ()
    summed: tuple["Branch", ...] = ()
    """Of what stands for several small ones, these."""

    @property
    def numbered(self) -> bool:
        """Whether it is one of several of the same make."""
        return is_number(self.label)


def branches(report: Report) -> Branch:
    """The tree of the scope of `report`; its bytes are those of the scope's tensors."""
    tensors = report.scopes[report.scope].tensors
    if len(report.model.parts) < 2:
        return _merged(_of(tree(tensors, DEPTH), None))
    found = [_part(tree(inside, DEPTH), name) for name, inside in _by_part(report, tensors).items() if inside]
    return Branch(label="", name="", kind="", nbytes=sum(one.nbytes for one in found), branches=tuple(map(_merged, found)))


def _by_part(report: Report, tensors: Iterable[TensorInfo]) -> dict[str, list[TensorInfo]]:
    """The tensors of each part. A packed weight has another name than what is stored of it, and the same module."""
    owner: dict[str, str] = {}
    for part in report.model.parts:
        for tensor in part.checkpoint.tensors:
            owner.setdefault(tensor.name, part.name)
            owner.setdefault(_module(tensor.name), part.name)
    found: dict[str, list[TensorInfo]] = {part.name: [] for part in report.model.parts}
    for tensor in tensors:
        name = owner.get(tensor.name, owner.get(_module(tensor.name), REST))
        found.setdefault(name, []).append(tensor)
    return found


def _module(name: str) -> str:
    return name.rpartition(".")[0] + "."


def _part(module: Module, part: str) -> Branch:
    """The tree of a part, whose tensors may all have the name of the part before their own."""
    root = _of(module, part)
    inside = root.branches[0] if len(root.branches) == 1 and root.branches[0].label == part else root
    return replace(inside, label=part, name=part)


def _of(module: Module, part: str | None) -> Branch:
    below = [_of(child, part) for child in module.children if child.nbytes]
    own = module.nbytes - sum(one.nbytes for one in below)
    kind = kind_of(module.name) if part is None else part
    if below and own:
        below.append(Branch(label=OWN, name=module.name, kind=kind, nbytes=own))
    label = module.name.rpartition(".")[2]
    return Branch(label=label, name=module.name, kind=kind, nbytes=module.nbytes, branches=tuple(below))


def _merged(branch: Branch) -> Branch:
    """What holds only one other and that other become one; a number keeps its own place."""
    below = tuple(map(_merged, branch.branches))
    if len(below) == 1 and not (below[0].numbered or branch.numbered):
        label = f"{branch.label}.{below[0].label}" if branch.label else below[0].label
        return replace(below[0], label=label)
    return replace(branch, branches=below)


def kind_of(name: str) -> str:
    """What `name` has in common with its like: the first number is `*`, and one name follows; experts are of one kind."""
    segments = name.split(".", DEPTH)
    first = next((index for index, one in enumerate(segments) if is_number(one)), None)
    if first is None:
        return name
    end = first + 2
    if end < len(segments) and is_number(segments[end]):
        end += 2
    elif EXPERTS in segments[end:]:
        end = segments.index(EXPERTS, end) + 1
    return ".".join("*" if is_number(one) else one for one in segments[:end])


def is_number(label: str) -> bool:
    """Whether a name is that of a numbered block."""
    return label.isascii() and label.isdecimal() and len(label) <= DIGITS


def largest_first(branches: Sequence[Branch]) -> list[Branch]:
    """By bytes, those of the same size in their order."""
    return sorted(branches, key=lambda one: -one.nbytes)


def leaves(branch: Branch) -> Iterator[Branch]:
    """Those that hold no other."""
    if not branch.branches:
        yield branch
    for one in branch.branches:
        yield from leaves(one)
