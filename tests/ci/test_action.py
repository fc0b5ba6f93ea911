"""The GitHub Action: its steps run through bash as a runner runs them, in somebody's project, against the loopback Hub."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from memscan.version import __version__
from tests.ci.models import bert_like, write_model
from tests.ci.offline import ROOT, commit_all, git
from tests.ci.workflow import load, run_job
from tests.hub import Repository
from tests.writers.safetensors import write

ACTION = load((ROOT / "action.yml").read_text())


def run(new_job, inputs, *, job=None, **github):
    """The job, its exit code and the action's outputs."""
    job = job or new_job(**github)
    code = run_job(job, [{"uses": "OWNER/memscan@v1", "id": "memscan", "with": inputs}])
    return job, code, job.context["steps"]["memscan"]["outputs"]


def test_the_action_is_valid_by_the_published_schema():
    schema = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions"]
    done = subprocess.run([*schema, str(ROOT / "action.yml")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_input_is_ever_part_of_a_script():
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
    (last,) = [step for step in ACTION["runs"]["steps"] if step["name"] == "Run memscan"]
    handed = {name for value in last["env"].values() for name in re.findall(r"inputs\.([\w-]+)", value)}
    assert handed == ACTION["inputs"].keys() - {"version", "python", "working-directory"}


def test_the_action_runs_the_budgets_of_the_project(new_job):
    job, code, outputs = run(new_job, {})
    assert code == 0, job.log
    assert outputs["outcome"] == "within"
    assert outputs["passed"] == "true"
    assert outputs["exit-code"] == "0"
    assert outputs["max-bytes"] == str(4 * (1000 * 32 + 8 * 32 * 32))
    assert "Memory gate passed" in job.summary


def test_a_target_that_exceeds_its_limit_fails_the_step_and_is_annotated(new_job):
    inputs = {"target": "bert-base-cased", "max-memory": "400MB", "what": "largest-layer"}
    job, code, outputs = run(new_job, inputs)
    assert (code, outputs["outcome"]) == (0, "within"), job.log
    job, code, outputs = run(new_job, {**inputs, "what": "total", "args": "--scope checkpoint"})
    assert (code, outputs["exit-code"], outputs["failed"], outputs["passed"]) == (1, "1", "1", "false")
    assert int(outputs["max-bytes"]) > 400_000_000
    (line,) = [line for line in job.log.splitlines() if line.startswith("::error ")]
    assert "bert-base-cased" in line
    assert "**exceeded**" in job.summary


def test_several_targets_stand_on_lines(new_job, fixtures_hub):
    job, code, outputs = run(new_job, {"target": "bert-base-cased\n\n  model \n", "max-memory": "24GB"})
    assert (code, outputs["checked"]) == (0, "2"), job.log


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"command": "remove"}, "expected check or diff"),
        ({"command": "diff", "target": "model"}, "one of the inputs base and base-ref"),
        ({"command": "diff", "base": "model"}, "in the input target"),
        ({"fail-on-growth": "5%"}, "is for the command diff"),
        ({"command": "diff", "target": "model", "base": "model", "max-memory": "1GB"}, "is for the command check"),
        ({"args": "'"}, "cannot be split"),
        ({"target": "model", "max-memory": "many"}, "many"),
        ({"target": "model", "args": "--no-such-option"}, "--no-such-option"),
        ({"command": "diff", "target": "model", "base-ref": "--upload-pack=touch x"}, "expected a git revision"),
        ({"command": "diff", "target": "model", "base-ref": "no-such-branch"}, "git fetch"),
        ({"command": "diff", "target": "..", "base-ref": "main"}, "outside the checkout"),
        ({"command": "diff", "target": "nowhere", "base-ref": "main"}, "no file or folder of this checkout"),
        ({"version": "1.0 @ https://example.com/x.zip"}, "The input version is no version"),
        ({"python": "no-such-python"}, "The input python names no Python"),
    ],
)
def test_inputs_that_make_no_sense_are_one_annotation_and_exit_code_2(new_job, inputs, words):
    job, code, outputs = run(new_job, inputs)
    assert code == 2, job.log
    (line,) = [line for line in job.log.splitlines() if line.startswith("::error ")]
    assert words in line
    assert outputs["exit-code"] in {"2", ""}


