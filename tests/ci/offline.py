"""What stands in for a package index: the checkout that is installed, and the packages of this environment beside it.

A new virtual environment gets memscan by its own pip from a copy of this checkout, built by the build backend that it names.
Everything else that an index would bring is linked into one folder, which PYTHONPATH names; memscan itself is not in it.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "src", "ci", "action.yml", ".pre-commit-hooks.yaml", "Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE",
    "CHANGELOG.md",
)  # fmt: skip
"""What packaging is made of."""
NEEDED = ("hatchling", "click", "huggingface_hub", "safetensors", "tabulate")
OUR_OWN = ("GITHUB_", "INPUT_", "MEMSCAN_", "PIP_", "PYTHON", "PRE_COMMIT", "GIT_", "VIRTUAL_ENV")


def copy_checkout(folder: Path) -> Path:
    """A copy of what packaging is made of, as it stands in the work tree, in a git repository of its own with one commit."""
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PARTS)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    new_repository(folder)
    return folder


def new_repository(folder: Path) -> None:
    """Make a git repository of a folder, all of it in one commit."""
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit_all(folder, "Begin")


def commit_all(folder: Path, message: str) -> str:
    """Commit everything there; the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD").strip()


def git(folder: Path, *words: str) -> str:
    """What git says, as somebody of whom its settings know nothing."""
    command = ["git", "-c", "safe.directory=*", *words]  # a checkout may belong to another user than the one who tests it
    done = subprocess.run(command, cwd=folder, env=git_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def git_environment() -> dict[str, str]:
    """An environment in which git knows its user and no settings of this machine."""
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in (("NAME", "a"), ("EMAIL", "a@b.c"))}
    return {**clean_environment(), **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def clean_environment() -> dict[str, str]:
    """This environment without what a CI system, pip, Python or git would take from it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OUR_OWN)}


def pip_environment(wheels: Path) -> dict[str, str]:
    """What makes pip take everything from a folder of wheels."""
    return {
        "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels.as_uri(), "PIP_NO_COMPILE": "1",
        "PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }  # fmt: skip


def make_wheels(folder: Path, names: Sequence[str] = NEEDED) -> Path:
    """A folder with a wheel of each of the packages `names` as they are installed here, and of all that they need."""
    folder.mkdir(parents=True, exist_ok=True)
    for distribution in _closure(names):
        _make_wheel(folder, distribution)
    return folder


def _make_wheel(folder: Path, distribution: metadata.Distribution) -> None:
    """https://packaging.python.org/en/latest/specifications/binary-distribution-format/"""
    files = [file for file in distribution.files or () if ".." not in file.parts and file.suffix != ".pyc"]
    info = next(file.parts[0] for file in files if file.parts[0].endswith(".dist-info"))
    tags = [
        line.removeprefix("Tag: ") for line in (distribution.read_text("WHEEL") or "").splitlines() if line.startswith("Tag: ")
    ]
    kept = [
        file
        for file in files
        if file.as_posix() not in {f"{info}/{name}" for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")}
    ]
    with ZipFile(folder / f"{info.removesuffix('.dist-info')}-{_tag(tags)}.whl", "w") as wheel:
        for file in kept:
            wheel.write(distribution.locate_file(file), file.as_posix())
        wheel.writestr(f"{info}/RECORD", "".join(f"{file.as_posix()},,\n" for file in kept) + f"{info}/RECORD,,\n")


def _tag(tags: Sequence[str]) -> str:
    """The tags of a wheel as its name has them: `py2.py3-none-any` for `py2-none-any` and `py3-none-any`."""
    return "-".join(".".join(dict.fromkeys(parts)) for parts in zip(*(tag.split("-") for tag in tags), strict=True))


def _closure(names: Sequence[str]) -> Iterator[metadata.Distribution]:
    wanted, seen = list(names), set()
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # of another platform
            continue
        yield distribution
        needs = map(Requirement, distribution.requires or ())
        wanted += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
