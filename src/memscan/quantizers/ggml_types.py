"""Which type llama.cpp's quantizer chooses for a tensor, without an importance matrix.

`llama_tensor_get_type_impl` and `tensor_type_fallback` in
https://github.com/ggml-org/llama.cpp/blob/master/src/llama-quant.cpp.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from memscan.dtype import GGML, DType
from memscan.quantizers.ggml_matrices import Matrix
from memscan.quantizers.ggml_model import F16, Model
from memscan.quantizers.ggml_roles import Role

TYPES: Mapping[str, DType] = {dtype.name: dtype for dtype in GGML.values()}
FALLBACKS: Mapping[str, str] = {
    "IQ4_XS": "IQ4_NL", "Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0",
}  # fmt: skip
"""What replaces a type whose blocks do not fill the rows."""
EIGHT = 8  # experts: llama.cpp has rules of its own for Mixtral
FEW_KEYS = 4  # heads that share a key, from which on values are small enough for more bits

Rule = Callable[[Model, int, int], str]
"""A type by the model, the number of the layer and how many layers there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The types of one mix."""

    usual: str
    value: Rule
    down: Rule
    attention_output: str
    attention_output_of_eight: str
    """With eight experts."""


def more_bits(layer: int, layers: int) -> bool:
    """The first and the last eighth of the layers, and every third between."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def _always(name: str) -> Rule:
    return lambda _model, _layer, _layers: name


def _often(usual: str, better: str) -> Rule:
    return lambda _model, layer, layers: better if more_bits(layer, layers) else usual


def _grouped(usual: str, better: str) -> Rule:
    return lambda model, _layer, _layers: better if model.group >= FEW_KEYS else usual


def _first_two(_: Model, layer: int, _layers: int) -> str:
    return "Q5_K" if layer < 2 else "Q4_K"


def _first_eighth(_: Model, layer: int, layers: int) -> str:
    return "Q5_K" if layer < layers // 8 else "IQ4_XS"


def _down_q3(model: Model, layer: int, layers: int) -> str:
    if layer < layers // 16:
        return "Q5_K"
    return "Q3_K" if model.family.architecture == "falcon" and not more_bits(layer, layers) else "Q4_K"


def _down_q4(model: Model, layer: int, layers: int) -> str:
    if model.family.architecture != "falcon":
        return "Q6_K" if more_bits(layer, layers) else "Q4_K"
    if layer < layers // 16:
        return "Q6_K"
    return "Q5_K" if more_bits(layer, layers) else "Q4_K"


def _flat(name: str) -> Rules:
    one = _always(name)
    return Rules(usual=name, value=one, down=one, attention_output=name, attention_output_of_eight=name)


RULES: Mapping[str, Rules] = {
    "Q8_0": _flat("Q8_0"),
    "Q6_K": _flat("Q6_K"),
    "Q5_K_M": Rules(
        usual="Q5_K", value=_often("Q5_K", "Q6_K"), down=_often("Q5_K", "Q6_K"), attention_output="Q5_K",
        attention_output_of_eight="Q5_K",
    ),
    "Q4_K_M": Rules(
        usual="Q4_K", value=_often("Q4_K", "Q6_K"), down=_down_q4, attention_output="Q4_K", attention_output_of_eight="Q5_K",
    ),
    "Q3_K_M": Rules(
        usual="Q3_K", value=_first_two, down=_down_q3, attention_output="Q4_K", attention_output_of_eight="Q5_K",
    ),
    "Q2_K": Rules(
        usual="Q2_K", value=_grouped("Q3_K", "Q4_K"), down=_always("Q3_K"), attention_output="Q3_K",
        attention_output_of_eight="Q5_K",
    ),
    "IQ4_XS": Rules(
        usual="IQ4_XS", value=_grouped("IQ4_XS", "Q5_K"), down=_first_eighth, attention_output="IQ4_XS",
        attention_output_of_eight="Q5_K",
    ),
}  # fmt: skip
"""The mixes by name."""


def chosen(rules: Rules, model: Model, matrix: Matrix, layers: int) -> DType:
    """The type of `matrix`, where `layers` is how many of its role there are, as far as its role counts them."""
    name = _wanted(rules, model, matrix, layers)
    if matrix.columns % TYPES[name].block:
        name = FALLBACKS.get(name, name)
    return F16 if matrix.columns % TYPES[name].block else TYPES[name]


def _wanted(rules: Rules, model: Model, matrix: Matrix, layers: int) -> str:
    role = matrix.role
    if role is Role.OUTPUT or (role is Role.EMBEDDING and model.tied):
        return _output(rules, model, matrix.columns)
    if role is Role.VALUE:
        return _value(rules.value(model, matrix.number, layers), model)
    if role is Role.KEY and model.experts == EIGHT:
        return "Q8_0"
    if role is Role.DOWN:
        return rules.down(model, matrix.number, layers)
    if role is Role.ATTENTION_OUTPUT and model.family.architecture != "falcon":
        return rules.attention_output_of_eight if model.experts == EIGHT else rules.attention_output
    return rules.usual


def _output(rules: Rules, model: Model, columns: int) -> str:
    if model.family.architecture == "falcon" or columns % TYPES[rules.usual].block or rules.usual == "Q8_0":
        return "Q8_0"
    return "Q6_K"


def _value(name: str, model: Model) -> str:
    if model.experts == EIGHT:
        return "Q8_0"
    return "Q5_K" if model.large and name in ("Q3_K", "Q4_K") else name
