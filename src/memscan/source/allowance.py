"""How many bytes one scan may read, where somebody else pays for the memory that they take."""

from memscan.errors import TargetError
from memscan.units import seed_bytes


class Allowance:
    """Bytes that the replies of one scan may have together; a range is counted when it is asked for."""

    def __init__(self, most: int | None) -> None:
        """`most` None: any number, which the bounds of each reply limit."""
        self._most = most
        self._taken = 0

    def bound(self, limit: int) -> int:
        """How long a reply may be that may have `limit` bytes; TargetError where nothing is left."""
        if self._most is None:
            return limit
        if self._taken >= self._most:
            raise self.spent()
        return min(limit, self._most - self._taken)

    def take(self, nbytes: int) -> None:
        """Count `nbytes`; TargetError where they are too many."""
        self._taken += nbytes
        if self._most is not None and self._taken > self._most:
            raise self.spent()

    def spent(self) -> TargetError:
        """What is said where all are taken."""
        return TargetError(
            f"to read this takes more than {seed_bytes(self._most or 0)}, the most that is read here at once;"
            " run memscan on a machine of your own"
        )
