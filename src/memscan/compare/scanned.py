"""A scanned model as one side of a comparison."""

from collections.abc import Iterator
from dataclasses import dataclass

from memscan.checkpoint import is_buffer
from memscan.compare.side import Level, Side, held
from memscan.estimate import Layer
from memscan.model import CHECKPOINT, Model, Scope, Scopes, scopes
from memscan.modules import units
from memscan.note import Note

SCOPE_UNKNOWN = "scope-unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """A model with all its scopes."""

    model: Model
    scopes: Scopes

    @classmethod
    def of(cls, model: Model) -> "Scanned":
        """`model` with its scopes; an error of memscan where its config is wrong."""
        return cls(model=model, scopes=scopes(model))

    def knows(self, scope: str) -> bool:
        """Whether it is known exactly what is in `scope`; of the checkpoint the bytes always are."""
        found = self.scopes.by_name.get(scope)
        return found is not None and (scope == CHECKPOINT or found.unknown is None)

    def side(self, scope: str) -> Side:
        """The side that it is in `scope`, which it knows."""
        chosen, model = self.scopes.by_name[scope], self.model
        stored = held(model.checkpoint.tensors) if scope == CHECKPOINT else {}
        return Side(
            origin=model.origin, scope=scope, class_name=chosen.class_name, level=Level.TENSORS, tensors=chosen.tensors,
            count=len(chosen.tensors), nbytes=sum([tensor.nbytes for tensor in chosen.tensors]), parameters=chosen.parameters,
            dtypes=held(chosen.tensors), stored=stored, largest_layer=_largest(chosen), quantization=model.quantization,
            is_measured=bool(model.checkpoint.shards) and not chosen.created, notes=tuple(self._notes(scope)),
        )  # fmt: skip

    def _notes(self, scope: str) -> Iterator[Note]:
        """Those of the scan. What a class leaves out of a checkpoint is no matter of the checkpoint."""
        yield from (*self.model.notes, *self.model.checkpoint.notes)
        yield from (note for note in self.scopes.notes if scope != CHECKPOINT or note.code != SCOPE_UNKNOWN)
        others = len(self.model.alternatives)
        if others:
            message = f"of {others + 1} quantizations here {self.model.label} is compared; --file names another"
            yield Note(code="one-quantization", message=message)


def _largest(scope: Scope) -> Layer | None:
    """The largest unit that stays whole on one device."""
    found = units(scope.tensors, block_of=scope.block_of, owners=scope.owners)
    if not found:
        return None
    # Each unit's bytes are summed up once: there may be as many units as tensors.
    nbytes, unit = max(((unit.nbytes, unit) for unit in found), key=lambda pair: pair[0])
    elements = sum(tensor.elements for tensor in unit.tensors if not is_buffer(tensor))
    return Layer(name=unit.name, parameters=None if scope.parameters is None else elements, nbytes=nbytes)
