"""How many devices share a model, and in which way."""

from dataclasses import dataclass

from memscan.architecture.settings import Settings
from memscan.errors import UsageError
from memscan.parallel.styles import cuts_heads, cuts_keys
from memscan.units import plural

MOST = 65_536  # devices; no cluster serves one copy of a model with more


@dataclass(frozen=True, slots=True, kw_only=True)
class Degrees:
    """The degrees of parallelism of one copy of a model."""

    tensor: int = 1
    """Ranks that share every matrix."""
    pipeline: int = 1
    """Stages that share the layers."""
    expert: int = 1
    """Ranks that share the routed experts whole; 1: experts are cut as other matrices are."""

    @property
    def devices(self) -> int:
        """Devices in all. Ranks of experts beyond those of tensors hold copies of everything else (data-parallel attention)."""
        return max(self.tensor, self.expert) * self.pipeline

    @property
    def replicas(self) -> int:
        """Copies of all but the experts; each serves its own share of the sequences."""
        return max(1, self.expert // self.tensor)

    def check(self) -> None:
        """UsageError for degrees that are none."""
        for name, value in (("tp", self.tensor), ("pp", self.pipeline), ("ep", self.expert)):
            if not 1 <= value <= MOST:
                raise UsageError(f"--{name} {value} is no number of devices; expected 1 to {MOST:,}")
        if self.expert > 1 and self.expert % self.tensor:
            raise UsageError(
                f"--ep {self.expert} with --tp {self.tensor}: the ranks that share experts are those of --tp, or a multiple of"
                f" them; give --ep {self.tensor} or --ep {2 * self.tensor}"
            )

    def check_heads(self, settings: Settings, engine: str) -> None:
        """UsageError where the attention heads of a model cannot be shared by so many ranks.

        vLLM: `ModelConfig.verify_with_parallel_config` (heads), `QKVParallelLinear` (KV heads: fewer than ranks are copied, and
        then the ranks have to be a multiple of them). transformers cuts the projections evenly, and has no copies; where the plan
        of the class leaves heads whole on each rank, any number of ranks will do.
        """
        plan = settings.tensor_parallel_plan if engine == "transformers" else {}
        if plan and not cuts_heads(plan):
            return
        heads = settings.integer("num_attention_heads", "n_head", "n_heads")
        grouped = settings.integer("num_key_value_heads", "n_head_kv", "num_kv_heads", "multi_query_group_num") or heads
        if self.tensor == 1 or not heads or not grouped:
            return
        if heads % self.tensor:
            allowed = ", ".join(str(n) for n in range(2, min(heads, 64) + 1) if heads % n == 0)
            raise UsageError(
                f"--tp {self.tensor} does not divide the {plural(heads, 'attention head')}; expected one of {allowed}"
            )
        if settings.integer("kv_lora_rank") or (plan and not cuts_keys(plan)):
            return  # one latent head, or all heads, on every rank
        if engine == "transformers" and grouped % self.tensor:
            raise UsageError(
                f"--tp {self.tensor} does not divide the {plural(grouped, 'KV head')}, which transformers cuts and does not copy;"
                f" expected a divisor of {grouped}, or --engine vllm"
            )
        if max(grouped, self.tensor) % min(grouped, self.tensor):
            raise UsageError(f"--tp {self.tensor} and {plural(grouped, 'KV head')}: one has to be a multiple of the other")
