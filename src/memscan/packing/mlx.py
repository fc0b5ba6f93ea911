"""MLX, and transformers' Metal kernels, which write the same: `weight` U32 [out, in * bits / 32], `scales` [out, in / group].

Affine quantization has `biases` (Metal: `qbiases`) of the scales' shape; the float modes, mxfp4 and nvfp4, have none. Embeddings
and stacked experts are packed alike. Source: `quantize` in https://github.com/ml-explore/mlx/blob/main/mlx/ops.cpp.
"""

from memscan.architecture import Scheme
from memscan.packing.base import ITSELF, Hidden, Layout, Logical, Names, Shape, Stored, item_bits
from memscan.tensor import TensorInfo

NAMES = Names(module=frozenset({"scales", "biases", "qbiases"}))


def unpack_mlx(weight: Stored, main: TensorInfo) -> Logical | Hidden | None:
    """(..., out, in): as many inputs as the scales' groups have, if they fill the packed words exactly."""
    scales = weight.shape("scales")
    if item_bits(main) != 32 or main.dtype.name not in ("U32", "uint32", "I32", "int32"):
        return None
    if scales is None or scales[:-1] != main.shape[:-1]:
        return weight.hidden("not MLX's layout, packed words beside scales")

    def fits(scheme: Scheme) -> Shape | None:
        width = scales[-1] * (scheme.group_size or 0)
        return (*main.shape[:-1], width) if width and width * (scheme.bits or 0) == main.shape[-1] * 32 else None

    return weight.fitting(fits)


MLX = Layout(place=NAMES.place, mains=(ITSELF,), unpack=unpack_mlx)
