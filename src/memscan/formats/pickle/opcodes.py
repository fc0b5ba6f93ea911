"""The table of pickle opcodes, protocols 0 to 5: what each does to the machine.

Source: https://github.com/python/cpython/blob/main/Lib/pickle.py; `test_every_opcode_has_a_handler` compares with pickletools.
"""

from memscan.formats.pickle.base import Table
from memscan.formats.pickle.literals import LITERALS, digits
from memscan.formats.pickle.machine import Handler, Machine

HIGHEST_PROTOCOL = 5
LIST, TABLE = 72, 120  # bytes of an empty list, and of an empty table with its list


def _protocol(machine: Machine) -> None:
    version = machine.number(1)
    if version > HIGHEST_PROTOCOL:
        machine.refuse(f"says it has protocol {version}, expected at most {HIGHEST_PROTOCOL}")


def _stop(machine: Machine) -> None:
    machine.value = machine.stack.pop()
    machine.finished = True


def _pop(machine: Machine) -> None:
    # As in CPython: POP straight behind a MARK takes the mark away.
    if machine.stack:
        machine.stack.pop()
    else:
        machine.unmark()


def _pop_mark(machine: Machine) -> None:
    machine.unmark()


def _duplicate(machine: Machine) -> None:
    machine.push(machine.stack[-1])


# Containers.


def _tuple_of(machine: Machine, count: int) -> None:
    if len(machine.stack) < count:
        raise IndexError
    values = tuple(machine.stack[-count:])
    del machine.stack[-count:]
    machine.push(values, 88)


def _tuple(machine: Machine) -> None:
    values = tuple(machine.unmark())
    machine.push(values, 64 + 8 * len(values))


def _list(machine: Machine) -> None:
    values = machine.unmark()
    machine.push(values, LIST + 8 * len(values))


def _dict(machine: Machine) -> None:
    pairs = _pairs(machine)
    machine.push(Table(), TABLE)
    machine.items(pairs)


def _pairs(machine: Machine) -> list[tuple[object, object]]:
    values = machine.unmark()
    if len(values) % 2:
        machine.refuse("has a key without a value; it is damaged")
    return list(zip(values[::2], values[1::2], strict=True))


def _set_item(machine: Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    machine.items([(key, value)])


def _set_items(machine: Machine) -> None:
    machine.items(_pairs(machine))


def _append(machine: Machine) -> None:
    machine.elements([machine.stack.pop()])


def _appends(machine: Machine) -> None:
    machine.elements(machine.unmark())


# Names, and what the pickle would make of them.


def _line_of_name(machine: Machine) -> str:
    try:
        return machine.line().decode()
    except UnicodeDecodeError:
        machine.refuse("has a name that is not UTF-8; it is damaged")


def _global(machine: Machine) -> None:
    module, name = _line_of_name(machine), _line_of_name(machine)
    machine.push(machine.name(module, name))


def _stack_global(machine: Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.push(machine.name(module, name))


def _extension(machine: Machine, width: int) -> None:
    machine.refuse(f"loads number {machine.number(width):,} of a registry of extensions, which memscan never does")


def _reduce(machine: Machine) -> None:
    arguments, function = machine.stack.pop(), machine.stack.pop()
    machine.call(function, arguments)


def _new_object_with_keywords(machine: Machine) -> None:
    keywords, arguments, function = machine.stack.pop(), machine.stack.pop(), machine.stack.pop()
    machine.call(function, arguments)
    machine.build(keywords)


def _instance(machine: Machine) -> None:
    module, name = _line_of_name(machine), _line_of_name(machine)
    function = machine.name(module, name)
    machine.call(function, tuple(machine.unmark()))


def _object(machine: Machine) -> None:
    function, *arguments = machine.unmark() or [None]
    machine.call(function, tuple(arguments))


def _build(machine: Machine) -> None:
    machine.build(machine.stack.pop())


def _persistent_line(machine: Machine) -> None:
    machine.persistent(_line_of_name(machine))


def _persistent(machine: Machine) -> None:
    machine.persistent(machine.stack.pop())


def _buffer(machine: Machine) -> None:
    machine.refuse("keeps data outside of itself, which no checkpoint file does")


def _put_line(machine: Machine) -> None:
    machine.put(digits(machine, machine.line()))


def _get_line(machine: Machine) -> None:
    machine.get(digits(machine, machine.line()))


def _extension_of(width: int) -> Handler:
    return lambda machine: _extension(machine, width)


def _tuple_with(count: int) -> Handler:
    return lambda machine: _tuple_of(machine, count)


OPCODES: dict[bytes, Handler] = {
    b"\x80": _protocol,
    b"\x95": Machine.frame,
    b".": _stop,
    b"(": Machine.mark,
    b"0": _pop,
    b"1": _pop_mark,
    b"2": _duplicate,
    **LITERALS,
    b"\x97": _buffer,
    b"\x98": _buffer,
    # Containers; a set is read as a list, for its elements may be anything.
    b")": lambda machine: machine.push(()),
    b"]": lambda machine: machine.push([], LIST),
    b"}": lambda machine: machine.push(Table(), TABLE),
    b"\x8f": lambda machine: machine.push([], LIST),
    b"t": _tuple,
    b"\x85": _tuple_with(1),
    b"\x86": _tuple_with(2),
    b"\x87": _tuple_with(3),
    b"\x91": _tuple,
    b"l": _list,
    b"d": _dict,
    b"s": _set_item,
    b"u": _set_items,
    b"a": _append,
    b"e": _appends,
    b"\x90": _appends,
    # The memo.
    b"p": _put_line,
    b"q": lambda machine: machine.put(machine.byte()),
    b"r": lambda machine: machine.put(machine.number(4)),
    b"\x94": Machine.memoize,
    b"g": _get_line,
    b"h": lambda machine: machine.get(machine.byte()),
    b"j": lambda machine: machine.get(machine.number(4)),
    # Names, and what would be made of them.
    b"c": _global,
    b"\x93": _stack_global,
    b"\x82": _extension_of(1),
    b"\x83": _extension_of(2),
    b"\x84": _extension_of(4),
    b"R": _reduce,
    b"\x81": _reduce,  # NEWOBJ: the same two values, the same record
    b"\x92": _new_object_with_keywords,
    b"i": _instance,
    b"o": _object,
    b"b": _build,
    b"P": _persistent_line,
    b"Q": _persistent,
}
"""What each opcode does, by its byte."""

HANDLERS: tuple[Handler | None, ...] = tuple(OPCODES.get(bytes([code])) for code in range(256))
"""The same, by the number of the byte."""
