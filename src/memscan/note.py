"""A remark that goes with a result: what was seen that a reader of the numbers should know."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One remark, with a code for programs and a sentence for people."""

    code: str
    """A stable, lower-case, dashed word; documented in docs/json.md."""
    message: str
    """One sentence. Sizes in it are exact bytes or IEC units."""
