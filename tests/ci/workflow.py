"""A small runner of GitHub Actions: workflows and composite actions, their scripts run by bash as the runner runs them.

What it knows is what this repository's files use: steps with `run` and `uses`, `if` of one comparison, inputs, outputs, `env`,
`working-directory`, the files behind GITHUB_OUTPUT and GITHUB_STEP_SUMMARY, and expressions that look a value up, perhaps with
`||`, `==` and `!=`. Anything else is an error, not a guess.
https://docs.github.com/en/actions/reference/workflows-and-actions/contexts
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
Context = dict[str, Any]


@dataclass
class Job:
    """What a job has: where it runs, what it knows, what it has said."""

    workspace: Path
    temp: Path
    environment: dict[str, str]
    context: Context
    """`github`, `secrets`, ... as expressions see them."""
    actions: Mapping[str, Path] = field(default_factory=dict)
    """Where an action is, by its name without the version; None of a step that needs nothing here."""
    log: str = ""
    summary: str = ""
    count: int = 0


class StepFailedError(Exception):
    """A step ended with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


def load(text: str) -> Any:
    """YAML as GitHub reads it: `on` is a word."""
    document = yaml.safe_load(text)
    if isinstance(document, dict) and True in document:
        document["on"] = document.pop(True)
    return document


def run_job(job: Job, steps: list[dict[str, Any]]) -> int:
    """Run the steps; the exit code of the first that failed, 0 otherwise. Steps with `if: always()` run all the same."""
    code = 0
    for step in steps:
        if code and "always()" not in str(step.get("if", "")):
            continue
        try:
            run_step(job, job.context, step)
        except StepFailedError as error:
            code = code or (0 if step.get("continue-on-error") else error.code)
    return code


def run_step(job: Job, context: Context, step: Mapping[str, Any], extra: Mapping[str, str] | None = None) -> None:
    """Run one step; StepFailedError where it fails."""
    if not holds(str(step.get("if", "true")), context):
        return
    outputs = _use(job, context, step) if "uses" in step else _script(job, context, step, extra or {})
    if "id" in step:
        context.setdefault("steps", {})[step["id"]] = {"outputs": outputs}


def _use(job: Job, context: Context, step: Mapping[str, Any]) -> dict[str, str]:
    name = step["uses"].partition("@")[0]
    folder = job.actions[name]
    if folder is None:
        return {}
    action = load((folder / "action.yml").read_text())
    given = {
        key: filled(str(value).lower() if isinstance(value, bool) else str(value), context)
        for key, value in step.get("with", {}).items()
    }
    unknown = given.keys() - action["inputs"].keys()
    assert not unknown, unknown
    inputs = {key: given.get(key, entry.get("default", "")) for key, entry in action["inputs"].items()}
    inner: Context = {"inputs": inputs, "github": context["github"], "steps": {}}
    extra = {key: filled(str(value), context) for key, value in step.get("env", {}).items()}
    try:
        for one in action["runs"]["steps"]:
            assert "run" not in one or "shell" in one
            run_step(job, inner, one, {**extra, "GITHUB_ACTION_PATH": str(folder)})
    finally:
        outputs = {key: filled(entry["value"], inner) for key, entry in action["outputs"].items()}
        if "id" in step:
            context.setdefault("steps", {})[step["id"]] = {"outputs": outputs}
    return outputs


def _script(job: Job, context: Context, step: Mapping[str, Any], extra: Mapping[str, str]) -> dict[str, str]:
    assert not EXPRESSION.search(step["run"]), "an expression in a script is read by the shell"
    job.count += 1
    files = {name: job.temp / f"{name.lower()}-{job.count}" for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV")}
    for path in files.values():
        path.write_text("")  # jobs may share the folder
    script = job.temp / f"script-{job.count}.sh"
    script.write_text(step["run"])
    environment = {
        **job.environment, "CI": "true", "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(job.workspace), "RUNNER_TEMP": str(job.temp),
        **extra, **{name: filled(str(value), context) for name, value in step.get("env", {}).items()},
        **{name: str(path) for name, path in files.items()},
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)], env=environment, capture_output=True, text=True,
        cwd=job.workspace / filled(str(step.get("working-directory", ".")), context), check=False,
    )  # fmt: skip
    job.log += done.stdout + done.stderr
    job.summary += files["GITHUB_STEP_SUMMARY"].read_text()
    outputs = parsed(files["GITHUB_OUTPUT"].read_text())
    if "id" in step:
        context.setdefault("steps", {})[step["id"]] = {"outputs": outputs}
    if done.returncode:
        raise StepFailedError(done.returncode)
    return outputs


def parsed(text: str) -> dict[str, str]:
    """The values of a file of outputs: `name=value`, or `name<<MARK`, lines, `MARK`."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        if match := re.fullmatch(r"([A-Za-z_][\w-]*)<<(.+)", line):
            value = []
            while (inner := next(lines)) != match[2]:
                value.append(inner)
            found[match[1]] = "\n".join(value)
        else:
            name, equals, value_ = line.partition("=")
            assert equals, line
            found[name] = value_
    return found


def filled(text: str, context: Context) -> str:
    """The text with its expressions looked up."""
    return EXPRESSION.sub(lambda match: value(match[1].strip(), context), text)


def holds(condition: str, context: Context) -> bool:
    """Whether the `if` of a step holds."""
    words = EXPRESSION.sub(lambda match: match[1], condition).strip()
    if words in {"true", "always()", "success()"}:
        return True
    match = re.fullmatch(r"(.+?)\s*(==|!=)\s*'([^']*)'", words)
    assert match, condition
    return (value(match[1].strip(), context) == match[3]) is (match[2] == "==")


def value(expression: str, context: Context) -> str:
    """What an expression gives: a literal, a path into the contexts, or the first of several that is something."""
    for choice in (part.strip() for part in expression.split("||")):
        found: Any = choice[1:-1] if choice.startswith("'") else context
        if found is context:
            assert re.fullmatch(r"[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)+", choice), expression
            for name in choice.split("."):
                found = found.get(name, "") if isinstance(found, dict) else ""
        if found != "":
            return str(found).lower() if isinstance(found, bool) else str(found)
    return ""
