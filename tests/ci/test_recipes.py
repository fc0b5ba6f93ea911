"""docs/ci.md: each of its recipes is run in a clone of a repository with a model, against the loopback Hub."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ci import pipeline
from tests.ci.models import bert_like, write_model
from tests.ci.offline import ROOT, commit_all, git
from tests.ci.workflow import Job, load, run_job

TEXT = (ROOT / "docs" / "ci.md").read_text()
BLOCKS = re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
FILES = {name: text for _, name, text in BLOCKS if name}
WORKFLOWS = sorted(name for name in FILES if name.startswith(".github/"))
CONSOLES = [text for language, _, text in BLOCKS if language == "console"]
GROWING = ".github/workflows/model-size.yml"
PASSING = sorted(set(WORKFLOWS) - {GROWING})
ELSEWHERE = {"actions/checkout": None, "actions/cache": None, "github/codeql-action/upload-sarif": None}


@pytest.fixture
def clone(project, machine, checkout, tmp_path):
    """A clone of somebody's repository, with the files that the recipes say, and a snapshot of the model."""
    for name, text in FILES.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(here(text, checkout))
    shutil.rmtree(project / ".github")
    subprocess.run(["memscan", "snapshot", "model", "-o", "model.memscan"], cwd=project, env=machine, check=True)
    commit_all(project, "Take the recipes over")
    git(tmp_path, "clone", "--quiet", project.as_uri(), "clone")
    return tmp_path / "clone"


def here(text, checkout):
    """The recipe with this checkout in the place of the repository that it names."""
    head = git(checkout, "rev-parse", "HEAD").strip()
    return text.replace("https://github.com/OWNER/memscan\n    rev: v1", f"{checkout}\n    rev: {head}").replace(
        "https://github.com/OWNER/memscan ", f"{checkout} "
    )


def run_workflow(name, clone, machine, checkout, tmp_path, **event):
    """The exit code of the jobs of a workflow, and the last job."""
    workflow = load(FILES[name])
    for definition in workflow["jobs"].values():
        context = {"github": {"event": event, "run_id": "1"}, "secrets": {}, "steps": {}}
        job = Job(
            workspace=clone, temp=tmp_path, environment={**machine, **definition.get("env", {})}, context=context,
            actions={"OWNER/memscan": checkout, **ELSEWHERE},
        )  # fmt: skip
        code = run_job(job, definition["steps"])
    return code, job


def test_every_recipe_is_run_but_those_that_are_said_not_to_be():
    kinds = {language for language, name, _ in BLOCKS if not name}
    assert kinds == {"console", "sh"}
    (hf, docker) = [text for language, _, text in BLOCKS if language == "sh"]
    assert all(line.startswith("hf ") for line in hf.splitlines())  # tests/ci/test_hf_extension.py
    assert all(line.startswith("docker ") for line in docker.splitlines())
    assert set(FILES) - set(WORKFLOWS) == {"memscan.toml", ".pre-commit-config.yaml", ".gitlab-ci.yml", "test_memory.py"}


def test_the_workflows_are_valid_by_the_published_schema(tmp_path):
    paths = [tmp_path / Path(name).name for name in WORKFLOWS]
    for path, name in zip(paths, WORKFLOWS, strict=True):
        path.write_text(FILES[name])
    schema = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*schema, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", PASSING)
def test_a_workflow_passes_and_fails_where_the_model_grows(name, clone, machine, checkout, runner_temp):
    code, job = run_workflow(name, clone, machine, checkout, runner_temp)
    assert code == 0, job.log
    if "memscan.sarif" in FILES[name]:
        assert '"version": "2.1.0"' in (clone / "memscan.sarif").read_text()
    elif "target" in FILES[name]:
        assert "it needs " in job.log
        return
    write_model(clone / "model", bert_like(vocabulary=2000))
    code, job = run_workflow(name, clone, machine, checkout, runner_temp)
    assert code == 1, job.log


def test_a_pull_request_that_doubles_an_embedding_is_caught_and_shown(clone, machine, checkout, runner_temp):
    base = git(clone, "rev-parse", "HEAD").strip()
    git(clone, "switch", "--quiet", "--create", "larger")
    event = {"pull_request": {"base": {"sha": base}}}
    code, job = run_workflow(GROWING, clone, machine, checkout, runner_temp, **event)
    assert code == 0, job.log
    write_model(clone / "model", bert_like(vocabulary=2000))
    commit_all(clone, "Double the embedding")
    code, job = run_workflow(GROWING, clone, machine, checkout, runner_temp, **event)
    assert code == 1, job.log
    assert "**Exceeded: model: total size 288,768 bytes" in job.summary
    assert "Grows by 128,000 bytes (125.0 KiB, +79.6 %)" in job.summary
    assert "| resized | embeddings.word" in job.summary
    assert "<summary>Modules</summary>" in job.summary


@pytest.mark.parametrize("text", CONSOLES, ids=[text.splitlines()[0][2:40] for text in CONSOLES])
def test_a_console_shows_what_is_printed(text, clone, machine, checkout):
    for command, shown in re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", text, re.MULTILINE):
        done = subprocess.run(
            ["bash", "-c", here(command + " ", checkout)], cwd=clone, env=machine, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert not shown or done.stdout == shown


def test_the_pre_commit_configuration_runs_the_hook(clone, machine):
    """With the memscan of this machine: another recipe has pre-commit install it."""
    path = clone / ".pre-commit-config.yaml"
    path.write_text(path.read_text() + "        language: system\n")
    command = ["pre-commit", "run", "--all-files"]
    done = subprocess.run(command, cwd=clone, env=machine, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout


def test_the_gitlab_configuration_runs_the_job(clone, environment, checkout):
    config = pipeline.merged(FILES[".gitlab-ci.yml"], {"/ci/gitlab.yml": ROOT / "ci" / "gitlab.yml"})
    job = config["memscan"]
    assert job["variables"]["MEMSCAN_PACKAGE"] == "memscan"
    job["variables"]["MEMSCAN_PACKAGE"] = str(checkout)
    done = pipeline.run_job(job, clone, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in clone.glob("*.*")} >= set(job["artifacts"]["reports"].values())


def test_the_tests_for_pytest_pass_and_fail_where_the_model_grows(clone, machine):
    command = ["pytest", "-q", "--strict-markers", "-W", "error", "test_memory.py"]
    done = subprocess.run(command, cwd=clone, env=machine, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout
    write_model(clone / "model", bert_like(vocabulary=5_000_000))
    done = subprocess.run(command, cwd=clone, env=machine, capture_output=True, text=True, check=False)
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "exceeds 500MB" in done.stdout


def test_the_inputs_and_outputs_are_those_of_the_action():
    action = load((ROOT / "action.yml").read_text())
    inputs, outputs = TEXT.split("| input | for | meaning |")[1].split("| output | |")
    for table, names in ((inputs, action["inputs"]), (outputs.split("\n\n")[0], action["outputs"])):
        cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
        assert re.findall("`([^`]+)`", "".join(cells)) == list(names)
