"""llama.cpp, as llama-cpp-python 0.3.36 carries it: cells for the whole context, allocated when the context is made.

Each sequence has its own stream of cells, padded to 256 (`llama_context`, `n_ctx_seq`). Layers with a window have a cache of
their own, of the window and one micro-batch (`llama_kv_cache_iswa`), in the architectures that ask for it; latents are kept as
keys alone (`hparams.is_mla`); recurrent states are float32 (`llama_memory_recurrent`). Defaults: `--ubatch-size 512`, f16, no
`--swa-full`.
"""

from collections.abc import Sequence

from memscan.architecture.settings import Settings
from memscan.cache.decoder import decoder
from memscan.cache.engine import Engine
from memscan.cache.groups import Group, grouped
from memscan.cache.kv_dtypes import GGML_TYPES, KV_DTYPES, LLAMA_CPP
from memscan.cache.parts import Attention, CacheSpec, Compressed, Cross, Indexer, Latent, State
from memscan.cache.request import CacheRequest
from memscan.cache.transformers import encoder_tokens
from memscan.errors import UsageError
from memscan.item import Basis, Item

VERSION = "llama.cpp of llama-cpp-python 0.3.36"
SOURCE = f"{VERSION}, src/llama-kv-cache.cpp"
STATES = f"{VERSION}, src/llama-memory-recurrent.cpp"
PAD = 256  # cells
MICRO_BATCH = 512  # `n_ubatch`
DEFAULT = "f16"
SINGLE = 4

WINDOWED = frozenset(
    {
        "afmoe", "cohere2", "cohere2_moe", "deepseek4", "deepseek_v4", "dots3_note_text", "exaone_moe", "gemma2", "gemma3_text",
        "gemma3n_text", "gemma4_text", "gpt_oss", "granite_swa", "laguna", "lfm2", "lfm2_moe", "llama4_text", "mellum", "mimo2",
        "mimo_v2_flash", "muse_glimmer_text", "olmo2", "olmo3", "plamo3", "smallthinker", "step35", "step3p5",
    }
)  # fmt: skip
"""Model types whose llama.cpp architecture sets `swa_type` (src/models/*.cpp); the others keep every token of every layer."""
EXAONE_LAYERS = 64  # exaone4.cpp: only the model of so many layers has a window


def keep(settings: Settings, specs: Sequence[CacheSpec], request: CacheRequest) -> tuple[Item, ...]:
    """The lines of the cache that llama.cpp allocates for `sequences` contexts of `tokens` each.

    Raises:
        UsageError: where a row of a layer does not fill the blocks of the cache's dtype.

    """
    kind = decoder(settings).model_type
    slides = kind in WINDOWED or (kind == "exaone4" and len(specs) == EXAONE_LAYERS)
    return tuple(_line(group, request, slides=slides) for group in grouped(specs))


def cells(tokens: int) -> int:
    """Cells of one sequence."""
    return -(-tokens // PAD) * PAD


def window_cells(window: int, tokens: int) -> int:
    """Cells of one sequence in layers with a window."""
    return cells(min(cells(tokens), window + MICRO_BATCH))


def _line(group: Group, request: CacheRequest, *, slides: bool) -> Item:
    match group.part:
        case Attention() as part:
            heads = request.heads(part.heads)
            note = "" if slides or part.window is None else "llama.cpp keeps every token of these layers, whatever their window"
            held = _cells(part.window if slides else None, request)
            return _rows(group, request, held=held, rows=(heads * part.key, heads * part.value), note=note)
        case Latent() as part:
            held = _cells(part.window if slides else None, request)
            return _rows(group, request, held=held, rows=(part.rank + part.rotary,), note="latents, kept as keys alone")
        case Indexer() as part:
            return _rows(group, request, held=cells(request.tokens), rows=(part.width,))
        case Cross() as part:
            return _encoder(group, part, request)
        case State() as part:
            return _state(group, part, request)
        case Compressed() as part:
            return _compressed(group, part, request)


def _cells(window: int | None, request: CacheRequest) -> int:
    return cells(request.tokens) if window is None else window_cells(window, request.tokens)


def _rows(group: Group, request: CacheRequest, *, held: int, rows: tuple[int, ...], note: str = "") -> Item:
    name = request.dtype or DEFAULT
    of_cell = sum(_packed(row, name, group) for row in rows)
    words = " + ".join(f"{row:,}" for row in rows)
    return Item(
        name=group.name,
        nbytes=request.sequences * group.layers * held * of_cell,
        basis=Basis.ASSUMED if group.assumed else Basis.DERIVED,
        note=group.assumed or note,
        formula=(
            f"{request.sequences:,} sequences x {group.layers:,} layers x {held:,} cells x "
            f"{of_cell:,} bytes ({words} elements of {name})"
        ),
        source=SOURCE,
    )


def _packed(elements: int, name: str, group: Group) -> int:
    dtype = GGML_TYPES[name]
    if elements % dtype.block:
        raise UsageError(
            f"{group.name}: rows of {elements:,} elements do not fill blocks of {dtype.block}, which {name} packs; choose f16"
        )
    return dtype.packed_nbytes(elements)


def _encoder(group: Group, part: Cross, request: CacheRequest) -> Item:
    """Nothing of it: keys and values are computed from the encoder's output at each step (`llm_graph_input_cross_embd`)."""
    tokens = encoder_tokens(part, request)
    note = f"computed anew at each step from the encoder's output of {tokens:,} tokens, which is no cache"
    return Item(name=group.name, nbytes=0, basis=Basis.DERIVED, note=note, formula="0", source=f"{VERSION}, src/llama-graph.cpp")


def _state(group: Group, part: State, request: CacheRequest) -> Item:
    columns = 1 if part.kernel is None else part.kernel - 1
    elements = part.elements(request.state_ranks) * columns
    return Item(
        name=group.name,
        nbytes=request.sequences * group.layers * elements * SINGLE,
        basis=Basis.ASSUMED if group.assumed else Basis.DERIVED,
        note=group.assumed or "the same for any number of tokens",
        formula=f"{request.sequences:,} sequences x {group.layers:,} layers x {elements:,} elements x {SINGLE} bytes",
        source=STATES,
    )


def _compressed(group: Group, part: Compressed, request: CacheRequest) -> Item:
    """Padded cells of the vectors, and the state of the compressor: keys and scores of the tokens that wait, in float32."""
    held = cells(max(1, -(-cells(request.tokens) // part.rate)))
    waiting = part.rate * (4 if part.overlaps else 1) * part.width * 2 * SINGLE
    of_cell = _packed(part.width, request.dtype or DEFAULT, group)
    return Item(
        name=group.name,
        nbytes=request.sequences * group.layers * (held * of_cell + waiting),
        basis=Basis.ASSUMED,
        note="the compressor's state is counted as keys and scores of one group of tokens",
        formula=f"{request.sequences:,} sequences x {group.layers:,} layers x ({held:,} cells x {of_cell:,} + {waiting:,} bytes)",
        source=f"{VERSION}, src/llama-kv-cache-dsv4.cpp",
    )


ENGINE = Engine(name=LLAMA_CPP, version=f"{VERSION} llama_kv_cache", dtypes=KV_DTYPES[LLAMA_CPP], keep=keep)
