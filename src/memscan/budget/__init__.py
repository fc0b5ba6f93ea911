"""Does it keep within its limits: figures beside budgets, and what is to be said of each."""

from memscan.budget.base import Bound, Figure, Finding, Gate, Limit, Outcome, Place

__all__ = ["Bound", "Figure", "Finding", "Gate", "Limit", "Outcome", "Place"]
