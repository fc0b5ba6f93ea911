"""Classes from their configs alone beside torch: random configs of some, and published configs of what transformers has."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools"
pytestmark = [pytest.mark.torch, pytest.mark.oracle]

TYPES = ("bert", "llama", "qwen3_moe", "deepseek_v3", "t5", "swin", "lfm2", "gpt2", "clip", "whisper")
"""They stand for heads, decoders, experts by rule, dense first layers, blocks in blocks, stages, kinds of layers, older names,
two models in one, an encoder and a decoder."""
EXACT = 0.7  # of the answers, at the least; the others are not known
PUBLISHED = 0.7

# Programs of their own: they change classes of torch and transformers.
RANDOM = """
import json, sys
sys.path[:0] = sys.argv[1:3]
import torch, transformers
from architectures.classes import families
from architectures.observe import mark_auto_classes, skip_initialization
from architectures.trace import watch
from verification import describe
from verification.verdicts import answers_in
transformers.logging.set_verbosity_error()
known = {family.model_type: family for family in families()}
mark_auto_classes(), skip_initialization(), watch()
describe.SEED = "a test of its own"
for name in sys.argv[3:]:
    record, failed = describe.describe(known[name], list(known[name].classes))
    answers = answers_in(name, record)
    print(json.dumps([name, failed, {kind: [[one.word, one.reason] for one in several] for kind, several in answers.items()}]))
"""
REAL = """
import json, sys
sys.path[:0] = sys.argv[1:3]
import transformers
from architectures.observe import skip_initialization
from verification.real import verdict
transformers.logging.set_verbosity_error()
skip_initialization()
for name, one in json.load(open(sys.argv[3])).items():
    print(json.dumps([name, *verdict(one["config"])]))
"""


def said(program: str, *words: str) -> list[Any]:
    """What a program prints, line by line."""
    command = [sys.executable, "-W", "ignore", "-c", program, str(TOOLS), str(TOOLS / "oracle"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]


@cache
def answers() -> dict[str, dict[str, list[list[str]]]]:
    return {name: found for name, _, found in said(RANDOM, *TYPES)}


@pytest.mark.parametrize("model_type", TYPES)
def test_random_configs_are_exact_or_not_known(model_type: str) -> None:
    verdicts = [one for several in answers()[model_type].values() for one in several]
    assert len(verdicts) >= 20
    assert [one for one in verdicts if one[0] == "wrong"] == []
    assert sum(word == "exact" for word, _ in verdicts) >= EXACT * len(verdicts)


def test_published_configs_are_exact_or_not_known() -> None:
    verdicts = said(REAL, str(ROOT / "fixtures" / "names.json"))
    known = [one for one in verdicts if one[1] not in ("no class", "refused")]
    assert [one for one in verdicts if one[1] == "wrong"] == []
    assert sum(word == "exact" for _, word, _ in known) >= PUBLISHED * len(known), known
