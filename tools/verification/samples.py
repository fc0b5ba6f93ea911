"""Configs of a model type that the table's probes have not seen: random sizes, switches, lists and kinds of layers together."""

import random
from collections.abc import Iterator
from typing import Any

from architectures.probes import Asked, Probe, Prober, Tree

TURNS = 3  # draws for each sample that is wanted


class Sampler(Prober):
    """Draws valid configs as the last of the probes are drawn, with another seed."""

    again = 0

    def samples(self, wanted: int) -> Iterator[Probe]:
        """The default, and configs in which all that may differ does."""
        first = self._try({})
        if first is None:
            return
        yield first
        layers = self._allowed(self._layers())
        numbers = {**layers, **self._allowed(self._numbers(), layers)}
        switches = [(name, value) for name, value in self._switches() if self._try({**layers, name: value}) is not None]
        found = 1
        for turn in range(wanted * TURNS):
            if found >= wanted or (turn >= wanted and found < wanted // 4):
                return
            probe = self._mixed(numbers, switches)
            if probe is not None:
                found += 1
                yield probe


def sampler(kind: Any, accepts: Any, seed: str, tree: Tree, asked: Asked) -> Sampler:
    """One whose draws depend on nothing but the seed."""
    return Sampler(kind, accepts, random.Random(seed).randrange(1 << 30), tree, asked)
