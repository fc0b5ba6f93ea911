"""A small runner of GitLab's jobs: what a file includes and overrides, its variables, and its script run by one shell.

https://docs.gitlab.com/ci/yaml/ ; the runner gives all lines of `script` to one shell with `set -eo pipefail`.
"""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

Config = dict[str, Any]


def merged(text: str, included: Mapping[str, Path]) -> Config:
    """The configuration with what it includes below it; `included` are files by the end of their address."""
    config: Config = yaml.safe_load(text)
    entries = config.pop("include", [])
    found: Config = {}
    for entry in entries if isinstance(entries, list) else [entries]:
        (path,) = [path for end, path in included.items() if entry["remote"].endswith(end)]
        found = _over(found, yaml.safe_load(path.read_text()))
    return _over(found, config)


def _over(low: Any, high: Any) -> Any:
    """Tables merge key by key, all else is replaced: https://docs.gitlab.com/ci/yaml/includes/#override-included-configuration-values"""
    if isinstance(low, dict) and isinstance(high, dict):
        return {key: _over(low.get(key), high[key]) if key in high else low[key] for key in {**low, **high}}
    return high


def run_job(job: Config, project: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the job in the project."""
    variables = {"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_DIR": str(project)}
    for name, value in job.get("variables", {}).items():
        variables[name] = re.sub(r"\$(\w+)", lambda match: variables.get(match[1], ""), str(value))
    lines = "\n".join(("set -eo pipefail", *job.get("before_script", ()), *job["script"]))
    return subprocess.run(
        ["bash", "--noprofile", "--norc"], input=lines, cwd=project, env={**environment, **variables}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
