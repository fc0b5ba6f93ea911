"""Simulate a census of the Hub: a batch against a loopback Hub that enforces the published rate limits, in shorter windows.

python -m benchmarks.census [--window 15] [--windows 2] [--tiers anonymous free ...] [--output FILE]

A window of five minutes is shortened to `--window` seconds and its requests in proportion, so that repositories of a window are
counted in seconds; what that makes of 3 million repositories is multiplied out. The mix of repositories is an assumption: MIX.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate
from tests.hub import LoopbackHub, RateLimits, Repository
from tests.layouts.files import CONFIG, gguf, safe, torch_zip
from tests.source.models import sharded_files

HUB = 3_000_000  # repositories
WINDOW = 300.0  # seconds, of the Hub
TIERS: Mapping[str, tuple[int, int]] = {
    "anonymous": (500, 3_000), "free": (1_000, 5_000), "PRO": (2_500, 12_000), "Team": (3_000, 20_000),
    "Enterprise": (6_000, 50_000), "Enterprise Plus": (10_000, 100_000),
}  # fmt: skip
"""API requests and resolvers of a window: https://huggingface.co/docs/hub/rate-limits, as of September 2025."""
ADAPTER = b'{"peft_type": "LORA", "base_model_name_or_path": "base/model"}'
SMALL = safe({"a.lora_A.weight": (2, 4)})
MIX: Mapping[str, tuple[int, Mapping[str, bytes | Path]]] = {
    "one file and config": (45, {"model.safetensors": safe(), "config.json": CONFIG}),
    "adapter": (15, {"adapter_model.safetensors": SMALL, "adapter_config.json": ADAPTER}),
    "torch file and config": (12, {"pytorch_model.bin": torch_zip(), "config.json": CONFIG}),
    "4 shards, index and config": (10, sharded_files(4)),
    "5 GGUF files": (8, {f"model.{kind}.gguf": gguf(kind) for kind in ("F32", "F16", "BF16", "Q8_0", "Q4_K_M")}),
    "no weights": (10, {"README.md": b"#", "config.json": CONFIG}),
}
"""Of 100 repositories so many, and their files. Not measured: an assumption of this plan."""
EACH = 2.8  # resolvers that a repository of the mix costs, roughly: how many repositories fill the windows asked for
KINDS = ("api", "resolvers")
QUIET = {"HF_HUB_DISABLE_TELEMETRY": "1"}
PAGE = """Windows of {window:.0f} s in place of 300 s, with limits in proportion; a mix that is assumed: {mix}.

{table}
"""
COLUMNS = (
    "tier", "API", "resolvers", "repositories", "API each", "resolvers each", "windows needed", "taken", "refused", "a window",
    "days for 3 million",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What came out for one tier."""

    repositories: int
    taken: float
    """Windows, of the whole process."""
    refused: int
    spent: Counter[str]
    allowed: Mapping[str, int]
    """In a window of the simulation."""

    def each(self, kind: str) -> float:
        """Requests of this kind that a repository costs."""
        return self.spent[kind] / self.repositories

    @property
    def needed(self) -> float:
        """Windows whose requests were spent, of the kind that there is least of."""
        return max(self.spent[kind] / self.allowed[kind] for kind in KINDS)


def main(arguments: Sequence[str]) -> None:
    """Print the table, or write it into the document between its two marks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.census", description=__doc__.splitlines()[0])
    parser.add_argument("--window", type=float, default=15.0, help="seconds that a window is shortened to")
    parser.add_argument("--windows", type=int, default=2, help="full windows that a batch is to take")
    parser.add_argument("--tiers", nargs="+", choices=TIERS, default=["anonymous", "free", "PRO"])
    parser.add_argument("--output", type=Path, help="a document whose table is replaced, instead of standard output")
    options = parser.parse_args(arguments)
    rows = [_row(tier, _simulated(*TIERS[tier], options.window, options.windows)) for tier in options.tiers]
    mix = ", ".join(f"{share} % {what}" for what, (share, _) in MIX.items())
    page = PAGE.format(window=options.window, mix=mix, table=tabulate(rows, COLUMNS, tablefmt="github", disable_numparse=True))
    if options.output is None:
        print(page, end="")
        return
    before = options.output.read_text(encoding="utf-8")
    marked = re.compile(r"(<!-- simulated -->\n).*?(<!-- end -->)", re.DOTALL)
    options.output.write_text(marked.sub(lambda found: f"{found[1]}{page}{found[2]}", before), encoding="utf-8")


def _row(tier: str, one: Simulated) -> tuple[str | int, ...]:
    """A line of the table: what a repository costs was measured, and is multiplied out for windows of 300 s."""
    limits = dict(zip(KINDS, TIERS[tier], strict=True))
    a_window = min(limits[kind] / one.each(kind) for kind in KINDS)
    return (
        tier, *(f"{limits[kind]:,}" for kind in KINDS), one.repositories, *(f"{one.each(kind):.3f}" for kind in KINDS),
        f"{one.needed:.2f}", f"{one.taken:.2f}", one.refused, f"{a_window:,.0f}", f"{HUB / a_window * WINDOW / 86_400:.1f}",
    )  # fmt: skip


def _simulated(api: int, resolvers: int, window: float, windows: int) -> Simulated:
    scale = window / WINDOW
    allowed = {"api": max(3, round(api * scale)), "resolvers": round(resolvers * scale), "pages": 100}
    count = round(allowed["resolvers"] / EACH * windows)
    limits = RateLimits(allowed=allowed, window=window, enforced=True)
    base = Repository(repo_id="base/model", files={"model.safetensors": safe(), "config.json": CONFIG})
    with tempfile.TemporaryDirectory(prefix="census-") as name, LoopbackHub([base, *_mixed(count)], limits=limits) as hub:
        output = Path(name, "rows.jsonl")
        command = [sys.executable, "-m", "memscan", "batch", "--author", "many", "-o", str(output), "--concurrency", "64"]
        env = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HOME": name, "MEMSCAN_CACHE_SIZE": "0", **QUIET}
        started = time.monotonic()
        done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
        taken = (time.monotonic() - started) / window
        if len(output.read_bytes().splitlines()) != count:
            raise RuntimeError(f"not a row for each of {count} repositories: {done.stderr}")
    return Simulated(repositories=count, taken=taken, refused=limits.refused, spent=Counter(limits.asked), allowed=allowed)


def _mixed(count: int) -> Iterator[Repository]:
    """So many repositories in the proportions of MIX, evenly mixed."""
    kinds = sorted((place / share, what) for what, (share, _) in MIX.items() for place in range(share))
    for number in range(count):
        _, what = kinds[number % len(kinds)]
        yield Repository(repo_id=f"many/{number:06}", files=MIX[what][1])


if __name__ == "__main__":
    main(sys.argv[1:])
