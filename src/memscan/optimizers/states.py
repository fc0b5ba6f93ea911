"""The states of an optimizer for all parameters of a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from memscan.errors import UsageError
from memscan.item import Basis, Item
from memscan.optimizers.base import Trained
from memscan.optimizers.registry import OPTIMIZERS


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """What an optimizer keeps, in bytes."""

    nbytes: int
    """Of all tensors that it keeps, each once."""
    parts: Mapping[str, int] = field(default_factory=dict)
    """Bytes by the name of the state, as the library spells it."""
    formula: str
    """How they come about, with the numbers put in."""
    source: str
    """The class whose rule it is, with library and version."""
    step: Item
    """What a step holds for a while besides weights, gradients and states."""
    notes: tuple[str, ...] = ()

    @property
    def item(self) -> Item:
        """The line of a bill."""
        return Item(
            name="optimizer states", nbytes=self.nbytes, basis=Basis.DERIVED, note="; ".join(self.notes), formula=self.formula,
            source=self.source,
        )  # fmt: skip


def states(parameters: Sequence[Trained], optimizer: str) -> States:
    """What `optimizer`, a key of `OPTIMIZERS`, keeps for `parameters`; UsageError for a name that there is not.

    Exact to the byte of every tensor; an allocator rounds each up to blocks of its own.
    """
    if optimizer not in OPTIMIZERS:
        raise UsageError(f"no optimizer is called {optimizer!r}; there are {', '.join(OPTIMIZERS)}")
    kind = OPTIMIZERS[optimizer]
    terms: dict[tuple[str, int], int] = {}
    shared: dict[str, int] = {}
    for parameter in parameters:
        for state in kind.kept(parameter):
            if state.shared:
                shared[state.name] = state.nbytes
            else:
                key = (state.name, state.itemsize)
                terms[key] = terms.get(key, 0) + state.elements
    parts = dict(shared)
    for (name, itemsize), elements in terms.items():
        parts[name] = parts.get(name, 0) + elements * itemsize
    return States(
        nbytes=sum(parts.values()), parts=parts, formula=_formula(terms, shared), source=kind.source, step=kind.step(parameters),
        notes=kind.notes(parameters),
    )  # fmt: skip


def _formula(terms: Mapping[tuple[str, int], int], shared: Mapping[str, int]) -> str:
    words = [f"{elements:,} x {itemsize} ({name})" for (name, itemsize), elements in terms.items()]
    words += [f"{nbytes:,} ({name}, once)" for name, nbytes in shared.items()]
    return " + ".join(words) or "0"
