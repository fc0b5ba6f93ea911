"""The hooks, run by pre-commit itself in somebody's repository; tests/ci/test_recipes.py has it install one."""

import re
import subprocess
import sys

import pytest
import yaml

from tests.ci.models import bert_like, write_model
from tests.ci.offline import ROOT, git

HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}


def pre_commit(folder, environment, *words, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_the_hooks_are_valid_to_pre_commit():
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    assert subprocess.run(command, check=False).returncode == 0


def test_a_hook_runs_where_weights_or_budgets_change_and_fails_where_a_budget_is_exceeded(project, machine, checkout):
    hooks = {"repo": str(checkout), "rev": git(checkout, "rev-parse", "HEAD").strip(), "hooks": [{"id": "memscan-check-system"}]}
    (project / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [hooks]}))

    def run(code=0):
        git(project, "add", "--all")
        return pre_commit(project, machine, "run", code=code)

    (project / "README.md").write_text("nothing to do with it")
    assert "Skipped" in run()
    write_model(project / "model", bert_like(vocabulary=3000))
    assert "Passed" in run()
    write_model(project / "model", bert_like(vocabulary=20_000))
    assert "Exceeded" in run(code=1)
    (project / "memscan.toml").write_text('[[budget]]\ntarget = "model"\nmax-memory = "10MB"\n')
    assert "Passed" in run()


@pytest.mark.parametrize(
    ("path", "matches"),
    [
        ("model.safetensors", True),
        ("a/b/model-00001-of-00002.safetensors", True),
        ("pytorch_model.bin", True),
        ("x.gguf", True),
        ("bert.memscan", True),
        ("a/config.json", True),
        ("model.safetensors.index.json", True),
        ("memscan.toml", True),
        ("pyproject.toml", True),
        ("tokenizer_config.json", False),
        ("tokenizer.json", False),
        ("README.md", False),
        ("src/model.py", False),
        ("safetensors", False),
    ],
)
def test_what_starts_a_hook(path, matches):
    for hook in HOOKS.values():
        assert bool(re.search(hook["files"], path)) is matches
