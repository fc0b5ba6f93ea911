"""Containers that a pickle makes through their constructors, told apart from calls that stay records."""

from memscan.formats.pickle.base import Call, Global, Table

TABLES = frozenset({"builtins.dict", "collections.OrderedDict", "collections.Counter"})
DEFAULT_TABLE = "collections.defaultdict"
SEQUENCES = frozenset({"builtins.list", "builtins.set", "collections.deque"})
TUPLES = frozenset({"builtins.tuple", "builtins.frozenset", "torch.Size"})
# How protocols 0 and 1 make an object: the class is the first argument (https://docs.python.org/3/library/copyreg.html).
RECONSTRUCTORS = frozenset({"copyreg._reconstructor", "copyreg.__newobj__"})


def make(function: Global, arguments: tuple[object, ...]) -> object:
    """A plain container where `function` makes one; else a record of the call."""
    name = str(function)
    if name in TABLES:
        return _table(arguments[:1])
    if name == DEFAULT_TABLE:
        return _table(arguments[1:2])
    if name in SEQUENCES:
        return [element for argument in arguments[:1] for element in _elements(argument)]
    if name in TUPLES:
        return tuple(element for argument in arguments[:1] for element in _elements(argument))
    if name in RECONSTRUCTORS and arguments and isinstance(arguments[0], Global):
        return make(arguments[0], ()) if name.endswith("_reconstructor") else make(arguments[0], arguments[1:])
    return Call(function, arguments)


def _table(arguments: tuple[object, ...]) -> Table:
    """A table with the items of a table, or of a sequence of pairs, as `dict()` takes them."""
    table = Table()
    for argument in arguments:
        if isinstance(argument, Table):
            table.pairs.extend(argument.pairs)
        else:
            table.pairs.extend(
                (pair[0], pair[1]) for pair in _elements(argument) if isinstance(pair, list | tuple) and len(pair) == 2
            )
    return table


def _elements(argument: object) -> list[object] | tuple[object, ...]:
    return argument if isinstance(argument, list | tuple) else ()
