"""What the GitHub Action runs once memscan is installed: its inputs become the words of one command line.

Inputs come as environment variables (`INPUT_MAX_MEMORY` for `max-memory`) and go to memscan as one argument each, so that
nothing in them is read by a shell, and behind `=` or `--`, so that nothing in them is read as an option.
"""

import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CHECK_OPTIONS = ("budget", "max-memory", "device", "what", "dtype", "unknown")
DIFF_OPTIONS = ("fail-on-growth",)
ONLY = {"check": (*CHECK_OPTIONS,), "diff": ("base", "base-ref", *DIFF_OPTIONS)}
OWN = ("--output", "--format", "--json")  # options that say where the answer goes; the log, the summary and the outputs need it
USAGE = 2  # the exit code of memscan for words that make no sense
MOST_SUMMARY = 1_000_000  # bytes; GitHub takes 1 MiB for one step
SHOWN_LINES = 400  # of a comparison, in the log


class InputError(Exception):
    """An input makes no sense; the message is for the user."""


def main() -> int:
    """Run the command, and return the exit code."""
    try:
        code = check() if chosen() == "check" else diff()
    except InputError as error:
        annotate("error", str(error))
        code = USAGE
    put_out(exit_code=str(code))
    return code


def chosen() -> str:
    """The command; InputError for one that there is not, or for inputs of another, which would be ignored in silence."""
    command = said("command") or "check"
    if command not in ONLY:
        raise InputError(f"the input command is {command!r}, expected check or diff")
    for other, names in ONLY.items():
        for name in names:
            if other != command and said(name):
                raise InputError(f"the input {name} is for the command {other}, not for {command}")
    return command


def check() -> int:
    """`memscan check`."""
    return gate(["check", *options(CHECK_OPTIONS), *extra(), "--format=github", "--", *targets()])


def gate(words: Sequence[str]) -> int:
    """Run a command that shows limits: it writes annotations, the summary and the outputs itself, where it comes so far."""
    done = memscan(words)
    if done.stdout:
        print(done.stdout, end="", flush=True)
    else:
        failed(done)
    return done.returncode


def diff() -> int:
    """`memscan diff` of the target with `base`, or with what it was at `base-ref`."""
    if len(targets()) != 1:
        raise InputError("diff compares one target; give it in the input target")
    if bool(said("base")) == bool(said("base-ref")):
        raise InputError("diff needs one of the inputs base and base-ref")
    target = targets()[0]
    if said("base"):
        return compared(said("base"), target)
    with at_revision(said("base-ref"), target) as before:
        if before is None:
            annotate("notice", f"{target} is new: {said('base-ref')} has nothing there to compare it with")
            put_out(outcome="new", passed="true", failed="0")
            return 0
        return compared(before, target)


def compared(before: str, after: str) -> int:
    """Hold the growth to its limit; where there is none, show what changed in the log and in the summary."""
    if said("fail-on-growth"):
        return gate(["diff", *options(DIFF_OPTIONS), *extra(), "--format=github", "--", before, after])
    done = memscan(["diff", *extra(), "--format=markdown", "--", before, after])
    if not done.stdout:
        failed(done)
        return done.returncode
    quietly("\n".join(done.stdout.splitlines()[:SHOWN_LINES]))
    summarise(done.stdout)
    put_out(outcome="compared", passed=str(done.returncode == 0).lower(), failed=str(int(done.returncode != 0)))
    return done.returncode


def failed(done: subprocess.CompletedProcess[str]) -> None:
    """Say why a command gave no answer."""
    message = " ".join(done.stderr.split()).removeprefix("memscan: ") or f"memscan ended with exit code {done.returncode}"
    annotate("error", message)
    put_out(outcome="not read", passed="false", failed="1", message=message)


