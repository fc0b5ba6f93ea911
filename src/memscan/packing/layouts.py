"""Every layout, by the methods that store weights in it."""

from collections.abc import Mapping

from memscan.packing.aqlm import AQLM
from memscan.packing.awq import AWQ
from memscan.packing.base import Layout
from memscan.packing.bitnet import BITNET
from memscan.packing.bitsandbytes import BITSANDBYTES
from memscan.packing.compressed_tensors import COMPRESSED_TENSORS
from memscan.packing.eetq import EETQ
from memscan.packing.gptq import AUTO_ROUND, GPTQ
from memscan.packing.higgs import HIGGS
from memscan.packing.hqq import HQQ
from memscan.packing.mlx import MLX
from memscan.packing.mxfp4 import MXFP4
from memscan.packing.quanto import QUANTO
from memscan.packing.scaled import SCALED
from memscan.packing.torchao import TORCHAO

LAYOUTS: Mapping[str, Layout] = {
    "aqlm": AQLM,
    "auto-round": AUTO_ROUND,
    "awq": AWQ,
    "bitnet": BITNET,
    "bitsandbytes": BITSANDBYTES,
    "compressed-tensors": COMPRESSED_TENSORS,
    "eetq": EETQ,
    "fbgemm_fp8": SCALED,
    "fp8": SCALED,
    "gptq": GPTQ,
    "higgs": HIGGS,
    "hqq": HQQ,
    "intel/auto-round": AUTO_ROUND,
    "metal": MLX,
    "mlx": MLX,
    "modelopt": SCALED,
    "modelopt_fp4": SCALED,
    "mxfp4": MXFP4,
    "mxfp8": SCALED,
    "quanto": QUANTO,
    "torchao": TORCHAO,
}
"""How each method stores a weight, by `quant_method`; of any other the number of parameters stays unknown."""
