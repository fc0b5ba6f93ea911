"""The Dockerfile: what it promises, and its commands run here. No image is built: that needs Docker."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ci.offline import ROOT


def instructions():
    """(instruction, words) in order, the stages one behind the other."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [tuple(line.split(None, 1)) for line in re.sub(r"\\\n\s*", "", text).splitlines() if line.strip()]


LINES = instructions()
LAST = LINES[max(number for number, (word, _) in enumerate(LINES) if word == "FROM") :]


def test_the_image_is_of_a_base_with_a_version():
    bases = [words.split()[0] for word, words in LINES if word == "FROM"]
    assert len(bases) == 2
    assert len(set(bases)) == 1  # an environment of one Python does not run in another
    assert re.fullmatch(r"python:3\.\d+-alpine3\.\d+", bases[0])


def test_it_runs_as_an_ordinary_user_and_what_it_is_made_of_comes_from_here():
    (user,) = [words for word, words in LAST if word == "USER"]
    assert all(int(number) > 0 for number in user.split(":"))
    assert not [words for word, words in LINES if word == "ADD"]
    assert not [words for word, words in LINES if re.search(r"https?://|curl|wget", words)]
    after = [word for word, _ in LAST[[word for word, _ in LAST].index("USER") :]]
    assert "RUN" not in after
    assert "COPY" not in after


def test_the_entry_is_memscan_with_its_help():
    assert json.loads(dict(LAST)["ENTRYPOINT"]) == ["memscan"]
    assert json.loads(dict(LAST)["CMD"]) == ["--help"]
    assert "org.opencontainers.image.licenses" in dict(LAST)["LABEL"]


def copied():
    return [words.split()[:-1] for word, words in LINES if word == "COPY" and "--from" not in words]


def test_the_ignore_file_lets_through_what_is_copied_and_nothing_else():
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == {name for names in copied() for name in names}


@pytest.mark.skipif(os.name == "nt", reason="the commands are for a shell")
def test_the_commands_of_the_build_give_an_environment_without_pip_that_runs(checkout, environment, tmp_path):
    source, target = tmp_path / "source", tmp_path / "opt"
    for name in (name for names in copied() for name in names):
        copy = shutil.copytree if (checkout / name).is_dir() else shutil.copy2
        source.mkdir(exist_ok=True)
        copy(checkout / name, source / name)
    python = {**environment, "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}"}
    (command,) = [words for word, words in LINES[: -len(LAST)] if word == "RUN"]
    subprocess.run(["sh", "-ec", command.replace("/opt/memscan", str(target))], cwd=source, env=python, check=True)
    assert not (target / "bin" / "pip").exists()
    words = json.loads(dict(LAST)["ENTRYPOINT"])
    run = subprocess.run(
        [target / "bin" / words[0], "bert-base-cased"], env=environment, capture_output=True, text=True, check=True
    )
    assert "413.18 MB" in run.stdout
