"""What each optimizer keeps for a parameter, to the byte."""

from memscan.optimizers.base import Optimizer, State, Trained
from memscan.optimizers.flat import flat, piece
from memscan.optimizers.registry import OPTIMIZERS
from memscan.optimizers.states import States, states

__all__ = ["OPTIMIZERS", "Optimizer", "State", "States", "Trained", "flat", "piece", "states"]
