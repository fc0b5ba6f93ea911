"""The defaults of config classes that are here are those of the transformers that is installed."""

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

pytestmark = [pytest.mark.torch, pytest.mark.oracle]
TOOLS = Path(__file__).parents[2] / "tools"
# A process of its own: it makes a config of every class, and some of them warn.
PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from build_defaults import made
print(json.dumps(made()))
"""


def test_the_defaults_are_those_of_the_config_classes():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM, str(TOOLS)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    kept = json.loads(files("memscan.architecture").joinpath("defaults.json").read_text())
    assert len(found["types"]) > 780
    assert found == kept
