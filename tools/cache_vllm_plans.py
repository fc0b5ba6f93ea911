r"""Record in `fixtures/cache/vllm_plans.json` what vLLM's own planner makes of models with layers of several kinds.

    pip download --no-deps vllm==0.33.0 && unzip -q vllm-0.33.0-*.whl 'vllm/*.py' -d FOLDER
    .venv/bin/python -m pip install --no-deps --target FOLDER cbor2 aiohttp multidict yarl propcache aiohappyeyeballs aiosignal \
        frozenlist openai openai_harmony sniffio pybase64 cachetools msgspec cloudpickle uvloop py-cpuinfo prometheus_client
    .venv/bin/python tools/cache_vllm_plans.py FOLDER

vLLM is not installed: its planner is Python, and what is absent of what its modules import is not called, and stood in for. Each
case has the layers as vLLM's model classes declare them (`get_kv_cache_spec`), the fields of the config, and the bytes of the
pages that one request holds while it decodes, for some numbers of tokens.
"""

import contextlib
import importlib.abc
import importlib.machinery
import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import MagicMock

OUTPUT = Path(__file__).parents[1] / "fixtures/cache/vllm_plans.json"
TOKENS = (1, 100, 528, 5_000, 20_000)
ABSENT = {"fastapi", "llguidance", "partial_json_parser", "tvm_ffi", "xgrammar"}


class Absent(types.ModuleType):
    """A module that is not here, with any attribute."""

    __path__: ClassVar[list[str]] = []
    __file__ = "/dev/null"
    __version__ = "9.9.9"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock(name=name)


