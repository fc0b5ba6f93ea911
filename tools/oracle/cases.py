"""Which class is saved, in which way, and which class loads it."""

from collections.abc import Iterator
from dataclasses import dataclass

from declared import Declared, auto_tables

# plain: float32. flipped: bfloat16, with switches of the config turned. twice: tied tensors stored under every name.
# fused: the names and the stacking of transformers' own modules where the published checkpoints have others.
VARIANTS = ("plain", "flipped")
FIRST_VARIANTS = (*VARIANTS, "twice", "fused")


@dataclass(frozen=True, order=True, kw_only=True)
class Case:
    """One folder."""

    model_type: str
    loaded: str
    variant: str
    saved: str

    @property
    def flips(self) -> bool:
        """Whether switches of the config are turned."""
        return self.variant == "flipped"

    @property
    def seed(self) -> str:
        """The same for all classes of a type, so that one may load what another saved."""
        return f"{self.model_type}/{'flipped' if self.flips else 'plain'}"

    @property
    def place(self) -> str:
        """The folder below the output."""
        return f"{self.model_type}/{self.loaded}/{self.variant}"


def own_cases(declared: Declared, loaded: str) -> Iterator[Case]:
    """A class that loads what it saved; the first class of a type in all ways."""
    first = loaded == declared.classes[0].__name__
    for variant in FIRST_VARIANTS if first else VARIANTS:
        yield Case(model_type=declared.model_type, loaded=loaded, variant=variant, saved=loaded)


def crossed_cases(declared: Declared) -> Iterator[Case]:
    """The base model's checkpoint in the first head, that of the first head in the base model and in the next two heads."""
    tables = auto_tables()
    named = tables["MODEL_MAPPING_NAMES"].get(declared.model_type, ())
    own = [found.__name__ for found in declared.classes]
    base = next((name for name in own if name in named), None)
    heads = [
        name for name in own if name not in named and any(name in table.get(declared.model_type, ()) for table in tables.values())
    ]
    pairs = [(base, heads[0]), (heads[0], base)] if base and heads else []
    for saved, loaded in pairs + [(heads[0], other) for other in heads[1:3]]:
        yield Case(model_type=declared.model_type, loaded=loaded, variant=f"from-{saved}", saved=saved)