def test_a_target_that_cannot_be_read_has_memscans_exit_code(new_job):
    job, code, outputs = run(new_job, {"target": "nobody/nothing", "max-memory": "1GB"})
    assert (code, outputs["exit-code"], outputs["outcome"], outputs["not-read"]) == (3, "3", "not read", "1"), job.log
    job, code, outputs = run(new_job, {"command": "diff", "target": "model", "base": "nobody/nothing"})
    assert (code, outputs["outcome"]) == (3, "not read"), job.log


def test_nothing_in_an_input_is_run(new_job):
    value = "x$(touch caught)`touch caught`; touch caught; ' touch caught; \" & touch caught"
    for inputs in (
        {"target": value, "max-memory": "1GB"},
        {"target": "model", "max-memory": value},
        {"target": "model", "max-memory": "1GB", "dtype": value},
        {"budget": value},
        {"command": value},
        {"command": "diff", "target": "model", "base": value},
        {"command": "diff", "target": "model", "base-ref": value},
        {"target": "model", "max-memory": "1GB", "args": f"--revision {shlex.quote(value)}"},
        {"version": value},
        {"python": value},
    ):
        job, code, _ = run(new_job, inputs)
        assert code != 0, job.log
        assert not (job.workspace / "caught").exists()


def test_a_target_is_never_an_option(new_job):
    job, code, _ = run(new_job, {"target": "--output=caught.txt\n", "max-memory": "1GB"})
    assert code == 2, job.log
    assert not (job.workspace / "caught.txt").exists()


def test_a_module_of_the_project_is_not_imported(new_job, project):
    for name in ("click", "memscan", "json", "safetensors"):
        (project / f"{name}.py").write_text("raise SystemExit(99)")
    job, code, _ = run(new_job, {})
    assert code == 0, job.log


def test_a_private_model_is_read_with_the_token_and_the_token_is_in_no_log(new_job, fixtures_hub):
    files = {"model.safetensors": write({"weight": ("F32", (10, 10))})}
    fixtures_hub.add_repository(Repository(repo_id="org/closed", files=files, private=True, readers=("hf_reader",)))
    job, code, outputs = run(new_job, {"target": "org/closed", "max-memory": "1GB", "token": "hf_reader"})
    assert (code, outputs["max-bytes"]) == (0, "400"), job.log
    assert "hf_reader" not in job.log + job.summary
    job, code, _ = run(new_job, {"target": "org/closed", "max-memory": "1GB", "args": "--no-cache"})
    assert code == 3, job.log


def test_a_version_is_installed_from_the_index(new_job, machine, tmp_path):
    """The Python that is given makes no new environment, but one that has this version already."""
    python = tmp_path / "python"
    has_it = Path(machine["PATH"].partition(os.pathsep)[0]).parent
    python.write_text(f'#!/bin/sh\nif [ "$2" = venv ]; then ln -s {has_it} "$4"; else exec {sys.executable} "$@"; fi\n')
    python.chmod(0o755)
    job, code, _ = run(new_job, {"version": "99.0", "python": str(python)})
    assert (code, "memscan==99.0" in job.log) == (1, True), job.log  # as pip says
    job, code, _ = run(new_job, {"version": __version__, "python": str(python)})
    assert code == 0, job.log


INPUTS = {"command": "diff", "target": "model", "base-ref": "${{ github.event.pull_request.base.sha }}"}


