"""Tensors of a torch checkpoint, read from the calls that would rebuild them.

Sources: https://github.com/pytorch/pytorch/blob/main/torch/_utils.py (`_rebuild_*`), torch/_tensor.py (`__reduce_ex__`).
"""

from collections.abc import Callable

from memscan.formats.pickle import Call, Global, Table
from memscan.formats.torch_globals import is_tensor_class
from memscan.formats.torch_view import Place, View, count_elements, counts, read_dtype, read_view

Children = tuple[tuple[object, object], ...]
"""Values inside a value, each with the key that its name gets; an empty string adds none."""


def expand(call: Call, place: Place) -> View | Children:
    """The tensor that `call` would make; or, where it makes something else, what is inside."""
    reader = READERS.get(str(call.function))
    if reader is not None:
        return reader(call, place)
    if call.function.name.startswith("_rebuild"):
        place.refuse(f"would be rebuilt by {call.function}, which memscan does not know")
    if call.function.module.startswith("torch") and is_tensor_class(call.function.name):
        return _early_tensor(call, place)
    return _inside(call)


def _inside(call: Call) -> Children:
    """The state, the items and the arguments of any other object."""
    states = tuple(part for state in call.states for part in _state(state))
    if len(call.arguments) == 1:
        return (*states, ("", call.arguments[0]))
    return (*states, *enumerate(call.arguments))


def _state(state: object) -> Children:
    """A state; of an object with slots (https://docs.python.org/3/library/pickle.html#object.__getstate__), its two tables."""
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], Table):
        return (("", state[0]), ("", state[1]))
    return (("", state),)


def _tensor(call: Call, place: Place) -> View:
    """`_rebuild_tensor` and `_rebuild_tensor_v2`: storage, offset, size, stride and more."""
    return read_view(_at_least(call, 4, place)[:4], None, place)


def _typed_tensor(call: Call, place: Place) -> View:
    """`_rebuild_tensor_v3`: untyped bytes, and the dtype behind the hooks."""
    parts = _at_least(call, 7, place)
    return read_view(parts[:4], read_dtype(parts[6], place), place)


def _quantized_tensor(call: Call, place: Place) -> View | Children:
    """`_rebuild_qtensor`: the integers, and for quantization by channel the scales and zero points."""
    *parts, parameters = _at_least(call, 5, place)[:5]
    integers = read_view(tuple(parts), None, place)
    if isinstance(parameters, tuple) and len(parameters) == 4:
        return (("", integers), ("scales", parameters[1]), ("zero_points", parameters[2]))
    return integers


def _sparse_tensor(call: Call, place: Place) -> Children:
    """`_rebuild_sparse_tensor`: a layout, and the tensors that it is stored in."""
    layout, data, *_ = _at_least(call, 2, place)
    if isinstance(layout, Call):  # _get_layout("torch.sparse_coo")
        layout = layout.arguments[0] if layout.arguments else None
    names = SPARSE.get(str(layout).removeprefix("torch.")) if isinstance(layout, str | Global) else None
    if names is None or not isinstance(data, tuple) or len(data) < len(names):
        place.refuse("has a sparse layout that memscan does not know")
    return tuple(zip(names, data, strict=False))


def _parameter(call: Call, _place: Place) -> Children:
    """A tensor in an envelope: a parameter, or a tensor that was moved off its device; and what was set on it."""
    if call.arguments:
        return (("", call.arguments[0]), *(part for state in call.states for part in _state(state)))
    return tuple(("", state[0]) for state in call.states if isinstance(state, tuple) and state)


def _parameter_with_state(call: Call, place: Place) -> Children:
    data, _, _, state, *_ = _at_least(call, 4, place)
    return (("", data), *_state(state))


def _subclass(call: Call, place: Place) -> Children:
    """`_rebuild_from_type_v2`: another call's tensor, and the state of the subclass."""
    function, _, arguments, state, *_ = _at_least(call, 4, place)
    if not isinstance(function, Global) or not isinstance(arguments, tuple):
        place.refuse("is a tensor subclass without a call that makes it")
    return (("", Call(function, arguments)), *_state(state))


def _nested_tensor(call: Call, place: Place) -> Children:
    return tuple(zip(("values", "sizes", "strides", "offsets"), _at_least(call, 4, place), strict=False))


def _meta_tensor(call: Call, place: Place) -> View:
    dtype, size, *_ = _at_least(call, 2, place)
    return View(read_dtype(dtype, place), counts(size, "shape", place), None, 0, 0)


def _array_tensor(call: Call, place: Place) -> View:
    """`_rebuild_device_tensor_from_numpy`: the array's state is (version, shape, dtype, order, bytes)."""
    array, dtype, *_ = _at_least(call, 2, place)
    state = array.states[0] if isinstance(array, Call) and array.states else None
    if not isinstance(state, tuple) or len(state) < 2:
        place.refuse("holds a numpy array without a shape")
    known, shape = read_dtype(dtype, place), counts(state[1], "shape", place)
    return View(known, shape, None, 0, known.packed_nbytes(count_elements(shape, place)))


def _early_tensor(call: Call, place: Place) -> View | Children:
    """A tensor of torch's first releases, which had its storage, offset, size and stride as its state."""
    state = call.states[0] if call.states else None
    if isinstance(state, tuple) and len(state) == 4:
        return read_view(state, None, place)
    return _inside(call)


def _at_least(call: Call, count: int, place: Place) -> tuple[object, ...]:
    if len(call.arguments) < count:
        place.refuse(f"would be rebuilt by {call.function} from {len(call.arguments)} arguments, expected {count} or more")
    return call.arguments


COMPRESSED_ROWS, COMPRESSED_COLUMNS = ("crow_indices", "col_indices", "values"), ("ccol_indices", "row_indices", "values")
SPARSE: dict[str, tuple[str, ...]] = {
    "sparse_coo": ("indices", "values"),
    "sparse_csr": COMPRESSED_ROWS,
    "sparse_bsr": COMPRESSED_ROWS,
    "sparse_csc": COMPRESSED_COLUMNS,
    "sparse_bsc": COMPRESSED_COLUMNS,
}
"""The tensors that each layout is stored in."""

READERS: dict[str, Callable[[Call, Place], View | Children]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_qtensor": _quantized_tensor,
    "torch._utils._rebuild_sparse_tensor": _sparse_tensor,
    "torch._utils._rebuild_sparse_csr_tensor": _sparse_tensor,
    "torch._utils._rebuild_nested_tensor": _nested_tensor,
    "torch._utils._rebuild_meta_tensor_no_storage": _meta_tensor,
    "torch._utils._rebuild_device_tensor_from_numpy": _array_tensor,
    "torch._utils._rebuild_xla_tensor": _array_tensor,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _parameter,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter_with_state,
    # No bytes of its own: the tensors of a wrapper are in the state beside it.
    "torch._utils._rebuild_wrapper_subclass": lambda _call, _place: (),
    "torch._tensor._rebuild_from_type": _subclass,
    "torch._tensor._rebuild_from_type_v2": _subclass,
    "torch.tensor._rebuild_from_type": _subclass,
    "torch.nn.parameter.Parameter": _parameter,
    "torch.nn.parameter.Buffer": _parameter,
    "torch.autograd.variable.Variable": _parameter,
}
"""How each rebuild function's call is read."""
