"""Servers that fall silent: however they do it, a scan ends within 45 seconds and says so in one line."""

import re
import sys

import pytest

from .conftest import Silence

LINE = re.compile(r"memscan: .*127\.0\.0\.1:\d+.* (said nothing|sent only|timed out).*\n")


@pytest.mark.parametrize(
    "silence",
    [
        "listing-head", "listing-body", "resolve-head", "cdn-head", "cdn-body", "drip", "everything in turn", "many shards",
        pytest.param("connecting", marks=pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses")),
    ],
    indirect=True,
)  # fmt: skip
def test_a_silent_server_costs_less_than_45_seconds(silence: Silence) -> None:
    assert (silence.run.code, silence.run.stdout) == (4, "")
    assert LINE.fullmatch(silence.run.stderr)
    assert silence.seconds < 45
