"""Pages of requests against vLLM's own planner, as `tools/cache_vllm_plans.py` recorded it."""

import json
from pathlib import Path
from typing import Any

import pytest

from memscan.architecture.settings import Settings
from memscan.cache import ENGINES, CacheRequest, kept

RECORD: dict[str, Any] = json.loads((Path(__file__).parents[2] / "fixtures/cache/vllm_plans.json").read_text())


@pytest.mark.parametrize("case", RECORD["cases"], ids=lambda case: case["model"])
def test_a_request_holds_the_pages_that_vllm_plans(case: dict[str, Any]) -> None:
    settings = Settings(case["config"]["model_type"], case["config"])
    for tokens, held in case["held"].items():
        request = CacheRequest(engine="vllm", tokens=int(tokens), sequences=1, model_dtype="bfloat16")
        assert sum(item.nbytes or 0 for item in kept(settings, request)) == held, tokens


def test_the_version_is_the_one_that_is_named() -> None:
    assert RECORD["vllm"] in ENGINES["vllm"].version
