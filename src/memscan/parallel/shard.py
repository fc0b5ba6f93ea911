"""The bytes of one tensor on the fullest rank."""

from dataclasses import dataclass

from memscan.parallel.degrees import Degrees
from memscan.parallel.styles import EMBEDDINGS, Style, StyleOf
from memscan.tensor import TensorInfo

VOCABULARY_PADDING = 64  # tokens: `DEFAULT_VOCAB_PADDING_SIZE` of vllm/model_executor/layers/vocab_parallel_embedding.py


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharding:
    """How the tensors of one model are cut."""

    degrees: Degrees
    style_of: StyleOf
    heads: int | None
    """Attention heads; None where the config does not say."""
    kv_heads: int | None
    """Those that keys and values have."""
    pads_vocabulary: bool
    """Whether embeddings and heads are filled up to whole blocks of 64 tokens (vLLM)."""
    cuts_embedding: bool = True
    """Whether the input embedding is cut as the head is; llama.cpp has it whole, on the CPU."""

    def nbytes(self, tensor: TensorInfo) -> int:
        """Bytes of `tensor` on the fullest rank; odd shares are rounded up."""
        style, ranks = self.style_of(tensor.name), self.degrees.tensor
        if style is Style.VOCABULARY and len(tensor.shape) == 2 and tensor.nbytes:
            return self._vocabulary(tensor)
        if style is Style.EXPERTS:
            return self._experts(tensor)
        if ranks == 1 or (style is Style.ROW and tensor.name.endswith(".bias")):
            return tensor.nbytes
        if style is Style.KEY_VALUE:
            ranks = min(ranks, self.kv_heads or ranks)
        elif style is Style.FUSED_QKV and self.heads and self.kv_heads:
            return self._fused(tensor.nbytes, self.heads, self.kv_heads)
        elif style not in (Style.COLUMN, Style.ROW, Style.FUSED_QKV):
            return tensor.nbytes
        return _share(tensor.nbytes, ranks)

    def _vocabulary(self, tensor: TensorInfo) -> int:
        rows = tensor.shape[0]
        if not self.cuts_embedding and tensor.name.rpartition(".")[0].rpartition(".")[2] in EMBEDDINGS:
            return tensor.nbytes
        filled = -(-rows // VOCABULARY_PADDING) * VOCABULARY_PADDING if self.pads_vocabulary else rows
        return -(-tensor.nbytes * _share(filled, self.degrees.tensor) // rows)

    def _experts(self, tensor: TensorInfo) -> int:
        if self.degrees.expert == 1:
            is_bias = "bias" in tensor.name.rpartition(".")[2] and "down" in tensor.name
            return tensor.nbytes if is_bias else _share(tensor.nbytes, self.degrees.tensor)
        if len(tensor.shape) == 3 or not tensor.name.endswith((".weight", ".bias")):
            experts = tensor.shape[0] if tensor.shape else 1
            return -(-tensor.nbytes * _share(experts, self.degrees.expert) // max(experts, 1))
        return _share(tensor.nbytes, self.degrees.expert)  # one expert a tensor: as many of each on every rank, on average

    def _fused(self, nbytes: int, heads: int, kv_heads: int) -> int:
        """Queries are cut, keys and values are cut or copied."""
        ranks = self.degrees.tensor
        query, key_value = _share(heads, ranks), 2 * _share(kv_heads, min(ranks, kv_heads))
        return -(-nbytes * (query + key_value) // (heads + 2 * kv_heads))


def _share(whole: int, ranks: int) -> int:
    return -(-whole // ranks)
