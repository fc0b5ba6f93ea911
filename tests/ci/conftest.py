"""A checkout to install, an index to install from, a Hub to ask, and jobs to run: all on this machine."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ci.models import bert_like, write_model
from tests.ci.offline import (
    NEEDED,
    clean_environment,
    copy_checkout,
    git_environment,
    make_wheels,
    new_repository,
    pip_environment,
)
from tests.ci.workflow import Job
from tests.hub import FIXTURES, LoopbackHub, load_fixtures, materialise


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What packaging is made of, as a repository of the name that the hf CLI wants."""
    return copy_checkout(tmp_path_factory.mktemp("checkout") / "hf-memscan")


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which pip finds what memscan needs."""
    return pip_environment(make_wheels(tmp_path_factory.mktemp("wheels"), (*NEEDED, "pytest")))


@pytest.fixture(scope="session")
def fixtures_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    """The fixtures behind a Hub of their own, for processes that run beside this one."""
    folder = tmp_path_factory.mktemp("hub")
    for name in ("google-bert/bert-base-cased", "openai-community/gpt2"):
        materialise(FIXTURES / name, folder / name)
    with LoopbackHub(load_fixtures(folder)) as hub:
        yield hub


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory, index: dict[str, str], fixtures_hub: LoopbackHub) -> dict[str, str]:
    """The environment of somebody else's machine: a home of its own, the Hub, and an index of packages."""
    home = tmp_path_factory.mktemp("home")
    return {
        **clean_environment(), **git_environment(), **index, "HOME": str(home), "HF_HOME": str(home / "hf"),
        "HF_ENDPOINT": fixtures_hub.endpoint, "MEMSCAN_CACHE": str(home / "memscan"), "XDG_CACHE_HOME": str(home / "cache"),
        "PRE_COMMIT_HOME": str(home / "pre-commit"),
    }  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Somebody's repository: a small model, a budget for it, one commit."""
    folder = tmp_path / "project"
    write_model(folder / "model", bert_like())
    (folder / "memscan.toml").write_text('[[budget]]\ntarget = "model"\nmax-memory = "1MB"\n')
    new_repository(folder)
    return folder


@pytest.fixture(scope="session")
def runner_temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What jobs share, so that memscan is installed once."""
    return tmp_path_factory.mktemp("runner")


@pytest.fixture
def new_job(project: Path, runner_temp: Path, environment: dict[str, str], checkout: Path) -> Callable[..., Job]:
    """A job in the project's work tree, with an event."""

    def make(**github: object) -> Job:
        context = {"github": {"repository": "somebody/project", **github}, "secrets": {}, "steps": {}}
        return Job(
            workspace=project, temp=runner_temp, environment=environment, context=context,
            actions={"OWNER/memscan": checkout, "actions/checkout": None, "actions/cache": None},
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def machine(checkout: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a machine on which somebody has installed memscan, pytest and pre-commit."""
    venv, tools = tmp_path_factory.mktemp("machine"), tmp_path_factory.mktemp("tools")
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([venv / "bin" / "pip", "install", "--quiet", str(checkout), "pytest"], env=environment, check=True)
    (tools / "pre-commit").symlink_to(Path(sys.executable).parent / "pre-commit")
    return {**environment, "PATH": f"{venv / 'bin'}:{tools}:{environment['PATH']}"}
