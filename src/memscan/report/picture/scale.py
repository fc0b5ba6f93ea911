"""An axis of bytes."""

from dataclasses import dataclass

from memscan.report.picture.drawing import Drawing, number
from memscan.units import iec_bytes

QUARTERS = (1, 2, 4, 8, 20, 40, 80, 200, 400, 800, 2000, 4000, 4096, *(4096 << power for power in range(1, 64)))
"""Round amounts, in quarters of a unit."""
TICKS = 6


def ticks(most: int, count: int = TICKS) -> list[int]:
    """Round amounts from 0 to `most`, about `count` of them."""
    unit = 1
    while unit * 1024 <= most and unit < 1 << 50:
        unit *= 1024
    step = next(one * unit // 4 for one in QUARTERS if most * 4 <= one * unit * count)
    step = max(step, 1)
    return [index * step for index in range(int(most // step) + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From bytes to places across."""

    most: int
    start: float
    room: float

    def at(self, nbytes: int) -> float:
        """Where so many bytes end."""
        return self.start + self.room * nbytes / self.most

    def axis(self, drawing: Drawing) -> None:
        """The line below the bars with what its marks stand for."""
        y = drawing.y + 6
        every = ticks(self.most, TICKS if self.room > 500 else 3)
        marks = "".join(f"M{number(self.at(one))} {number(y)}v5" for one in every)
        drawing.path(f"M{number(self.start)} {number(y)}H{number(self.start + self.room)}{marks}", "line")
        for one in every:
            x = self.at(one)
            kind = "quiet small" if one == 0 else "quiet small middle"
            near_the_end = x > self.start + self.room - 30
            drawing.text(x, y + 18, iec_bytes(one) if one else "0", "quiet small end" if near_the_end else kind, room=90, size=12)
        drawing.y = y + 22
