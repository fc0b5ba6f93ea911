"""The files of a Space: a front matter that the Hub takes, and requirements that bring what app.py imports."""

import ast
import re
import tomllib
from pathlib import Path

from huggingface_hub import SpaceCard

ROOT = Path(__file__).resolve().parents[2]
SPACE = ROOT / "spaces"


def test_the_front_matter_says_what_a_space_needs() -> None:
    data = SpaceCard.load(SPACE / "README.md").data.to_dict()
    assert (data["sdk"], data["app_file"], data["license"]) == ("gradio", "app.py", "apache-2.0")
    assert data["hf_oauth"] is True
    assert data["hf_oauth_scopes"] == ["write-discussions"]
    assert len(data["short_description"]) <= 60  # the Hub's own bound
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["web"]
    assert f"gradio[oauth]=={data['sdk_version']}" in groups  # what the tests run with


def test_the_requirements_are_the_package_s_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (gradio,) = project["optional-dependencies"]["web"]
    assert (SPACE / "requirements.txt").read_text().split() == ["memscan[web]", gradio.replace("gradio", "gradio[oauth]")]
    tree = ast.parse((SPACE / "app.py").read_text())
    imported = {(node.module or "").partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"memscan"}


def test_the_image_holds_the_app_and_runs_for_an_ordinary_user() -> None:
    image = (SPACE / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY --chown=user (\S+)", image, re.MULTILINE))
    assert copied == {"requirements.txt", "app.py"}
    assert all((SPACE / name).exists() for name in copied)
    assert re.search(r"^USER user$", image, re.MULTILINE)
    assert "EXPOSE 7860" in image
