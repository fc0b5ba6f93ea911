"""Names of strangers in the log of a CI system: no line of an answer is an order to it."""

import json

import pytest

ORDERS = ("::error title=gotcha::owned", "  ::warning::owned", "::::stop-commands::x")


def orders(text: str) -> list[str]:
    """The lines that GitHub's runner would obey: it looks for `::` behind whatever space a line begins with."""
    return [line for line in text.splitlines() if line.lstrip().startswith("::")]


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("output", ["table", "json", "markdown", "csv"])
@pytest.mark.parametrize("command", ["estimate", "layers"])
def test_the_name_of_a_tensor(memscan, checkpoint, command, output, name):
    path = checkpoint(f"{name}.weight", f"{name}.deep.weight", "ordinary.weight")
    code, out, err = memscan(command, path, "--format", output)
    assert code == 0
    assert orders(out + err) == []
    assert "ordinary" in out or command == "estimate"


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("output", ["table", "json", "markdown", "csv"])
def test_the_name_of_a_file(memscan, checkpoint, output, name):
    path = checkpoint("a.weight")
    path.rename(path.with_name(f"{name}.safetensors"))
    code, out, err = memscan("files", path.parent, "--format", output)
    assert code == 0
    assert orders(out + err) == []


@pytest.mark.parametrize("name", ORDERS)
def test_the_name_of_a_model_in_a_saved_report(memscan, checkpoint, tmp_path, name):
    report = json.loads(memscan(checkpoint("a.weight"), "--json")[1])
    for key in ("requested", "name", "repo_id"):
        report["target"][key] = name
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps(report))
    code, out, err = memscan("diff", saved, checkpoint("a.weight"))
    assert code == 0
    assert orders(out + err) == []
