"""Sides of a comparison built by hand, and the checkpoints that the tests compare."""

from collections.abc import Iterable, Mapping, Sequence

from memscan.compare import Diff, Level, Side, compare
from memscan.compare.side import held
from memscan.model import Origin
from memscan.tensor import TensorInfo
from tests.writers.tensors import tensor


def side(tensors: Iterable[TensorInfo], name: str = "here") -> Side:
    """A side that stores `tensors`."""
    stored = tuple(tensors)
    return Side(
        origin=Origin(requested=name, name=name), scope="checkpoint", class_name=None, level=Level.TENSORS, tensors=stored,
        count=len(stored), nbytes=sum(one.nbytes for one in stored), parameters=sum(one.elements for one in stored),
        dtypes=held(stored), largest_layer=None, quantization=None, is_measured=True,
    )  # fmt: skip


def diff(before: Iterable[TensorInfo], after: Iterable[TensorInfo]) -> Diff:
    return compare(side(before), side(after))


def of_names(shapes: Mapping[str, Sequence[int]], dtype: str = "F32") -> list[TensorInfo]:
    return [tensor(name, shape, dtype) for name, shape in shapes.items()]


HIDDEN, VOCABULARY, WIDE = 64, 1000, 200
HF = {
    "self_attn.q_proj": (HIDDEN, HIDDEN), "self_attn.k_proj": (16, HIDDEN), "self_attn.v_proj": (16, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN), "mlp.gate_proj": (WIDE, HIDDEN), "mlp.up_proj": (WIDE, HIDDEN),
    "mlp.down_proj": (HIDDEN, WIDE), "input_layernorm": (HIDDEN,), "post_attention_layernorm": (HIDDEN,),
}  # fmt: skip
"""The modules of one block of Llama, as transformers calls them, with small shapes."""


def llama(
    *, layers: int = 4, prefix: str = "model.", block: str = "layers", names: Mapping[str, str] | None = None,
    dtype: str = "BF16", vocabulary: int = VOCABULARY,
) -> list[TensorInfo]:  # fmt: skip
    """A small Llama; `names` gives modules of a block other names."""
    named = names or {}
    found = [tensor(f"{prefix}embed_tokens.weight", (vocabulary, HIDDEN), dtype)]
    for layer in range(layers):
        for module, shape in HF.items():
            kind = dtype if len(shape) > 1 else "BF16"
            found.append(tensor(f"{prefix}{block}.{layer}.{named.get(module, module)}.weight", shape, kind))
    return [*found, tensor(f"{prefix}norm.weight", (HIDDEN,), "BF16")]


def experts(*, layers: int, count: int, dtype: str = "BF16", prefix: str = "model.", up: str = "up_proj") -> list[TensorInfo]:
    """A model of many small experts."""
    shapes = {up: (64, 128), "gate_proj": (64, 128), "down_proj": (128, 64)}
    found = [tensor(f"{prefix}embed_tokens.weight", (1000, 64), "BF16")]
    for layer in range(layers):
        found.append(tensor(f"{prefix}layers.{layer}.input_layernorm.weight", (64,), "BF16"))
        for expert in range(count):
            base = f"{prefix}layers.{layer}.mlp.experts.{expert}"
            found += [tensor(f"{base}.{name}.weight", shape, dtype) for name, shape in shapes.items()]
    return found