@contextmanager
def at_revision(revision: str, path: str) -> Iterator[str | None]:
    """The file or folder `path` as it is at a git revision, in a work tree of its own; None where there is none."""
    if revision.startswith("-"):
        raise InputError(f"the input base-ref is {revision!r}, expected a git revision")
    if not Path(path).exists():
        raise InputError(f"{path} is no file or folder of this checkout; with base-ref the target has to be one")
    top, place = Path(git("rev-parse", "--show-toplevel")).resolve(), Path(path).resolve()
    if not place.is_relative_to(top):
        raise InputError(f"{path} lies outside the checkout {top}; with base-ref the target has to be inside")
    inside = place.relative_to(top).as_posix()
    commit = fetched(revision)
    if not has(commit, "" if inside == "." else inside):
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="memscan-"))
    base = folder / f"base-{commit[:7]}"
    try:
        git("worktree", "add", "--quiet", "--no-checkout", "--detach", str(base), commit)
        git("-C", str(base), "checkout", "--quiet", commit, "--", inside)  # of a large repository, the target alone
        yield str(base / inside)
    finally:
        subprocess.run([*GIT, "worktree", "remove", "--force", str(base)], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def has(commit: str, path: str) -> bool:
    """Whether there is something at a path, as seen from the top, in a commit."""
    return subprocess.run([*GIT, "cat-file", "-e", f"{commit}:{path}"], check=False, capture_output=True).returncode == 0


def fetched(revision: str) -> str:
    """The commit of a revision; it is fetched where this checkout, which may be shallow, does not have it."""
    for name in (revision, f"refs/remotes/origin/{revision}"):
        ask = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"]
        found = subprocess.run([*GIT, *ask], check=False, capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout.strip()
    git("fetch", "--quiet", "--no-tags", "--depth=1", "origin", revision)
    return git("rev-parse", "--verify", "FETCH_HEAD^{commit}")


# The checkout may belong to another user than the one of a job in a container; only command-line settings can say so. A path is
# a path, whatever signs are in it.
GIT = ("git", "--literal-pathspecs", "-c", f"safe.directory={os.environ.get('GITHUB_WORKSPACE') or Path.cwd()}")


def git(*words: str) -> str:
    """What git answers; InputError with its own words where it fails."""
    try:
        done = subprocess.run([*GIT, *words], check=False, capture_output=True, text=True)
    except OSError as error:
        raise InputError(f"base-ref needs git: {error}") from error
    if done.returncode:
        raise InputError(f"git {words[0]}: {' '.join(done.stderr.split()) or f'exit code {done.returncode}'}")
    return done.stdout.strip()


def memscan(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """What the memscan that is installed beside this Python answers; it has the token in its environment."""
    environment = {**os.environ, "PYTHONUTF8": "1", **({"HF_TOKEN": said("token")} if said("token") else {})}
    program = shutil.which("memscan", path=os.environ.get("SCRIPTS") or str(Path(sys.executable).parent))
    if program is None:
        raise InputError("memscan is not installed beside the Python that runs this")
    return subprocess.run(
        [program, *words], env=environment, check=False, capture_output=True, encoding="utf-8", errors="replace"
    )


def said(name: str) -> str:
    """An input, without the space around it."""
    return os.environ.get(f"INPUT_{name.upper().replace('-', '_')}", "").strip()


def targets() -> list[str]:
    """The input target, one a line."""
    return [line.strip() for line in said("target").splitlines() if line.strip()]


def options(names: Sequence[str]) -> list[str]:
    """The inputs that are given, as options."""
    return [f"--{name}={said(name)}" for name in names if said(name)]


def extra() -> list[str]:
    """The input args, split as a shell splits words."""
    try:
        words = shlex.split(said("args"))
    except ValueError as error:
        raise InputError(f"the input args cannot be split into words: {error}") from error
    for word in words:
        name = word.partition("=")[0]
        if name in OWN or (word.startswith("-o") and not word.startswith("--")):
            raise InputError(f"the input args has {word}: where the answer goes, and in which format, is the action's own")
    return words


def quietly(text: str) -> None:
    """Print what may hold anything at all: meanwhile GitHub reads no workflow commands."""
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}\n{text}\n::{token}::", flush=True)


def annotate(kind: str, message: str) -> None:
    """An annotation of the run: one line, escaped as the runner undoes it."""
    escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    print(f"::{kind} title=memscan::{escaped}", flush=True)


def summarise(markdown: str) -> None:
    """Append to the summary of the step."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path and markdown:
        raw = markdown.encode()
        text = (
            markdown if len(raw) <= MOST_SUMMARY else raw[:MOST_SUMMARY].decode(errors="ignore") + "\n\n(cut here: see the log)"
        )
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text.rstrip("\n") + "\n")


def put_out(**values: str) -> None:
    """Hand values to later steps; a value is one line."""
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={' '.join(value.split())}\n" for name, value in values.items())


if __name__ == "__main__":
    sys.exit(main())
