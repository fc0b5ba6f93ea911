"""Layouts of quantized checkpoints, derived from the shapes of the dense model."""

from fixture_headers import Spec, Tensors


def is_packed(name: str, spec: Spec) -> bool:
    """Linear layers inside the decoder are packed; embeddings, the head and the norms are not."""
    return len(spec.shape) == 2 and ".layers." in name


def gptq(dense: Tensors, bits: int, group: int) -> Tensors:
    """AutoGPTQ: ``bits`` wide values packed along the input in I32, zero points along the output."""
    tensors: Tensors = {}
    for name, spec in dense.items():
        if not is_packed(name, spec):
            tensors[name] = spec
            continue
        rows, columns = spec.shape
        module = name.removesuffix(".weight")
        groups = -(-columns // group)
        tensors[f"{module}.bias"] = Spec(spec.dtype, (rows,))
        tensors[f"{module}.g_idx"] = Spec("I32", (columns,))
        tensors[f"{module}.qweight"] = Spec("I32", (columns * bits // 32, rows))
        tensors[f"{module}.qzeros"] = Spec("I32", (groups, rows * bits // 32))
        tensors[f"{module}.scales"] = Spec(spec.dtype, (groups, rows))
    return tensors


def compressed_tensors(dense: Tensors, bits: int, group: int) -> Tensors:
    """The pack-quantized format: rows packed in I32, one scale a group, the dense shape kept beside them."""
    tensors: Tensors = {}
    for name, spec in dense.items():
        if not is_packed(name, spec):
            tensors[name] = spec
            continue
        rows, columns = spec.shape
        module = name.removesuffix(".weight")
        tensors[f"{module}.weight_packed"] = Spec("I32", (rows, -(-columns * bits // 32)))
        tensors[f"{module}.weight_scale"] = Spec(spec.dtype, (rows, -(-columns // group)))
        tensors[f"{module}.weight_shape"] = Spec("I64", (2,))
    return tensors
