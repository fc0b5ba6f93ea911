"""Which of a config's schemes a stored weight may follow, the likeliest first."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from memscan.architecture import Quantization, Scheme
from memscan.packing.targets import Pattern, is_name

MAX_PATTERNS = 64  # that are tried on a name; real configs have a few. Names without wildcards are looked up.
MAX_SCHEMES = 32  # that differ in more than their targets; real configs have up to four
Tiers = tuple[tuple[Scheme, ...], ...]
"""Schemes that a weight may follow; where the shapes fit more than one, the first tier that has one of them decides."""


class Schemes:
    """The schemes of one config, ready to be asked for a parameter's name."""

    def __init__(self, quantization: Quantization, widths: Iterable[int] = ()) -> None:
        """Prepare `quantization`; where it does not say how many bits, each of `widths` is possible."""
        self._quantization = quantization
        self._widths = tuple(widths)
        every = dict.fromkeys(self._possible(quantization.default))
        self._exact: dict[str, Tiers] = {}
        self._patterns: list[tuple[Pattern, tuple[Scheme, ...]]] = []
        for declared in quantization.schemes:
            possible = tuple(self._possible(replace(declared, targets=())))
            every.update(dict.fromkeys(possible))
            self._add(declared.targets, possible)
        self._all = tuple(every)[: MAX_SCHEMES + 1]
        self._plain: Tiers = (self._all,)
        self._is_one = len(self._all) <= 1
        self._matched: dict[tuple[int, ...], Tiers] = {}

    @property
    def are_too_many(self) -> bool:
        """Whether there are more than one can try on each weight."""
        return len(self._all) > MAX_SCHEMES

    def _possible(self, scheme: Scheme) -> Iterator[Scheme]:
        if scheme.bits is not None:
            yield scheme
        elif scheme is not self._quantization.default or not any(one.bits for one in self._quantization.schemes):
            yield from (replace(scheme, bits=bits) for bits in self._widths)

    def _add(self, targets: Iterable[str], schemes: tuple[Scheme, ...]) -> None:
        for target in targets:
            if is_name(target):
                self._exact.setdefault(target, (schemes,))
            elif len(self._patterns) < MAX_PATTERNS:
                self._patterns.append((Pattern.parse(target), schemes))

    def tiers(self, name: str) -> Tiers:
        """What the parameter `name` may follow: the same object for equal answers."""
        if self._is_one:
            return self._plain
        module = name.removesuffix(".weight")
        named = self._exact.get(module) or self._exact.get(module.partition(".")[2])  # a part's names have its own before them
        if named is not None or not self._patterns:
            return named or self._plain
        matched = tuple(index for index, (pattern, _) in enumerate(self._patterns) if pattern.matches(module))
        if matched not in self._matched:
            first = tuple(dict.fromkeys(scheme for index in matched for scheme in self._patterns[index][1]))
            self._matched[matched] = (first, self._all)
        return self._matched[matched]
