"""What reading a pickle gives: plain values, and inert records of what it would have loaded and called.

Nothing is imported and nothing is called: a name stays a `Global`, a call of it stays a `Call`. The records are filled while
the pickle is read, as its opcodes say, and are not touched afterwards.
"""

from dataclasses import dataclass, field

from memscan.document import shown


@dataclass(frozen=True, slots=True)
class Global:
    """A name that the pickle would import."""

    module: str
    name: str

    def __str__(self) -> str:
        """The dotted name."""
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """An object that the pickle would make by calling a global."""

    function: Global
    arguments: tuple[object, ...]
    states: list[object] = field(default_factory=list)
    """What it would be given afterwards: its state, items and elements, in the pickle's order."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A dict. A list of pairs, because hashing a stranger's deeply nested key can exhaust the interpreter's own stack."""

    pairs: list[tuple[object, object]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Omitted:
    """A string or bytes too long to be a name of anything: read past, not kept."""

    nbytes: int


def described(value: object) -> str:
    """What `value` is, for a message; never what is inside, which may be deeply nested."""
    if value is None or isinstance(value, bool | str | bytes | float):
        return shown(value)
    if isinstance(value, int):  # Python itself refuses to print integers of more than 4,300 digits
        return shown(value) if value.bit_length() < LONG else f"an integer of {value.bit_length():,} bits"
    if isinstance(value, Global):
        return f"the name {shown(str(value))[1:-1]}"
    if isinstance(value, Call):
        return f"a {shown(str(value.function))[1:-1]}"
    return KINDS.get(type(value), "something else")


LONG = 128  # bits of an integer that is shown
KINDS: dict[type, str] = {tuple: "a tuple", list: "a list", Table: "a dict", Omitted: "a long string"}
