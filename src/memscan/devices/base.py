"""One device: what it is called, and how much of its memory can be used."""

from dataclasses import dataclass

from memscan.item import Basis

GPU, UNIFIED, RAM = "gpu", "unified", "ram"
KINDS = (GPU, UNIFIED, RAM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device, or one of the devices on a board that has several."""

    name: str
    """Lower case with dashes: `rtx-4090`, `a100-80gb`, `m3-max-36gb`."""
    title: str
    """As its maker writes it."""
    vendor: str
    """Empty for what was given as a size."""
    marketed_bytes: int
    """What it is sold with; makers write GB and mean 2^30."""
    usable_bytes: int
    """What a program finds there before it allocates: torch's total (`cudaMemGetInfo`), Metal's recommendedMaxWorkingSetSize."""
    basis: Basis
    """How the usable memory is known: measured on such a device, assumed by the rule of its class, derived from a given size."""
    source: str
    """Who measured it, or the rule."""
    kind: str = GPU
    """`gpu` has memory of its own, `unified` shares it with the processor and the operating system, `ram` is the processor's."""
    aliases: tuple[str, ...] = ()
    """Other names."""

    @property
    def shares_memory(self) -> bool:
        """Whether what the CPU holds is in the same memory."""
        return self.kind in (UNIFIED, RAM)
