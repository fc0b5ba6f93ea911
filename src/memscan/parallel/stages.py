"""Which layers each stage of a pipeline holds, and which of the other tensors.

vLLM: `get_pp_indices` (vllm/distributed/utils.py of 0.33.0): layers are divided evenly; of those left over, stages from the
last but one to the front get one more each, because the last has the output head. The embedding is on the first stage, the norm
and the head on the last; a head tied to the embedding is on both.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from memscan.errors import UsageError
from memscan.modules import BlockOf
from memscan.tensor import TensorInfo

NUMBER = re.compile(r"\.?\d+$")
LAST = re.compile(
    r"(?:^|\.)(?:norm|ln_f|final_layer_?norm|final_norm|norm_f|lm_head|embed_out|output|score|classifier)(?:\.|$)|^(?:proj_out|output_projection)\."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage."""

    number: int
    layers: range
    """Of the stack that the stages share."""
    tensors: tuple[TensorInfo, ...]


def shares(layers: int, stages: int) -> tuple[int, ...]:
    """Layers on each stage."""
    if not layers:
        raise UsageError(f"--pp {stages}: no numbered layers of this model are known, which stages could share")
    if stages > layers:
        raise UsageError(f"--pp {stages} is more than the {layers:,} layers; expected at most {layers:,}")
    counts = [layers // stages] * stages
    for place in range(2, layers % stages + 2):
        counts[-place] += 1
    return tuple(counts)


def stages(
    tensors: Sequence[TensorInfo], *, block_of: BlockOf, number: int, layers: int | None, tied: Iterable[TensorInfo] = ()
) -> tuple[Stage, ...]:
    """The `number` stages of a model whose decoder has so many `layers`; UsageError where it has none that could be shared."""
    stack = _stack(tensors, block_of, layers)
    if number == 1:
        return (Stage(number=0, layers=range(len(stack) or layers or 0), tensors=tuple(tensors)),)
    counts = shares(len(stack), number)
    held: list[list[TensorInfo]] = [[] for _ in counts]
    place = {block: stage for stage, blocks in enumerate(_runs(list(stack), counts)) for block in blocks}
    for tensor in tensors:
        block = block_of(tensor.name.rpartition(".")[0])
        held[place[block] if block in place else _outside(tensor.name, number)].append(tensor)
    held[-1] += _lent(held[0], [one for one in tied if LAST.search(one.name)])
    first, found = 0, []
    for stage, count in enumerate(counts):
        found.append(Stage(number=stage, layers=range(first, first + count), tensors=tuple(held[stage])))
        first += count
    return tuple(found)


def _lent(first: Sequence[TensorInfo], heads: Sequence[TensorInfo]) -> list[TensorInfo]:
    """What the last stage has once more of the first for `heads` that are tied: the embeddings of their shapes, by any name."""
    lenders: dict[tuple[int, ...], str] = {}
    for one in first:
        lenders.setdefault(one.shape, one.name.rpartition(".")[0])
    modules = {lenders[head.shape] for head in heads if head.shape in lenders}
    return [one for one in first if one.name.rpartition(".")[0] in modules]


def _outside(name: str, number: int) -> int:
    """The stage of a tensor that stands in no layer of the stack."""
    return number - 1 if LAST.search(name) else 0


def _runs(blocks: Sequence[str], counts: Sequence[int]) -> list[Sequence[str]]:
    runs, first = [], 0
    for count in counts:
        runs.append(blocks[first : first + count])
        first += count
    return runs


def _stack(tensors: Sequence[TensorInfo], block_of: BlockOf, layers: int | None) -> Mapping[str, int]:
    """The numbered blocks of the decoder in their order: those that are as many as its layers, or else the largest."""
    stacks: dict[str, dict[str, int]] = {}
    for tensor in tensors:
        block = block_of(tensor.name.rpartition(".")[0])
        if block is not None:
            blocks = stacks.setdefault(NUMBER.sub("", block), {})
            blocks[block] = blocks.get(block, 0) + tensor.nbytes
    fitting = [blocks for blocks in stacks.values() if len(blocks) == layers] or list(stacks.values())
    largest = max(fitting, key=lambda blocks: sum(blocks.values()), default={})
    return dict(sorted(largest.items(), key=lambda pair: int(pair[0].rpartition(".")[2])))
