"""Numbers as expressions of config fields: a small language with no names but fields, and nothing that runs.

An expression is an integer, the dotted path of a field, or a list of an operator and its operands. A field that is absent, of
another type than the operator takes, or a division by zero make the answer None: not known.
"""

from collections.abc import Callable, Mapping, Sequence

Expression = int | str | Sequence[object]
Lookup = Callable[[str], object]
"""The value of a field by its path; `UNKNOWN` where the config does not say."""

UNKNOWN = object()
LARGEST = 1 << 80  # far beyond any tensor; a config can ask for powers of powers
DEEPEST = 20
POWERS = 64
NUMBER = "#"
"""What the name of a number of the tensor begins with: `#0` is what stands for the first star of its pattern."""


def evaluate(expression: object, field: Lookup, depth: int = 0) -> int | None:
    """The number that `expression` is for a config, or None where it is not known."""
    if not isinstance(expression, list | tuple) or depth > DEEPEST:
        # A field gives a value, never a rule: what a config holds is a stranger's word.
        value = field(expression) if isinstance(expression, str) else expression
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # 1200.0
        return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST else None
    operator = expression[0] if expression else None
    return _operation(operator, expression[1:], field, depth + 1) if isinstance(operator, str) else None


def _operation(operator: str, operands: Sequence[object], field: Lookup, depth: int) -> int | None:
    if operator in SPECIAL:
        return SPECIAL[operator](operands, field, depth)
    if operator in ASKED:
        value = _value(operands[0], field)
        return None if value is UNKNOWN else ASKED[operator](value, *operands[1:])
    if operator in LISTED:
        value, number = _value(operands[0], field), evaluate(operands[1], field, depth)
        return None if value is UNKNOWN or number is None else LISTED[operator](value, number, *operands[2:])
    if operator not in COMPUTED:
        return None
    left, right = (evaluate(operand, field, depth) for operand in operands)
    if left is None or right is None:
        # What a switch turns off needs no other number.
        return 0 if operator == "*" and 0 in (left, right) else None
    result = COMPUTED[operator](left, right)
    return result if result is not None and abs(result) < LARGEST else None


def _value(operand: object, field: Lookup) -> object:
    return field(operand) if isinstance(operand, str) else UNKNOWN


def fields(expression: object) -> frozenset[str]:
    """The paths of the fields that `expression` asks for."""
    if isinstance(expression, str):
        return frozenset() if expression.startswith(NUMBER) else frozenset({expression})
    if not isinstance(expression, list | tuple) or not expression:
        return frozenset()
    operands = expression[1:2] if expression[0] in ASKED else expression[1:3] if expression[0] in LISTED else expression[1:]
    return frozenset().union(*(fields(operand) for operand in operands))


def _choice(operands: Sequence[object], field: Lookup, depth: int) -> int | None:
    """The second operand where the first is not 0, else the third."""
    condition = evaluate(operands[0], field, depth)
    return None if condition is None else evaluate(operands[1 if condition else 2], field, depth)


def _power(left: int, right: int) -> int | None:
    return left**right if 0 <= right <= (POWERS if left == 2 else 4) else None


def _scaled(operands: Sequence[object], field: Lookup, depth: int) -> int | None:
    """The first operand times a ratio, which the second is."""
    return _ratio(evaluate(operands[0], field, depth), _value(operands[1], field))


def _ratio(whole: object, ratio: object) -> int | None:
    if ratio is None and isinstance(whole, int):
        return whole  # all of it
    if isinstance(whole, bool) or isinstance(ratio, bool) or not isinstance(whole, int) or not isinstance(ratio, int | float):
        return None
    if abs(whole) >= LARGEST:
        return None
    product = whole * ratio
    return int(product) if abs(product) < LARGEST else None


def _length(value: object) -> int | None:
    return len(value) if isinstance(value, list | tuple) else None


def _sum(value: object) -> int | None:
    if not isinstance(value, list | tuple) or not all(isinstance(one, int) and not isinstance(one, bool) for one in value):
        return None
    return sum(value)


def _at(value: object, index: object) -> int | None:
    if not isinstance(value, list | tuple) or not isinstance(index, int) or not -len(value) <= index < len(value):
        return None
    found = value[index]
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _count(value: object, text: object) -> int | None:
    return sum(one == text for one in value) if isinstance(value, list | tuple) else None


def _item(value: object, number: int) -> int | None:
    return _at(value, number) if number >= 0 else None


def _among(value: object, number: int) -> int | None:
    return 0 if value is None else int(number in value) if isinstance(value, list | tuple) else None


def _word(value: object, number: int, text: object) -> int | None:
    return int(value[number] == text) if isinstance(value, list | tuple) and 0 <= number < len(value) else None


SPECIAL: Mapping[str, Callable[[Sequence[object], Lookup, int], int | None]] = {"if": _choice, "int*": _scaled}
"""Operators that look at their operands themselves."""

COMPUTED: Mapping[str, Callable[[int, int], int | None]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b if b else None,
    "ceil": lambda a, b: -(-a // b) if b else None,
    "%": lambda a, b: a % b if b else None,
    "**": _power,
    "max": max,
    "min": min,
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b),
}
"""Operators of two numbers."""

LISTED: Mapping[str, Callable[..., int | None]] = {"item": _item, "in": _among, "word": _word}
"""Operators of a field that is a list and a number."""

ASKED: Mapping[str, Callable[..., int | None]] = {
    "positive": lambda value: int(isinstance(value, int | float) and not isinstance(value, bool) and value > 0),
    "true": lambda value: int(value is True),
    "false": lambda value: int(value is not True),
    "none": lambda value: int(value is None),
    "some": lambda value: int(value is not None),
    "equal": lambda value, text: int(value == text),
    "len": _length,
    "sum": _sum,
    "at": _at,
    "count": _count,
}
"""Operators of one field."""
