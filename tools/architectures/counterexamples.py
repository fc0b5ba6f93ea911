"""Configs of which a table before said something wrong, or nothing: every later one is made of them too.

What is in `counterexamples.json` was found by `tools/verify_config.py counterexamples`. Later tables have seen them, and are
to be held to those of another seed.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_suffix(".json")


def counterexamples(model_type: str) -> Sequence[dict[str, Any]]:
    """Those of one model type, each as `config.json` has it, without what is so by default."""
    return _all().get(model_type, ())


@cache
def _all() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found
