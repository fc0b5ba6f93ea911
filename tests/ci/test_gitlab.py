"""The GitLab template: valid by GitLab's schema, and its script run through bash."""

import json
import subprocess
import sys
from xml.etree import ElementTree as ET

import yaml

from tests.ci.models import bert_like, write_model
from tests.ci.offline import ROOT
from tests.ci.pipeline import run_job

TEMPLATE = ROOT / "ci" / "gitlab.yml"


def test_the_template_is_valid_by_the_published_schema():
    schema = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"]
    done = subprocess.run([*schema, str(TEMPLATE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_job_has_its_verdict_and_both_reports(project, machine):
    job = yaml.safe_load(TEMPLATE.read_text())["memscan"]
    job["script"] = [line for line in job["script"] if "venv" not in line and "pip" not in line]  # the recipe installs it
    write_model(project / "model", bert_like(vocabulary=20_000))
    done = run_job(job, project, machine)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "exceeded" in done.stdout
    reports = job["artifacts"]["reports"]
    assert job["artifacts"]["when"] == "always"
    (issue,) = json.loads((project / reports["codequality"]).read_text())
    assert issue["location"] == {"path": "memscan.toml", "lines": {"begin": 1}}
    assert ET.parse(project / reports["junit"]).getroot().attrib["failures"] == "1"
    job["variables"]["MEMSCAN_ARGS"] = "model --max-memory 1GB --what *"  # no file's name comes in its place
    done = run_job(job, project, machine)
    assert done.returncode == 2, done.stdout
    assert "'*'" in done.stderr
