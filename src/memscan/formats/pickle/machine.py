"""A pickle machine that reads and never runs: opcodes in, inert records out.

The opcodes are those of protocols 0 to 5: https://github.com/python/cpython/blob/main/Lib/pickletools.py describes each.
The machine is fed a part of the pickle at a time, so that only the bytes that it needs are fetched.
"""

from collections.abc import Callable, Hashable
from typing import NoReturn

from memscan.document import shown
from memscan.errors import FormatError
from memscan.formats.pickle import limits
from memscan.formats.pickle.base import Call, Global, Omitted, Table, described
from memscan.formats.pickle.make import make


class ShortError(Exception):
    """The opcode is not whole in the bytes at hand."""


class Machine:
    """Reads one pickle. `allows` decides about every name; `persistent` turns persistent ids into records."""

    def __init__(self, path: str, size: int, allows: Callable[[Global], bool], persistent: Callable[[object], Hashable]) -> None:
        self.path = path
        self.finished = False
        """Whether STOP has been read."""
        self.value: object = None
        """What the pickle holds, once finished."""
        self.stack: list[object] = []
        self.marks: list[list[object]] = []
        self.cost = 0
        self.most_opcodes, self.most_cost = limits.FREE_OPCODES, limits.FREE_COST
        self._left = size
        self._allows = allows
        self._persistent = persistent
        self._persisted: set[Hashable] = set()
        self._memo: list[object] = []  # almost every pickle numbers its memo from 0
        self._scattered: dict[int, object] = {}
        self._names: dict[tuple[str, str], Global] = {}
        self._opcodes = 0
        self._data = b""
        self._at = 0

    def run(self, data: bytes, handlers: "tuple[Handler | None, ...]") -> int:
        """Read the whole opcodes at the start of `data`; how many bytes are done, which may lie behind its end."""
        self._data, self._at, done = data, 0, 0
        try:
            while self._at < len(data) and not self.finished:
                handler = handlers[data[self._at]]
                if handler is None:
                    self.refuse(f"has byte {data[self._at]:#04x} where an opcode should stand; it is damaged or no pickle")
                self._at += 1
                handler(self)
                done = self._at
                self._opcodes += 1
                if self._opcodes > self.most_opcodes or self.cost > self.most_cost:
                    self._refuse_size()
        except ShortError:
            pass  # the next piece goes on from where the last whole opcode ended
        except IndexError as error:
            raise FormatError(
                f"{self.path}: its pickle takes more from its stack than it has put there; it is damaged"
            ) from error
        if done > self._left:
            self.refuse("ends in the middle of an object; the file is cut off")
        self._left -= done
        return done

    def refuse(self, problem: str) -> NoReturn:
        """Raise the FormatError that says what the pickle does."""
        raise FormatError(f"{self.path}: its pickle {problem}")

    def _refuse_size(self) -> NoReturn:
        self.refuse(
            f"takes more than {self.most_opcodes:,} opcodes or {self.most_cost:,} bytes of memory,"
            " far more than a table of its tensors needs"
        )

    # What the opcodes are made of. Everything that can be short of bytes comes before anything that changes the stack.

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        stop = self._at + count
        if stop > len(self._data):
            raise ShortError
        raw = self._data[self._at : stop]
        self._at = stop
        return raw

    def byte(self) -> int:
        """The next byte; two of three opcodes have one as their argument, so this is short."""
        at = self._at
        if at >= len(self._data):
            raise ShortError
        self._at = at + 1
        return self._data[at]

    def number(self, width: int) -> int:
        """The next unsigned little-endian integer."""
        return int.from_bytes(self.take(width), "little")

    def line(self) -> bytes:
        """The next line, without its end."""
        stop = self._data.find(b"\n", self._at, self._at + limits.MAX_STRING)
        if stop < 0:
            if len(self._data) - self._at >= limits.MAX_STRING:
                self.refuse(f"has a line of more than {limits.MAX_STRING:,} bytes; it is damaged or no pickle")
            raise ShortError
        raw = self._data[self._at : stop]
        self._at = stop + 1
        return raw

    def payload(self, width: int) -> bytes | Omitted:
        """The next string behind its length of `width` bytes; a long one is skipped, and need not be fetched."""
        length = self.number(width)
        if length > self._left - self._at:
            self.refuse(f"says that a string has {length:,} bytes, but only {self._left - self._at:,} are left; it is damaged")
        if length > limits.MAX_STRING:
            self._at += length
            return Omitted(length)
        raw = self.take(length)
        self.cost += 64 + length
        return raw

    def frame(self) -> None:
        """The length of a frame: where opcodes may stand, so only a promise to check."""
        length = self.number(8)
        if length > self._left - self._at:
            self.refuse(f"says that a frame has {length:,} bytes, but only {self._left - self._at:,} are left; it is damaged")

    def push(self, value: object, cost: int = 32) -> None:
        """Put `value` on the stack."""
        self.cost += cost
        self.stack.append(value)

    def mark(self) -> None:
        """Start a new stretch of the stack."""
        self.cost += 72
        self.marks.append(self.stack)
        self.stack = []

    def unmark(self) -> list[object]:
        """All values since the last mark."""
        values, self.stack = self.stack, self.marks.pop()
        return values

    def put(self, index: int) -> None:
        """Keep the top of the stack as number `index` of the memo."""
        value = self.stack[-1]
        self.cost += limits.REFERENCE
        if index == len(self._memo):
            self._memo.append(value)
        elif index < len(self._memo):
            self._memo[index] = value
        else:
            self.cost += 100
            self._scattered[index] = value

    def memoize(self) -> None:
        """Keep the top of the stack as the next number of the memo."""
        self.put(len(self._memo))

    def get(self, index: int) -> None:
        """Put number `index` of the memo on the stack."""
        if 0 <= index < len(self._memo):
            self.push(self._memo[index], limits.REFERENCE)
        elif index in self._scattered:
            self.push(self._scattered[index], limits.REFERENCE)
        else:
            self.refuse(f"asks for number {index:,} of its memo, which was never kept; it is damaged")

    def name(self, module: object, name: object) -> Global:
        """The record of a name, if it is one that is read."""
        if not isinstance(module, str) or not isinstance(name, str):
            self.refuse(f"names a global by {shown(module)} and {shown(name)}, expected two strings")
        known = self._names.get((module, name))
        if known is None:
            known = Global(RENAMED.get(module, module), name)
            if not self._allows(known):
                named = ascii(str(known))[1:-1][:60]  # a letter of another alphabet must not look like one of ours
                self.refuse(
                    f"loads {named}, which is none of the torch, numpy and container types that memscan reads;"
                    " nothing was run. If you trust the file, load it with torch and save only its state_dict"
                )
            self.cost += 400
            self._names[module, name] = known
        return known

    def call(self, function: object, arguments: object) -> None:
        """Put the record of a call on the stack."""
        if not isinstance(function, Global):
            self.refuse(f"calls {described(function)}, expected a name")
        if not isinstance(arguments, tuple):
            self.refuse(f"calls {function} with {described(arguments)}, expected a tuple")
        self.cost += 160 + limits.REFERENCE * (len(arguments) + sum(_length(argument) for argument in arguments))
        if self.cost > self.most_cost:
            self._refuse_size()
        self.stack.append(make(function, arguments))

    def persistent(self, key: object) -> None:
        """Put what a persistent id stands for on the stack."""
        value = self._persistent(key)
        if value not in self._persisted:
            self._persisted.add(value)
            self.most_opcodes = min(self.most_opcodes + limits.OPCODES_EACH, limits.MAX_OPCODES)
            self.most_cost = min(self.most_cost + limits.COST_EACH, limits.MAX_COST)
        self.push(value, 160)

    def items(self, pairs: list[tuple[object, object]]) -> None:
        """Set the items of the table on the top of the stack."""
        target = self.stack[-1]
        self.cost += 72 * len(pairs)
        if isinstance(target, Table):
            target.pairs.extend(pairs)
        elif isinstance(target, Call):
            target.states.append(Table(pairs))
        else:
            self.refuse(f"sets items of {described(target)}, expected a dict")

    def elements(self, values: list[object]) -> None:
        """Append to the list on the top of the stack."""
        target = self.stack[-1]
        self.cost += limits.REFERENCE * len(values)
        if isinstance(target, list):
            target.extend(values)
        elif isinstance(target, Call):
            target.states.append(values)
        else:
            self.refuse(f"appends to {described(target)}, expected a list")

    def build(self, state: object) -> None:
        """Give the object on the top of the stack its state; what a plain container has beside its items is dropped."""
        target = self.stack[-1]
        if isinstance(target, Call):
            target.states.append(state)
        elif not isinstance(target, Table | list):
            self.refuse(f"sets the state of {described(target)}, expected an object")


Handler = Callable[[Machine], None]

# Modules that Python 3 renamed, as its own unpickler maps them for protocols 0 to 2 (Lib/_compat_pickle.py).
RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg"}


def _length(value: object) -> int:
    if isinstance(value, Table):
        return 4 * len(value.pairs)
    return len(value) if isinstance(value, list | tuple) else 0
