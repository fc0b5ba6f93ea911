"""Small models, in folders."""

from pathlib import Path

from tests.writers.safetensors import write

Shapes = dict[str, tuple[int, ...]]


def bert_like(*, vocabulary: int = 1000, hidden: int = 32, layers: int = 2) -> Shapes:
    """The shapes of a small encoder."""
    blocks = {
        f"encoder.layer.{number}.{name}.weight": (hidden, hidden)
        for number in range(layers)
        for name in ("attention.query", "attention.key", "attention.value", "output.dense")
    }
    return {"embeddings.word_embeddings.weight": (vocabulary, hidden), **blocks}


def write_model(folder: Path, shapes: Shapes) -> Path:
    """A folder with one safetensors file of float32 zeros."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(write({name: ("F32", shape) for name, shape in shapes.items()}))
    return folder
