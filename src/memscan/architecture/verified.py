"""Which configs a class was held to torch for: classes, and of each field the values that were seen to be right.

Made by `tools/verify_config.py`, in the file of a model type. A field that the code of its classes never reads is not there, and
may be anything. Format: docs/architectures.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memscan.architecture.expression import UNKNOWN
from memscan.architecture.fields import Fields
from memscan.architecture.table import Family
from memscan.document import shown


def unverified(kind: Family, class_name: str, fields: Fields) -> Iterator[str]:
    """Why `class_name` is not sure to be described right for `fields`; nothing where it is."""
    verified: Mapping[str, Any] = kind.values.get("verified", {})
    own: Mapping[str, Any] | None = verified.get("classes", {}).get(class_name)
    if own is None:
        yield f"the table's entry of {class_name} was not verified"
        return
    for tokens, paths in (*verified.get("fields", {}).items(), *own.get("fields", {}).items()):
        allowed = frozenset(tokens.split(" "))
        for path in paths:
            value = fields.given(path)
            if value is UNKNOWN:
                continue
            excluded = {token for name, token in own.get("not", ()) if name == path}
            if not is_seen(value, allowed - excluded):
                yield f"{path} is {shown(value)}, for which {class_name} was not verified"


def is_seen(value: object, tokens: frozenset[str]) -> bool:
    """Whether one of the tokens stands for `value`, and of a list for its length and for each of its words."""
    if isinstance(value, list | tuple):
        words = {f"w:{one}" for one in value if isinstance(one, str)}
        return not tokens.isdisjoint(("l", f"l:{len(value)}")) and words <= tokens
    return not tokens.isdisjoint(tokens_of(value))


def tokens_of(value: object) -> Sequence[str]:
    """What stands for a value: first for all of its kind, then for it alone."""
    if isinstance(value, bool) or value is None:
        return ({True: "t", False: "f", None: "-"}[value],)
    if isinstance(value, int | float):
        kind = "r" if isinstance(value, float) and not value.is_integer() else "n" if value > 0 else "m" if value < 0 else "0"
        return (kind, f"={float(value):g}")
    if isinstance(value, str):
        return ("s", f"s:{value}")
    return ("d",)
