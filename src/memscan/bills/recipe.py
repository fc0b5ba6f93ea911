"""How a model is trained: what a step takes, and what is shared and offloaded."""

from dataclasses import dataclass, replace

from memscan.adapters import Lora
from memscan.bills.workload import ATTENTIONS, MOST_SEQUENCES, MOST_TOKENS
from memscan.document import shown
from memscan.errors import UsageError
from memscan.optimizers import OPTIMIZERS

PRECISIONS = ("fp32", "bf16", "bf16-mixed", "fp16-mixed")
QLORA = {"nf4": "bnb-nf4", "nf4-dq": "bnb-nf4-dq", "int8": "bnb-int8"}
"""What `--qlora` takes, and the quantizer that it means."""
FSDP = {"no-shard": 0, "shard-grad-op": 2, "full-shard": 3, "hybrid-shard": 3}
"""FSDP's strategies, and the ZeRO stage that each equals."""
OFFLOADS = ("optimizer", "params")
SEQUENCE = 2_048  # tokens, where nobody says how many
NODE = 8  # devices that a node has, where nobody says how many: what is sold
MOST_DEVICES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A training step."""

    batch: int = 1
    """Sequences of one device."""
    seq: int | None = None
    """Tokens of each; None: 2,048, or as many as the model was made for where those are fewer."""
    optimizer: str = "adamw"
    precision: str = "bf16"
    """`fp32` and `bf16` hold all in that dtype; the mixed ones hold float32 weights and compute in 16 bits, as autocast does, or
    with `zero` 16-bit weights and a float32 copy of them, as DeepSpeed does."""
    lora: Lora | None = None
    """Adapters to train in place of the weights."""
    qlora: str | None = None
    """What the weights under the adapters are quantized with, a key of QLORA."""
    zero: int | None = None
    """The ZeRO stage; None: plain data parallelism."""
    fsdp: str | None = None
    """FSDP's strategy, a key of FSDP."""
    gpus: int = 1
    """Data-parallel devices."""
    gpus_per_node: int | None = None
    """Devices that a node has; None: 8."""
    offload: str | None = None
    """What is kept in the memory of the CPU: `optimizer` states, or `params`, which are these and the weights."""
    gradient_checkpointing: bool = False
    attention: str = ATTENTIONS[0]
    cuda_context: int | None = None
    """Bytes; None: assumed."""
    allocator: int | None = None
    """Bytes; None: assumed."""

    @property
    def stage(self) -> int:
        """The ZeRO stage, given as such or as the FSDP strategy that equals it."""
        return self.zero if self.zero is not None else FSDP[self.fsdp] if self.fsdp is not None else 0

    @property
    def node(self) -> int:
        """Devices of one node that take part."""
        return min(self.gpus, self.gpus_per_node or NODE)

    @property
    def shards(self) -> int:
        """Devices that share what is sharded: those of one node with FSDP's hybrid strategy, all of them otherwise."""
        return self.node if self.fsdp == "hybrid-shard" else self.gpus

    def check(self) -> None:
        """UsageError for values that make no sense, or not together."""
        for name, value, most in (
            ("batch", self.batch, MOST_SEQUENCES), ("seq", self.seq, MOST_TOKENS), ("gpus", self.gpus, MOST_DEVICES),
            ("gpus-per-node", self.gpus_per_node, MOST_DEVICES),
        ):  # fmt: skip
            if value is not None and not 1 <= value <= most:
                raise UsageError(f"--{name} is {value:,}, expected 1 to {most:,}")
        for name, word, known in (
            ("optimizer", self.optimizer, OPTIMIZERS), ("precision", self.precision, PRECISIONS), ("qlora", self.qlora, QLORA),
            ("fsdp", self.fsdp, FSDP), ("offload", self.offload, OFFLOADS), ("attention", self.attention, ATTENTIONS),
        ):  # fmt: skip
            if word is not None and word not in known:
                raise UsageError(f"--{name} is {shown(word)}, expected one of {', '.join(known)}")
        for name, value in (("cuda-context", self.cuda_context), ("allocator", self.allocator)):
            if value is not None and value < 0:
                raise UsageError(f"--{name} is {value:,} bytes, expected 0 or more")
        self._check_together()

    def check_node(self) -> None:
        """UsageError for a node of which nothing is asked, once `gpus` is what a named device makes of it (`on_devices`)."""
        if self.gpus_per_node is not None and self.gpus == 1 and not self.stage:
            raise UsageError("--gpus-per-node says nothing of one device that shares nothing; give --gpus, and --zero or --fsdp")

    def _check_together(self) -> None:
        if self.zero is not None and self.fsdp is not None:
            raise UsageError("--zero and --fsdp say the same in two ways; give one")
        if self.zero is not None and not 0 <= self.zero <= 3:
            raise UsageError(f"--zero is {self.zero}, expected a stage from 0 to 3")
        if self.offload == "params" and self.stage < 3:
            raise UsageError(
                "--offload params needs --zero 3 or --fsdp full-shard: below it every device works on its own weights"
            )
        if self.offload == "optimizer" and self.stage < 1:
            raise UsageError("--offload optimizer needs --zero 1, 2 or 3, or --fsdp: it is their way to keep states on the CPU")
        if self.gpus % self.node and self.gpus_per_node is not None:
            raise UsageError(f"--gpus {self.gpus} is no multiple of --gpus-per-node {self.gpus_per_node}")
        if self.gpus % self.shards:
            raise UsageError(
                f"--fsdp {self.fsdp} shares inside whole nodes, and --gpus {self.gpus} is no multiple of the {NODE} devices"
                " that a node is taken to have; give --gpus-per-node"
            )


def on_devices(recipe: Recipe, count: int) -> Recipe:
    """`recipe` on `count` devices, where it asks for one; UsageError where it asks for other ones."""
    if count > 1 and recipe.gpus > 1 and recipe.gpus != count:
        raise UsageError(f"--device names {count} devices, and --gpus asks for {recipe.gpus}; give as many, or one")
    return replace(recipe, gpus=count) if count > 1 else recipe
