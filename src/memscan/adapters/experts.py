"""Which parameters of routed experts peft adapts under which old names.

transformers 5 holds the experts of a layer in two parameters, and its router in a module of its own; the names that adapters were
trained with before, and `all-linear`, are translated: `_convert_peft_config_moe` in
https://github.com/huggingface/peft/blob/v0.21.2/src/peft/utils/transformers_weight_conversion.py. It does so for the model types
that transformers 5.23 converts from checkpoints by the pattern of Mixtral or Qwen2-MoE (`_MODEL_TO_CONVERSION_PATTERN` in
https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/conversion_mapping.py); of other types the experts stay
as they are. What is translated is no module any more: a dense `down_proj` beside the experts gets nothing.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from memscan.dtype import DType
from memscan.errors import UsageError
from memscan.quantizers.base import Dense, Weight
from memscan.quantizers.experts import Experts, experts

GATE_UP, DOWN = "gate_up_proj", "down_proj"
ROUTER = {"gate": "gate.weight"}
MIXTRAL: Mapping[str, str] = {**ROUTER, "w1": GATE_UP, "w3": GATE_UP, "w2": DOWN}
QWEN: Mapping[str, str] = {**ROUTER, "gate_proj": GATE_UP, "up_proj": GATE_UP, "down_proj": DOWN}
"""Old names, and the parameters that they stand for."""
TYPES: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(("minimax", "minimax_m2", "mixtral"), MIXTRAL),
    **dict.fromkeys(
        (
            "afmoe", "beam", "cohere2_moe", "deepseek_v2", "deepseek_v3", "deepseek_v32", "dots1", "ernie4_5_moe", "exaone_moe",
            "flex_olmo", "glm4_moe", "glm4_moe_lite", "glm4v_moe", "glm_moe_dsa", "hunyuan_v1_moe", "longcat_flash", "mellum",
            "olmoe", "qwen3_moe", "qwen3_next", "qwen3_omni_moe", "qwen3_omni_moe_text", "qwen3_omni_moe_thinker", "solar_open",
        ),
        QWEN,
    ),
}  # fmt: skip
"""The old names of each model type. Qwen2-MoE itself is not among them: transformers has no pattern under its name."""
TOGETHER = 2
"""Matrices that stand in `gate_up_proj`: its rank is so many times that of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """The targets of a model of experts."""

    modules: frozenset[str]
    """Names that are modules still."""
    parameters: frozenset[str] = frozenset()
    """Endings of parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One parameter that is adapted, as `ParamWrapper` of peft sees it."""

    name: str
    dtype: DType
    count: int
    """How many matrices stand in it, each with a rank of its own."""
    rows: int
    """Output features of one."""
    columns: int
    """Input features of one."""
    times: int
    """What the rank is multiplied by."""


def translate(targets: Collection[str], model_type: str | None) -> Translated:
    """`targets` where experts are parameters; as they are for other model types.

    UsageError where one half of what stands in one parameter is asked for without the other.
    """
    names = TYPES.get(model_type or "")
    if names is None:
        return Translated(modules=frozenset(targets))
    found = {target: old for target in targets if (old := _old(target, names)) is not None}
    halves = {old for old, new in names.items() if new == GATE_UP}
    given = halves & set(found.values())
    if given and given != halves:
        here, lacking = min(given), min(halves - given)
        raise UsageError(
            f"--lora targets {here} without {lacking}: peft adapts both or none, they are one parameter of the experts"
        )
    return Translated(
        modules=frozenset(target for target in targets if target not in found),
        parameters=frozenset(names[old] for old in found.values()),
    )


def old_names(model_type: str | None) -> frozenset[str]:
    """What `all-linear` names beside the linear layers."""
    return frozenset(TYPES.get(model_type or "", ()))


def parts(dense: Dense, endings: Collection[str]) -> Iterator[Part]:
    """The parameters of `dense` whose names end with one of `endings`, and the numbered experts that are fused into such."""
    suffixes = tuple(f".{ending}" for ending in endings)
    single = {one.name: one for one in experts(dense) if one.count == one.parts == 1} if endings else {}
    for weight in dense.weights:
        one = single.get(weight.name)
        if weight.name.endswith(suffixes) and not weight.buffer and endings:
            yield _whole(weight)
        elif one is not None and (GATE_UP if one.paired else DOWN) in endings:
            yield _piece(weight, one)


def _whole(weight: Weight) -> Part:
    if len(weight.shape) not in {2, 3}:
        raise UsageError(f"--lora targets {weight.name}, which has {len(weight.shape)} dimensions: peft adapts 2 or 3")
    count, rows, columns = (1, *weight.shape) if len(weight.shape) == 2 else weight.shape
    times = TOGETHER if weight.name.endswith(f".{GATE_UP}") else 1
    return Part(name=weight.name, dtype=weight.dtype, count=count, rows=rows, columns=columns, times=times)


def _piece(weight: Weight, one: Experts) -> Part:
    """Its share of what the fused parameter gets: twice the rank on twice the rows, for gate and up alike."""
    rows = one.rows * (TOGETHER if one.paired else 1)
    return Part(name=weight.name, dtype=weight.dtype, count=1, rows=rows, columns=one.columns, times=1)


def _old(target: str, names: Collection[str]) -> str | None:
    last = target.rpartition(".")[2]
    return last if last in names else None
