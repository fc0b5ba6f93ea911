"""Many users of the page at once, as their browsers speak to it: `python -m tests.web.load --users 50 --seconds 60`.

Serves the page and a loopback Hub with fixtures. Each user asks, waits for the answer, and asks again: first so that no two
queries are the same and each is read and worked out, then a few queries again and again, as links are.
"""

import argparse
import json
import random
import re
import tempfile
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from tests.hub import FIXTURES, LoopbackHub, load_fixtures, materialise

from .served import serving

MODELS = (
    "google-bert/bert-base-cased", "meta-llama/Llama-3.1-8B", "Qwen/Qwen2.5-0.5B", "openai-community/gpt2", "google-t5/t5-small",
    "mistralai/Mixtral-8x7B-v0.1", "TheBloke/Llama-2-7B-GPTQ", "timm/resnet50.a1_in1k", "sentence-transformers/all-MiniLM-L6-v2",
    "bigscience/bloom",
)  # fmt: skip
DEVICES = ("rtx-4090", "h100", "t4", "none")
PATIENCE = 120  # seconds for one answer
FIELDS = 9  # of the form, the token among them


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the users saw."""

    seconds: tuple[float, ...]
    """Of each answer, from asking to the last byte."""
    errors: tuple[str, ...]

    @property
    def answers(self) -> int:
        return len(self.seconds)

    def share(self, percent: int) -> float:
        """The seconds within which so many percent of the answers came."""
        found = sorted(self.seconds)
        return found[min(len(found) - 1, len(found) * percent // 100)] if found else float("nan")


def load(address: str, models: Sequence[str], *, users: int, seconds: float, vary: bool = False) -> Outcome:
    """Let so many `users` ask for `models` again and again, for so many seconds. `vary`: each query is one of its own."""
    with urllib.request.urlopen(f"{address}/config", timeout=PATIENCE) as reply:
        config = json.load(reply)
    event = next(one["id"] for one in config["dependencies"] if len(one["inputs"]) == FIELDS and len(one["targets"]) == 2)
    times: list[float] = []
    errors: list[str] = []
    end = time.monotonic() + seconds

    def user(number: int) -> None:
        luck = random.Random(number)
        asked = number
        while time.monotonic() < end:
            model = models[asked % len(models)]
            asked += 1
            context = str(luck.randrange(1, 512)) if vary else ""
            started = time.monotonic()
            try:
                problem = _ask(address, event, ["", model, luck.choice(DEVICES), context, "1", "inference", "", "", []])
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
            if problem is None:
                times.append(time.monotonic() - started)
            else:
                errors.append(problem)

    threads = [threading.Thread(target=user, args=(number,)) for number in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Outcome(seconds=tuple(times), errors=tuple(errors))


def _ask(address: str, event: int, values: list[object]) -> str | None:
    """What went wrong; None where the answer came."""
    session = uuid.uuid4().hex
    body = json.dumps({"data": values, "fn_index": event, "session_hash": session}).encode()
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{address}/gradio_api/queue/join", data=body, headers=headers)
    urllib.request.urlopen(asked, timeout=PATIENCE).close()
    shown = ""
    with urllib.request.urlopen(f"{address}/gradio_api/queue/data?session_hash={session}", timeout=PATIENCE) as stream:
        for message in _messages(stream):
            if message["msg"] in {"process_generating", "process_completed"}:
                if not message["success"]:
                    return f"Gradio: {message['output']}"
                shown += json.dumps(message["output"])
            if message["msg"] == "process_completed":
                break
    failed = re.search(r'ms-failed\\?\\?"?>?([^<]*)<', shown)
    if failed is not None:
        return unescape(failed[1].lstrip('\\">'))
    return None if "Read " in shown else f"no answer: {shown[:200]}"


def _messages(stream: Iterator[bytes]) -> Iterator[dict[str, object]]:
    for line in stream:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


@contextmanager
def _hub(latency: float) -> Iterator[LoopbackHub]:
    with tempfile.TemporaryDirectory(prefix="memscan-load-") as name:
        for model in MODELS:
            materialise(FIXTURES / model, Path(name) / model)
        with LoopbackHub(load_fixtures(Path(name)), latency=latency) as hub:
            yield hub


def main() -> None:
    """Print what the users saw."""
    parser = argparse.ArgumentParser(prog="python -m tests.web.load", description=__doc__)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds before each reply of the Hub")
    options = parser.parse_args()
    for vary, what in ((True, "every query another"), (False, f"{len(MODELS) * len(DEVICES)} queries")):
        with _hub(options.latency) as hub, tempfile.TemporaryDirectory() as cache:
            kept = {"MEMSCAN_CACHE": cache, "MEMSCAN_CACHE_SIZE": "1GB"}
            with serving(hub, "--rate", "100000", env=kept) as served:
                started = time.monotonic()
                outcome = load(served.address, MODELS, users=options.users, seconds=options.seconds, vary=vary)
                took = time.monotonic() - started
        print(
            f"{options.users} users, {what}: {outcome.answers} answers in {took:.0f} s ({outcome.answers / took:.1f} a second),"
            f" p50 {outcome.share(50):.2f} s, p95 {outcome.share(95):.2f} s, max {max(outcome.seconds, default=0):.2f} s,"
            f" {len(outcome.errors)} errors"
        )
        for error in sorted(set(outcome.errors))[:5]:
            print(f"  {error}")


if __name__ == "__main__":
    main()
