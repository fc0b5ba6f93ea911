"""`hf memscan`: installed by the hf CLI's own installer, then run by it.

`hf extensions install OWNER/hf-memscan` asks GitHub for an executable of the repository's name and, where there is none, installs
the repository as a Python package that has to bring a script `hf-memscan` (huggingface_hub/cli/extensions.py of version 2.4).
GitHub's answers are put in its place: no executable, and the archive of this checkout. All else is the CLI's own.
"""

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.ci.offline import ROOT, git

INSTALL = """
import subprocess, sys
from huggingface_hub.cli import extensions
from huggingface_hub.cli.hf import main

archive, run = sys.argv.pop(1), subprocess.run

def github(method, url, **options):
    class Reply:
        content, text = b"", "# service=git-upload-pack\\n" + 40 * "a" + " HEAD\\x00"
    if url.startswith("https://raw.githubusercontent.com/OWNER/hf-memscan/HEAD/"):
        raise OSError("404")
    return Reply()

def instead_of_github(command, **options):
    return run([archive if word.startswith("https://github.com/OWNER/hf-memscan/") else word for word in command], **options)

extensions._github_request = github
extensions.subprocess.run = instead_of_github
sys.argv[0] = "hf"
main()
"""


@pytest.fixture(scope="module")
def hf(checkout, environment, tmp_path_factory):
    """The hf CLI after the installation of the extension."""
    archive = tmp_path_factory.mktemp("github") / "HEAD.zip"
    git(checkout, "archive", "--format=zip", "--prefix=hf-memscan-HEAD/", f"--output={archive}", "HEAD")
    environment = {**environment, "HOME": str(tmp_path_factory.mktemp("home")), "HF_HUB_DISABLE_UPDATE_CHECK": "1"}

    def run(*words):
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)

    done = run(sys.executable, "-c", INSTALL, str(archive), "extensions", "install", "OWNER/hf-memscan")
    assert done.returncode == 0, done.stdout + done.stderr
    program = shutil.which("hf", path=str(Path(sys.executable).parent))
    return lambda *words: run(program, *words)


def test_the_script_has_the_name_that_the_installer_asks_for():
    (script,) = [one for one in metadata.entry_points(group="console_scripts") if one.name == "hf-memscan"]
    assert script.value == "memscan.__main__:main"
    assert not (ROOT / "hf-memscan").exists()  # it would be downloaded alone, and taken for a whole extension


def test_hf_memscan_answers_as_memscan_does(hf):
    done = hf("memscan", "bert-base-cased")
    assert done.returncode == 0, done.stderr
    assert "413.18 MB" in done.stdout
    assert hf("memscan", "check", "bert-base-cased", "--max-memory", "1MB").returncode == 1
    assert hf("extensions", "exec", "memscan", "--version").stdout.startswith("memscan ")


def test_it_is_listed(hf):
    assert "hf memscan" in hf("extensions", "list").stdout
    assert "memscan" in hf("--help").stdout
