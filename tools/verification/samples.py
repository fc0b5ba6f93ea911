"""Configs of a model type that the table's probes have not seen: random sizes, switches, lists and kinds of layers together."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from architectures.probes import Asked, Fields, Probe, Prober, Tree

TURNS = 3  # draws for each sample that is wanted
SOME = 0.25  # of the switches


class Sampler(Prober):
    """Draws valid configs; what the class takes is found as the probes find it, with another seed."""

    def samples(self, wanted: int) -> Iterator[Probe]:
        """The default, and configs in which all that may differ does."""
        first = self._try({})
        if first is None:
            return
        yield first
        layers = self._allowed(self._layers())
        numbers = {**layers, **self._allowed(self._numbers(), layers)}
        switches: dict[str, list[Any]] = {}
        for name, value in self._switches():
            if self._try({**layers, name: value}) is not None:
                switches.setdefault(name, []).append(value)
        found = 1
        for turn in range(wanted * TURNS):
            if found >= wanted or (turn >= wanted and found < wanted // 4):
                return
            probe = self._sample(numbers, switches)
            if probe is not None:
                found += 1
                yield probe

    def _sample(self, numbers: Fields, switches: Mapping[str, Sequence[Any]]) -> Probe | None:
        """One config; with fewer changes at once, the less the class takes."""
        sizes = {name: self._value(name, self._default.get(name)) for name in numbers}
        for one, other in self._compared:
            if one in sizes and other in sizes and self._random.random() < SOME:
                sizes[one] = sizes[other]
        chosen = {name: self._random.choice(values) for name, values in switches.items() if self._random.random() < SOME}
        values = {**self._default, **sizes}
        lists = dict(self._lists(values)) if self._random.random() < 0.5 else {}
        if self._random.random() < SOME:
            lists.update(self._stages(values))
        for changed in ({**sizes, **chosen, **lists}, {**sizes, **lists}, {**sizes, **chosen}, self._some({**sizes, **chosen})):
            probe = self._try(changed)
            if probe is not None:
                return probe
        return None

    def _some(self, fields: Fields) -> Fields:
        return {name: value for name, value in fields.items() if self._random.random() < 0.6}


def sampler(kind: Any, accepts: Any, seed: str, tree: Tree, asked: Asked) -> Sampler:
    """One whose draws depend on nothing but the seed."""
    return Sampler(kind, accepts, random.Random(seed).randrange(1 << 30), tree, asked)
