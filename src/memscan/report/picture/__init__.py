"""Pictures: where the bytes of a model are, what a bill is made of, how it grows with the context; each one SVG document."""

from collections.abc import Sequence

from memscan.bills import Bill
from memscan.estimate import Report
from memscan.fit import OverContext
from memscan.report.picture.bars import bill_drawing
from memscan.report.picture.curve import context_drawing
from memscan.report.picture.drawing import NARROW, WIDE, stacked
from memscan.report.picture.treemap import tree_drawing


def tree_picture(report: Report, *, width: int = WIDE) -> str:
    """Modules as areas in proportion to the bytes that they take, in `width` units (WIDE or NARROW, for telephones)."""
    return tree_drawing(report, width).svg()


def bill_picture(bills: Bill | Sequence[Bill], *, width: int = WIDE) -> str:
    """One or several bills as bars on one scale, beside the device where a bill has one."""
    return bill_drawing([bills] if isinstance(bills, Bill) else bills, width).svg()


def context_picture(found: OverContext, *, width: int = WIDE) -> str:
    """Memory over the length of the context, from `memscan.fit.over_context`, and where it outgrows the device."""
    return context_drawing(found, width).svg()


__all__ = ["NARROW", "WIDE", "bill_picture", "context_picture", "stacked", "tree_picture"]
