"""The module tree as lists that open and close, equal numbered blocks as one, the small ones summed where there are many."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import nlargest
from itertools import groupby

from memscan.estimate import Report
from memscan.modules import Module, tree
from memscan.report.picture.branches import is_number
from memscan.report.picture.drawing import quoted
from memscan.report.words import short
from memscan.units import counted, iec_bytes, plural

MOST = 600  # lines
LONGEST = 80  # characters of a name
DEPTH = 6  # levels, where nobody says how many
OPENED = 2  # levels that are open at first


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A module, or several numbered neighbours that are the same but for their numbers."""

    label: str
    nbytes: int
    """Of all."""
    parameters: int
    """Of all."""
    count: int = 1
    nodes: tuple["Node", ...] = ()


def module_list(report: Report, depth: int = DEPTH) -> str:
    """The tree of the scope of `report` down to `depth` levels, as HTML."""
    scope = report.scopes[report.scope]
    root = _folded(tree(scope.tensors, depth))
    ranked = nlargest(MOST, enumerate(_walk(root)), key=lambda one: (one[1].nbytes, -one[0]))
    kept = {id(node) for _, node in ranked}
    lines = "".join(_items(root.nodes, kept, root.nbytes, 1, packed=scope.parameters is None))
    return f'<ul class="tree">{lines}</ul>' if lines else ""


def _walk(node: Node) -> Iterator[Node]:
    for one in node.nodes:
        yield one
        yield from _walk(one)


def _folded(module: Module) -> Node:
    below = _grouped([(child.name.rpartition(".")[2], _folded(child)) for child in module.children])
    return Node(label=module.name.rpartition(".")[2], nbytes=module.nbytes, parameters=module.parameters, nodes=below)


def _grouped(named: Sequence[tuple[str, Node]]) -> tuple[Node, ...]:
    found = []
    for _, group in groupby(enumerate(named), key=_make):
        same = [node for _, (_, node) in group]
        found.append(same[0] if len(same) == 1 else _several(same))
    return tuple(found)


def _make(numbered: tuple[int, tuple[str, Node]]) -> object:
    """What neighbours that become one have in common; the difference to the index is the same where no number is left out."""
    index, (label, node) = numbered
    return (int(label) - index, replace(node, label="")) if is_number(label) else index


def _several(same: Sequence[Node]) -> Node:
    label = f"{same[0].label} to {same[-1].label}"
    scaled = _scaled(same[0], len(same))
    return replace(scaled, label=label, count=len(same))


def _scaled(node: Node, times: int) -> Node:
    nodes = tuple(_scaled(one, times) for one in node.nodes)
    return replace(node, nbytes=node.nbytes * times, parameters=node.parameters * times, nodes=nodes)


def _items(nodes: Sequence[Node], kept: set[int], total: int, level: int, *, packed: bool) -> Iterator[str]:
    shown = [node for node in nodes if id(node) in kept]
    for node in shown:
        inside = "".join(_items(node.nodes, kept, total, level + 1, packed=packed))
        line = _line(node, total, packed=packed)
        if inside:
            opened = " open" if level < OPENED else ""
            yield f"<li><details{opened}><summary>{line}</summary><ul>{inside}</ul></details></li>"
        else:
            yield f'<li class="leaf">{line}</li>'
    rest = [node for node in nodes if id(node) not in kept]
    if rest and shown:
        nbytes = sum(node.nbytes for node in rest)
        yield f'<li class="leaf">{plural(len(rest), "smaller module")}: {iec_bytes(nbytes)}</li>'


def _line(node: Node, total: int, *, packed: bool) -> str:
    name = short(node.label)
    name = name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."
    each = f", {node.count:,} x {iec_bytes(node.nbytes // node.count)}" if node.count > 1 else ""
    amount = "packed" if packed else counted(node.parameters)
    share = f"{node.nbytes / total:.1%}" if total else "0.0%"
    numbers = f"{iec_bytes(node.nbytes)}{each}, {share}, {amount} parameters"
    return f'<span class="name">{quoted(name or "(root)")}</span> <span class="quiet">{quoted(numbers)}</span>'
