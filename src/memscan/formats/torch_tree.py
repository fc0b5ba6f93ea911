"""What of a pickle's values leads to tensors: a tree of keys with tensors as its leaves, and nothing else.

A pickle may hold the same container in many places, and even inside of itself. Each is read once; walking the tree counts
its steps, so that a few bytes cannot stand for more tensors than any file has.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from memscan.document import shown
from memscan.errors import FormatError
from memscan.formats.pickle import Call, Global, Omitted, Table
from memscan.formats.torch_storage import Storage
from memscan.formats.torch_tensor import Children, expand
from memscan.formats.torch_view import Place, View, view_of_storage

MAX_DEPTH = 100  # containers inside each other; deep models have about 20
# Keys on the way to all tensors: so many for any file, and for each tensor so many more that it may have several names, deep
# inside of a model.
FREE_STEPS, STEPS_EACH = 100_000, 40
MAX_NAME = 1_000  # characters of a name
# How torch.nn.Module keeps its tensors and submodules: no part of a state dict's names.
MODULE_TABLES = frozenset({"_parameters", "_buffers", "_modules"})


@dataclass(frozen=True, slots=True)
class Branch:
    """A container with tensors in it."""

    children: "tuple[tuple[str, Branch | View], ...]"
    """In the file's order; an empty key adds nothing to a name."""
    keys: frozenset[str]
    """The names of all its entries, those without tensors too."""
    is_object: bool
    """Whether it is an object, as a model that was saved whole, and no plain container."""


class Tree:
    """Builds the tree of one file."""

    def __init__(self, path: str) -> None:
        self._path = path
        # By identity, with the value itself, so that no other value can get its identity.
        self._known: dict[int, tuple[object, Branch | View | None]] = {}
        self._steps_left = FREE_STEPS

    def node(self, value: object, name: str = "", depth: int = 0) -> Branch | View | None:
        """The tree of `value`, or None where no tensor is in it."""
        if isinstance(value, View):
            return value
        if isinstance(value, Storage):
            return view_of_storage(value)
        if not isinstance(value, Table | Call | list | tuple):
            return None
        if id(value) not in self._known:
            if depth > MAX_DEPTH:
                raise FormatError(f"{self._path}: its pickle nests more than {MAX_DEPTH} containers inside each other")
            self._known[id(value)] = value, None  # what contains itself is no tensor on the second way
            self._known[id(value)] = value, self._read(value, name, depth)
        return self._known[id(value)][1]

    def _read(self, value: Table | Call | list[object] | tuple[object, ...], name: str, depth: int) -> Branch | View | None:
        inside = self._inside(value, name)
        if isinstance(inside, View):
            self._steps_left += STEPS_EACH
            return inside
        children = []
        for key, child in inside:
            if not isinstance(child, LEADING):
                continue
            word = self._word(key)
            node = self.node(child, joined(name, word), depth + 1)
            if node is not None:
                children.append((word, node))
        if not children:
            return None
        if len(children) == 1 and children[0][0] == "":
            only = children[0][1]
            return only if isinstance(only, View) else Branch(only.children, only.keys, isinstance(value, Call))
        return Branch(tuple(children), frozenset(key for key, _ in inside if isinstance(key, str)), isinstance(value, Call))

    def _inside(self, value: Table | Call | list[object] | tuple[object, ...], name: str) -> View | Children:
        if isinstance(value, Table):
            return tuple(_last(value).items()) if _plain(value) else tuple(value.pairs)
        if isinstance(value, Call):
            return expand(value, Place(self._path, name))
        return tuple(enumerate(value))

    def _word(self, key: object) -> str:
        """A key as the part of a name; of an object that is a key, the name of its class."""
        if isinstance(key, Omitted) or (isinstance(key, str | bytes) and len(key) > MAX_NAME):
            raise FormatError(f"{self._path}: its pickle has a key of more than {MAX_NAME:,} characters on the way to a tensor")
        if isinstance(key, str):
            return "" if key in MODULE_TABLES else key
        if isinstance(key, bytes):
            return key.decode("latin-1")
        if isinstance(key, Call):
            return str(key.function)
        return str(key) if isinstance(key, int | float | Global) else type(key).__name__

    def walk(self, name: str, node: Branch | View) -> Iterator[tuple[str, View]]:
        """Every tensor in `node`, in the file's order, with its name."""
        self._steps_left -= 1
        if self._steps_left < 0:
            raise FormatError(f"{self._path}: its pickle names the same few tensors in too many ways; it is no checkpoint")
        if len(name) > MAX_NAME:
            raise FormatError(f"{self._path}: a tensor has a name of more than {MAX_NAME:,} characters: {shown(name)}")
        if isinstance(node, View):
            yield name, node
        else:
            for key, child in node.children:
                yield from self.walk(joined(name, key), child)


LEADING = (View, Storage, Table, Call, list, tuple)
"""What tensors can be in."""


def joined(name: str, key: str) -> str:
    """The name of what stands under `key`."""
    return f"{name}.{key}" if name and key else name or key


def _plain(table: Table) -> bool:
    return all(isinstance(key, str | int) for key, _ in table.pairs)


def _last(table: Table) -> dict[object, object]:
    """The items as a dict would keep them: a key that is set twice has its last value."""
    return dict(table.pairs)
