"""Shell completion, as the shells ask for it."""

import os
import subprocess
import sys

import pytest


def completions(words: str) -> list[str]:
    program = "from memscan.cli.main import main; main()"
    env = {**os.environ, "_MEMSCAN_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("memscan --dt", ["--dtypes"]),
        ("memscan lay", ["layers"]),
        ("memscan bert-base-cased --form", ["--format"]),
        ("memscan bert-base-cased --format j", ["json"]),
        ("memscan bert-base-cased --dtypes float", ["float64", "float32", "float16", "float8"]),
        ("memscan layers gpt2 --dep", ["--depth"]),
    ],
)
def test_words_are_completed(words, expected):
    assert completions(words) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_each_shell_is_given(shell):
    program = "from memscan.cli.main import main; main()"
    env = {**os.environ, "_MEMSCAN_COMPLETE": f"{shell}_source"}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert "_MEMSCAN_COMPLETE" in done.stdout
