"""The components of a diffusers pipeline: each is a model of its own, in a folder of its own.

`model_index.json` names them: https://huggingface.co/docs/diffusers/main/en/using-diffusers/loading.
"""

from dataclasses import dataclass

from memscan.document import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One entry of `model_index.json` that is not null."""

    name: str
    """The folder of the component, in which its config.json stands where it has weights."""
    library: str
    class_name: str


def components(index: bytes) -> tuple[Component, ...]:
    """The components in the bytes of a model_index.json, in their order; schedulers, tokenizers and the like are among them."""
    found = []
    for name, value in Document.parse(index, "model_index.json", strict=False).values.items():
        match value:
            case [str(library), str(class_name)]:
                found.append(Component(name=name, library=library, class_name=class_name))
    return tuple(found)