class Absentees(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives what is not installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:  # noqa: ARG002 -- the protocol's
        """Where the module comes from."""
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in ABSENT else None

    def create_module(self, spec: Any) -> Absent:
        """The module."""
        return Absent(spec.name)

    def exec_module(self, module: Any) -> None:
        """Nothing is in it."""


def imported(folder: str) -> None:
    """Make vLLM's modules importable."""
    sys.meta_path.insert(0, Absentees())
    sys.path.insert(0, folder)
    import vllm.model_executor.layers.mamba.abstract
    import vllm.platforms.interface
    import vllm.v1.core.kv_cache_planning  # noqa: F401


class Planner:
    """vLLM's planner, for layers in its default layout."""

    def __init__(self) -> None:
        import torch
        from vllm.v1 import kv_cache_interface
        from vllm.v1.core import kv_cache_planning
        from vllm.v1.kv_cache_layout import KVCacheLayout

        self.specs, self.planning, self.layout = kv_cache_interface, kv_cache_planning, KVCacheLayout.LBNHC
        self.bfloat16, self.float32 = torch.bfloat16, torch.float32

    def full(self, heads: int, key: int, value: int | None = None, block: int = 16) -> Any:
        """A layer that sees all tokens."""
        return self.specs.FullAttentionSpec(
            block_size=block, num_kv_heads=heads, head_size=key, head_size_v=value, dtype=self.bfloat16
        )

    def sliding(self, heads: int, key: int, window: int, value: int | None = None) -> Any:
        """A layer with a window."""
        return self.specs.SlidingWindowSpec(
            block_size=16, num_kv_heads=heads, head_size=key, head_size_v=value, dtype=self.bfloat16, sliding_window=window
        )

    def chunked(self, heads: int, key: int, chunk: int) -> Any:
        """A layer that sees its chunk."""
        return self.specs.ChunkedLocalAttentionSpec(
            block_size=16, num_kv_heads=heads, head_size=key, dtype=self.bfloat16, attention_chunk_size=chunk
        )

    def latent(self, width: int, block: int = 16) -> Any:
        """A layer of latents."""
        return self.specs.MLAAttentionSpec(block_size=block, num_kv_heads=1, head_size=width, dtype=self.bfloat16)

    def indexer(self, width: int) -> Any:
        """The keys of an indexer."""
        import torch

        return self.specs.MLAAttentionSpec(
            block_size=16,
            num_kv_heads=1,
            head_size=width,
            dtype=torch.uint8,
            cache_role=self.specs.SparseCacheRole.INDEXER,
        )

    def state(self, *shapes: tuple[tuple[int, ...], bool], block: int, padded: int | None) -> Any:
        """A layer with states, each a shape and whether it is float32."""
        return self.specs.MambaSpec(
            block_size=block,
            shapes=tuple(shape for shape, _ in shapes),
            dtypes=tuple(self.float32 if single else self.bfloat16 for _, single in shapes),
            page_size_padded=padded,
            mamba_cache_mode="align",
        )

    def aligned(self, shapes: Any, heads: int, width: int, *, latent: bool = False) -> tuple[int, int | None]:
        """The block of a hybrid, and the size to which pages of its states are filled up."""
        import vllm.config.vllm as config
        from vllm.model_executor import models
        from vllm.model_executor.layers.mamba import abstract
        from vllm.platforms.interface import Platform
        from vllm.v1.attention.backend import MultipleOf

        config.set_current_vllm_config = lambda _: contextlib.nullcontext()
        abstract.get_mamba_prefill_checkpoint_alignment = lambda _: None
        kind = types.SimpleNamespace(
            get_mamba_state_shape_from_config=lambda _: tuple(shape for shape, _ in shapes),
            get_mamba_state_dtype_from_config=lambda _: tuple(self.float32 if one else self.bfloat16 for _, one in shapes),
        )
        models.ModelRegistry = types.SimpleNamespace(resolve_model_cls=lambda *_, **__: (kind, ""))
        backend = types.SimpleNamespace(
            get_supported_kernel_block_sizes=lambda *_: [MultipleOf(16)], customize_spec=lambda spec: spec
        )

        class Processor(Platform):
            @classmethod
            def _find_non_ssm_backends(cls, _: Any) -> list[Any]:
                return [backend]

        cache = types.SimpleNamespace(
            cache_dtype="auto", block_size=16, mamba_cache_mode="align", mamba_page_size_padded=None,
            kv_cache_dtype_skip_layers=[], mamba_block_size=None,
        )  # fmt: skip
        model = types.SimpleNamespace(
            dtype=self.bfloat16, use_mla=latent, get_num_kv_heads=lambda _: heads, get_head_size=lambda: width, architecture=""
        )
        asked = types.SimpleNamespace(cache_config=cache, model_config=model, parallel_config=None)
        Processor._align_hybrid_block_size(asked, backend)  # noqa: SLF001 -- what is recorded
        return cache.block_size, cache.mamba_page_size_padded

    def held(self, layers: list[Any], tokens: int) -> int:
        """Bytes of the pages of one request with `tokens`, one of them in flight."""
        asked = types.SimpleNamespace(
            scheduler_config=types.SimpleNamespace(disable_hybrid_kv_cache_manager=False),
            attention_config=types.SimpleNamespace(hisparse_config=None),
            cache_config=types.SimpleNamespace(
                get_resolved_kv_cache_layout=lambda: self.layout, mamba_cache_mode="align", block_size=16
            ),
            speculative_config=None,
        )
        groups = self.planning.get_kv_cache_groups(asked, {f"layer {index}": one for index, one in enumerate(layers)})
        block = self.planning._get_kv_cache_bytes_per_block(groups, self.layout)  # noqa: SLF001
        return sum(self.blocks(group.kv_cache_spec, tokens) for group in groups) * block

    def blocks(self, spec: Any, tokens: int) -> int:
        """Pages of one request in one block table."""
        if isinstance(spec, self.specs.UniformTypeKVCacheSpecs):
            return self.blocks(spec.first_spec, tokens)
        if isinstance(spec, self.specs.MambaSpec):
            return 2 if spec.page_size_padded is not None else 1
        needed = -(-tokens // spec.block_size)
        if hasattr(spec, "max_admission_blocks_per_request"):
            return min(needed, spec.max_admission_blocks_per_request(1, tokens))
        return needed


def config(model_type: str, layers: int, heads: int, kv_heads: int, width: int, **more: Any) -> dict[str, Any]:
    """The fields of a config."""
    counts = {"num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv_heads}
    return {"model_type": model_type, **counts, "head_dim": width, **more}


def cases(vllm: Planner) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
    """A name, the config's fields, and the layers."""
    yield "Llama-3.1-8B", config("llama", 32, 32, 8, 128), [vllm.full(8, 128)] * 32
    yield (
        "gpt-oss-20b",
        config("gpt_oss", 24, 64, 8, 64, sliding_window=128),
        [vllm.sliding(8, 64, 128), vllm.full(8, 64)] * 12,
    )
    yield (
        "gemma-3-27b",
        config("gemma3_text", 62, 32, 16, 128, sliding_window=1024),
        ([vllm.sliding(16, 128, 1024)] * 5 + [vllm.full(16, 128)]) * 10 + [vllm.sliding(16, 128, 1024)] * 2,
    )
    wide = {"global_head_dim": 512, "num_global_key_value_heads": 2, "attention_k_eq_v": True}
    yield (
        "gemma-4-26B-A4B",
        config("gemma4_text", 30, 16, 8, 256, sliding_window=1024, **wide),
        ([vllm.sliding(8, 256, 1024)] * 5 + [vllm.full(2, 512)]) * 5,
    )
    yield (
        "Llama-4-Scout",
        config("llama4_text", 48, 40, 8, 128, attention_chunk_size=8192),
        ([vllm.chunked(8, 128, 8192)] * 3 + [vllm.full(8, 128)]) * 12,
    )
    seen, slid = vllm.full(4, 192, 128), vllm.sliding(8, 192, 128, 128)
    yield (
        "MiMo-V2-Flash",
        config("mimo_v2_flash", 12, 64, 4, 192, v_head_dim=128, sliding_window=128),
        [seen, *[slid] * 4, seen, *[slid] * 5, seen],
    )
    yield (
        "thirteen of one kind and twelve of another",
        config("gpt_oss", 25, 64, 8, 64, sliding_window=128),
        [vllm.sliding(8, 64, 128), vllm.full(8, 64)] * 12 + [vllm.sliding(8, 64, 128)],
    )
    latent = {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128}
    yield (
        "DeepSeek-V3.2",
        {"model_type": "deepseek_v32", "num_hidden_layers": 61, "num_attention_heads": 128, "index_head_dim": 128, **latent},
        [vllm.latent(576), vllm.indexer(132)] * 61,
    )
    yield from hybrids(vllm, latent)


def hybrids(vllm: Planner, latent: dict[str, int]) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
    """Those with states."""
    shapes = (((3, 8192), False), ((32, 128, 128), False))
    block, padded = vllm.aligned(shapes, 2, 256)
    yield (
        "Qwen3-Next-80B-A3B",
        config("qwen3_next", 48, 16, 2, 256),
        ([vllm.state(*shapes, block=block, padded=padded)] * 3 + [vllm.full(2, 256, block=block)]) * 12,
    )
    shapes = (((3, 8192), False), ((8192, 16), False))
    block, padded = vllm.aligned(shapes, 8, 128)
    state = vllm.state(*shapes, block=block, padded=padded)
    yield (
        "Jamba-Mini",
        config("jamba", 32, 32, 8, 128, hidden_size=4096, mamba_d_state=16, mamba_d_conv=4),
        ([state] * 4 + [vllm.full(8, 128, block=block)] + [state] * 3) * 4,
    )
    shapes = (((3, 3072 + 2 * 256), False), ((24, 128, 256), False))
    block, padded = vllm.aligned(shapes, 2, 128)
    mamba = {"mamba_d_ssm": 3072, "mamba_n_heads": 24, "mamba_d_state": 256, "mamba_n_groups": 1, "mamba_d_conv": 4}
    yield (
        "Falcon-H1",
        config("falcon_h1", 20, 12, 2, 128, hidden_size=1536, **mamba),
        [vllm.full(2, 128, block=block), vllm.state(*shapes, block=block, padded=padded)] * 20,
    )
    shapes = (((3, 3 * 4096), False), ((32, 128, 128), True))
    block, padded = vllm.aligned(shapes, 1, 576, latent=True)
    kda, full = vllm.state(*shapes, block=block, padded=padded), (4, 8, 12, 16, 20, 24, 27)
    linear = {
        "num_heads": 32,
        "head_dim": 128,
        "short_conv_kernel_size": 4,
        "full_attn_layers": full,
        "kda_layers": [one for one in range(1, 28) if one not in full],
    }
    yield (
        "Kimi-Linear-48B-A3B",
        config("kimi_linear", 27, 32, 32, 72, linear_attn_config=linear, **latent),
        [vllm.latent(576, block=block) if one in full else kda for one in range(1, 28)],
    )
    shapes = (((3, 5120), False), ((5120, 16), False))
    yield (
        "mamba-2.8b",
        {"model_type": "mamba", "num_hidden_layers": 64, "hidden_size": 2560, "state_size": 16, "conv_kernel": 4, "expand": 2},
        [vllm.state(*shapes, block=16, padded=None)] * 64,
    )


def main() -> None:
    """Write the file."""
    imported(sys.argv[1])
    vllm = Planner()
    recorded = [
        {"model": name, "config": values, "held": {str(tokens): vllm.held(layers, tokens) for tokens in TOKENS}}
        for name, values, layers in cases(vllm)
    ]
    OUTPUT.write_text(json.dumps({"vllm": "0.33.0", "cases": recorded}, indent=1) + "\n")
    print(f"{len(recorded)} cases")


if __name__ == "__main__":
    main()
