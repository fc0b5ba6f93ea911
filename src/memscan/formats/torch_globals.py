"""The names that a torch checkpoint may load: what memscan reads, and nothing else.

The list is that of torch's own restricted loader (`_get_allowed_globals` in
https://github.com/pytorch/pytorch/blob/main/torch/_weights_only_unpickler.py), the forms that older releases wrote, and
plain holders of state that public training checkpoints carry beside their weights. Reading a name never imports it, so a
longer list is no danger; a short one tells whoever would load the file what waits in it.
"""

import re

from memscan.dtype import STORAGES, TORCH
from memscan.formats.pickle import Global

STORAGE_MODULES = frozenset({"torch", "torch.cuda", "torch.xpu", "torch.storage"})
# torch's own spellings of a dtype; a dtype younger than the table is read and named (its storage says how long it is).
DTYPE = re.compile(r"(?:q?u?int|b?float|complex|bits)\d\w*|bool|half|float|double|short|int|long|c(?:half|float|double)")
CLASS = re.compile(r"[A-Z]\w*")

NAMES: dict[str, frozenset[str]] = {
    "torch._utils": frozenset({
        "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter", "_rebuild_parameter_with_state",
        "_rebuild_sparse_tensor", "_rebuild_sparse_csr_tensor", "_rebuild_qtensor", "_rebuild_nested_tensor",
        "_rebuild_wrapper_subclass", "_rebuild_meta_tensor_no_storage", "_rebuild_device_tensor_from_numpy",
        "_rebuild_device_tensor_from_cpu_tensor", "_rebuild_xla_tensor",
    }),
    "torch._tensor": frozenset({"Tensor", "_rebuild_from_type", "_rebuild_from_type_v2"}),
    "torch.tensor": frozenset({"_rebuild_from_type"}),
    "torch": frozenset({
        "Size", "Tensor", "device", "dtype", "Generator", "strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr",
        "sparse_bsc", "per_tensor_affine", "per_channel_affine", "per_tensor_symmetric", "per_channel_symmetric",
        "per_channel_affine_float_qparams", "contiguous_format", "channels_last", "channels_last_3d", "preserve_format",
    }),
    "torch.serialization": frozenset({"_get_layout"}),
    "torch.nn.parameter": frozenset({"Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer"}),
    "torch.autograd.variable": frozenset({"Variable"}),
    "torch.jit._pickle": frozenset({
        "build_intlist", "build_tensorlist", "build_doublelist", "build_boollist", "build_tensor_from_id", "restore_type_tag",
    }),
    "builtins": frozenset({
        "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range", "set",
        "slice", "str", "tuple",
    }),
    "copyreg": frozenset({"_reconstructor", "__newobj__"}),
    "_codecs": frozenset({"encode"}),
    "collections": frozenset({"Counter", "OrderedDict", "defaultdict", "deque"}),
    "numpy": frozenset({"dtype", "ndarray"}),
    "numpy.core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy._core.multiarray": frozenset({"_reconstruct", "scalar"}),
    # Holders of state without behaviour: arguments, paths, dates.
    "argparse": frozenset({"Namespace"}),
    "types": frozenset({"SimpleNamespace"}),
    "typing": frozenset({"Any"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    "fractions": frozenset({"Fraction"}),
    "uuid": frozenset({"UUID"}),
    "pathlib": frozenset({"Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"}),
}  # fmt: skip
"""Every single name, by its module."""

FAMILIES = (
    "__torch__",  # the classes of a TorchScript archive, defined by its own code
    "numpy.dtypes",
    "torch.nn.modules",  # models that were saved whole, of torch's own layers
    "torchao",  # tensor subclasses of quantized weights
    "torch.distributed.tensor",
    "torch.distributed._tensor",
    "torch.distributed.device_mesh",
    "omegaconf",  # configurations inside fairseq, NeMo and Lightning checkpoints
    "pytorch_lightning.callbacks",  # the keys under which Lightning keeps its callbacks' state
    "lightning.pytorch.callbacks",
)
"""Packages whose classes, and only classes, are read as inert records."""


def allows(wanted: Global) -> bool:
    """Whether a torch checkpoint may name `wanted`."""
    module, name = wanted.module, wanted.name
    if name in NAMES.get(module, ()):
        return True
    if module in STORAGE_MODULES and name in STORAGES:
        return True
    if module in ("torch", "torch.cuda", "torch.sparse") and is_tensor_class(name):
        return True
    if module == "torch" and (name in TORCH or DTYPE.fullmatch(name)):
        return True
    family = any(module == package or module.startswith(f"{package}.") for package in FAMILIES)
    return family and CLASS.fullmatch(name) is not None


def is_tensor_class(name: str) -> bool:
    """Whether `name` is that of a tensor class of torch's first releases: `FloatTensor`, `HalfTensor`."""
    return name.endswith("Tensor") and f"{name.removesuffix('Tensor')}Storage" in STORAGES