class TestPullRequests:
    """A branch that doubles an embedding, and what its job makes of it."""

    @pytest.fixture
    def base(self, project):
        base = git(project, "rev-parse", "HEAD").strip()
        git(project, "switch", "--quiet", "--create", "larger")
        write_model(project / "model", bert_like(vocabulary=2000))
        commit_all(project, "Double the embedding")
        return base

    def test_growth_beyond_the_limit_fails_and_shows_what_grew(self, new_job, base):
        event = {"pull_request": {"base": {"sha": base}}}
        job, code, outputs = run(new_job, {**INPUTS, "fail-on-growth": "5%"}, event=event)
        assert (code, outputs["outcome"], outputs["failed"]) == (1, "exceeded", "1"), job.log
        assert [line.startswith("::error ") for line in job.log.splitlines()].count(True) == 1
        assert "**Exceeded: model: total size 288,768 bytes" in job.summary
        assert f"/base-{base[:7]}/model" in job.summary
        (line,) = [line for line in job.summary.splitlines() if line.startswith("| resized |")]
        shown = line.replace("\\", "").split(" | ")[1:5]
        assert shown == ["embeddings.word_embeddings.weight", "1", "F32 [1000, 32] -> [2000, 32]", "+128,000"]
        assert "<details><summary>Modules</summary>" in job.summary

    def test_a_limit_that_is_kept_passes(self, new_job, base):
        event = {"pull_request": {"base": {"sha": base}}}
        job, code, outputs = run(new_job, {**INPUTS, "fail-on-growth": "200kB"}, event=event)
        assert (code, outputs["outcome"]) == (0, "within"), job.log

    def test_without_a_limit_it_is_only_shown(self, new_job, base):
        job, code, outputs = run(new_job, {**INPUTS, "base-ref": "main"})
        assert (code, outputs["outcome"], outputs["passed"]) == (0, "compared", "true"), job.log
        assert "+128,000" in job.summary

    def test_nothing_is_left_of_the_work_tree(self, new_job, base):
        job, _, _ = run(new_job, {**INPUTS, "base-ref": base})
        assert len(git(job.workspace, "worktree", "list").splitlines()) == 1
        assert git(job.workspace, "status", "--porcelain") == ""

    def test_a_shallow_checkout_fetches_the_base(self, new_job, base, tmp_path):
        origin = new_job().workspace
        shallow = tmp_path / "shallow"
        git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=larger", "--single-branch", origin.as_uri(), str(shallow))
        for revision in (base, "main"):
            job = new_job()
            job.workspace = shallow
            job, code, outputs = run(None, {**INPUTS, "base-ref": revision, "fail-on-growth": "0"}, job=job)
            assert (code, outputs["outcome"]) == (1, "exceeded"), job.log

    def test_a_model_that_the_base_does_not_have_is_said_to_be_new(self, new_job, base, project):
        write_model(project / "other", bert_like())
        job, code, outputs = run(new_job, {**INPUTS, "base-ref": base, "target": "other", "fail-on-growth": "0"})
        assert (code, outputs["outcome"], outputs["passed"]) == (0, "new", "true"), job.log
        assert "::notice" in job.log

    @pytest.mark.parametrize(("target", "folder"), [(".", "model"), ("./", "model"), ("../model/model.safetensors", "model")])
    def test_a_target_is_seen_from_the_working_directory(self, new_job, base, target, folder):
        inputs = {**INPUTS, "base-ref": base, "target": target, "working-directory": folder, "fail-on-growth": "0"}
        job, code, outputs = run(new_job, inputs)
        assert (code, outputs["outcome"]) == (1, "exceeded"), job.log

    def test_the_whole_repository_can_be_the_model_and_a_name_is_no_pattern(self, new_job, project):
        write_model(project, bert_like())
        write_model(project / "m*[l]", bert_like())
        base = commit_all(project, "Put models in places that git may take for patterns")
        for target in (".", "m*[l]"):
            write_model(project / target, bert_like(vocabulary=2000))
            inputs = {**INPUTS, "base-ref": base, "target": target, "fail-on-growth": "0", "args": "--file model.safetensors"}
            job, code, outputs = run(new_job, inputs)
            assert (code, outputs["outcome"]) == (1, "exceeded"), job.log

    @pytest.mark.parametrize("limit", ["", "0"])
    def test_names_of_tensors_are_no_workflow_commands(self, new_job, base, project, limit):
        write_model(project / "model", {"\n::error::caught\n::set-output name=x::y": (9000,), **bert_like()})
        job, code, _ = run(new_job, {**INPUTS, "base-ref": base, "fail-on-growth": limit})
        assert code == (1 if limit else 0), job.log
        assert len(commands(job.log)) == (1 if limit else 0), job.log


def commands(log):
    """The workflow commands that a runner reads in a log."""
    read, stopped = [], ""
    for line in log.splitlines():
        if stopped:
            stopped = "" if line == f"::{stopped}::" else stopped
        elif line.startswith("::stop-commands::"):
            stopped = line.removeprefix("::stop-commands::")
        elif line.startswith("::"):
            read.append(line)
    assert not stopped
    return read
