"""The model that a bill is about: its tensors as they are loaded, its config, and how devices share it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memscan.architecture.settings import Settings
from memscan.bills.experts import Experts, experts
from memscan.bills.held import Held, held
from memscan.checkpoint import is_buffer
from memscan.errors import UsageError
from memscan.estimate import Report
from memscan.model import Scope
from memscan.parallel import Degrees, Sharding, Stage, by_names, by_plan, cuts_heads, cuts_keys, is_expert, stages
from memscan.tensor import TensorInfo

NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One scope of one report, loaded in one dtype and cut for an engine."""

    report: Report
    scope: Scope
    settings: Settings
    held: Held
    experts: Experts | None
    sharding: Sharding
    stages: tuple[Stage, ...]
    engine: str
    planned: bool
    """Whether the engine's own plan cuts the tensors; else their names have to tell."""
    heads_whole: bool
    """Whether the engine's plan leaves all KV heads on each rank."""
    attends_whole: bool
    """Whether each rank attends with all heads."""
    states_whole: bool
    """Whether it leaves recurrent states whole on each."""

    @property
    def class_name(self) -> str | None:
        """The class whose scope it is; where that is the checkpoint, the one that the config declares."""
        config = self.report.model.config
        return self.scope.class_name or (None if config is None else config.architecture)

    def nbytes(self, tensors: Sequence[TensorInfo]) -> int:
        """Bytes of `tensors` on the fullest rank."""
        return sum(self.sharding.nbytes(tensor) for tensor in tensors)


def subject(report: Report, *, dtype: str | None, engine: str, degrees: Degrees) -> Subject:
    """What `report` is about, in `dtype`, as `engine` shares it; UsageError where it cannot be shared so."""
    scope = report.scopes[report.scope]
    config = report.model.config
    settings = Settings(None, NOTHING) if config is None else Settings.of(config)
    text = settings.text
    degrees.check_heads(text, engine)
    mixture = experts(text, scope.tensors, tied=bool(scope.tied))
    _check_experts(mixture, degrees, engine)
    loaded = held(report, dtype, engine)
    plan = text.tensor_parallel_plan if engine == "transformers" else {}
    heads = text.integer("num_attention_heads", "n_head", "n_heads")
    class_name = scope.class_name or (None if config is None else config.architecture)
    sharding = Sharding(
        degrees=degrees, style_of=by_plan(plan, class_name) if plan else by_names, heads=heads,
        kv_heads=text.integer("num_key_value_heads", "n_head_kv", "num_kv_heads", "multi_query_group_num") or heads,
        pads_vocabulary=engine == "vllm", cuts_embedding=engine != "llama.cpp",
    )  # fmt: skip
    return Subject(
        report=report, scope=scope, settings=settings, held=loaded,
        experts=mixture, sharding=sharding,
        stages=stages(
            loaded.tensors, block_of=scope.block_of, number=degrees.pipeline, layers=text.layers("num_hidden_layers"),
            tied=scope.tied,
        ),
        engine=engine, planned=bool(plan) or engine == "vllm",
        heads_whole=bool(plan) and not cuts_keys(plan),
        attends_whole=bool(plan) and not cuts_heads(plan),
        states_whole=bool(plan),  # those of 5.23 gather again what they cut of a layer with a state
    )  # fmt: skip


def _check_experts(mixture: Experts | None, degrees: Degrees, engine: str) -> None:
    """UsageError for ranks that there are no experts for, or that cannot share them (`expert_parallel` of transformers)."""
    if degrees.expert == 1:
        return
    if mixture is None:
        raise UsageError(f"--ep {degrees.expert}: this model has no routed experts to share")
    if engine == "transformers" and mixture.count % degrees.expert:
        raise UsageError(f"--ep {degrees.expert} does not divide the {mixture.count} experts of a layer")


def divided(tensors: Sequence[TensorInfo]) -> tuple[list[TensorInfo], list[TensorInfo], list[TensorInfo]]:
    """Parameters outside the routed experts, those of the experts, and buffers."""
    plain: list[TensorInfo] = []
    routed: list[TensorInfo] = []
    buffers: list[TensorInfo] = []
    for tensor in tensors:
        (buffers if is_buffer(tensor) else routed if is_expert(tensor.name) else plain).append(tensor)
    return plain, routed, buffers
