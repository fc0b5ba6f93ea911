"""Code of a repository runs with `trust_remote_code`, and in no other way: it leaves a file where it ran."""

import json

import pytest

from memscan.errors import TargetError
from memscan.meta import build
from tests.hub import Repository
from tests.runner import environment

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]

CONFIG = """
from pathlib import Path
from transformers import PreTrainedConfig

Path({marker!r}).write_text("the config's code ran")
print("loud code")


class NewConfig(PreTrainedConfig):
    model_type = "brand-new"

    def __init__(self, width=3, **more):
        self.width = width
        super().__init__(**more)
"""
MODEL = """
import torch
from transformers import PreTrainedModel

from .configuration_new import NewConfig

print("loud code")


class NewModel(PreTrainedModel):
    config_class = NewConfig

    def __init__(self, config):
        super().__init__(config)
        self.rates = [each.item() for each in torch.linspace(0, 1, config.width)]
        self.body = torch.nn.Linear(config.width, config.width)
        self.twin = torch.nn.Linear(config.width, config.width, bias=False)
        self.twin.weight = self.body.weight
        self.register_buffer("mask", torch.ones(config.width, dtype=torch.bool), persistent=False)
        {more}
        self.post_init()
"""
VALUES = {
    "model_type": "brand-new",
    "architectures": ["NewModel"],
    "auto_map": {"AutoConfig": "configuration_new.NewConfig", "AutoModel": "modeling_new.NewModel"},
    "width": 5,
}


@pytest.fixture
def files(tmp_path):
    """The repository's files, and the marker that its code leaves."""

    def make(more="", **values):
        marker = tmp_path / "marker"
        return marker, {
            "config.json": json.dumps({**VALUES, **values}).encode(),
            "configuration_new.py": CONFIG.format(marker=str(marker)).encode(),
            "modeling_new.py": MODEL.format(more=more).encode(),
        }

    return make


@pytest.fixture
def folder(tmp_path, files):
    def make(more="", **values):
        marker, contents = files(more, **values)
        home = tmp_path / f"model_{abs(hash((more, str(values))))}"
        home.mkdir()
        for name, content in contents.items():
            (home / name).write_bytes(content)
        return marker, home

    return make


def built(home, *, trust):
    return build(library="transformers", config=(home / "config.json").read_bytes(), folder=home, trust_remote_code=trust)


def test_without_trust_nothing_runs(folder):
    marker, home = folder()
    with pytest.raises(TargetError, match=r"code of its repository \('modeling_new.NewModel'\).*--trust-remote-code") as caught:
        built(home, trust=False)
    assert "\n" not in str(caught.value)
    assert not marker.exists()


def test_with_trust_the_model_of_the_repository_is_built(folder, capfd):
    marker, home = folder()
    checkpoint = built(home, trust=True)
    assert marker.exists()
    assert [(each.name, each.shape, each.nbytes, each.buffer) for each in checkpoint.tensors] == [
        ("mask", (5,), 5, True), ("body.weight", (5, 5), 100, False), ("body.bias", (5,), 20, False),
    ]  # fmt: skip
    assert [each.name for each in checkpoint.tied] == ["twin.weight"]
    assert [note.code for note in checkpoint.notes] == ["built-on-meta", "remote-code"]
    assert capfd.readouterr().out == ""


def test_a_class_that_transformers_has_needs_no_code_even_with_trust(folder):
    marker, home = folder(model_type="bert", architectures=["BertModel"], num_hidden_layers=1)
    assert built(home, trust=True).tensors == built(home, trust=False).tensors
    assert not marker.exists()


def test_without_trust_the_nearest_class_of_transformers_and_a_note(folder):
    marker, home = folder(model_type="bert", num_hidden_layers=1)
    checkpoint = built(home, trust=False)
    assert [note.code for note in checkpoint.notes] == ["built-on-meta", "another-class"]
    assert "modeling_new.NewModel" in checkpoint.notes[1].message
    assert not marker.exists()


@pytest.mark.parametrize(
    "more", ["raise RuntimeError('first line\\nsecond')", "raise SystemExit(3)", "self.x = torch.ones(1).item()"]
)
def test_code_that_fails_is_one_line(folder, more):
    _, home = folder(more)
    with pytest.raises(TargetError, match="cannot build the model of this config") as caught:
        built(home, trust=True)
    assert "\n" not in str(caught.value)


def test_code_that_is_not_there_is_one_line(folder):
    _, home = folder(auto_map={"AutoModel": "modeling_gone.NewModel"}, model_type="bert")
    with pytest.raises(TargetError, match=r"modeling_gone"):
        built(home, trust=True)


def test_without_a_repository_there_is_no_code():
    with pytest.raises(TargetError, match="the config came without one"):
        build(library="transformers", config=json.dumps(VALUES).encode(), trust_remote_code=True)


def test_code_on_the_hub_is_read_at_the_commit_and_with_the_token(hub, files):
    marker, contents = files()
    repository = hub.add_repository(Repository(repo_id="org/new", files=contents, gated="auto", readers=frozenset({"hf_reader"})))
    words = {"library": "transformers", "config": contents["config.json"], "repo_id": "org/new", "commit": repository.commit}
    with pytest.raises(TargetError, match=r"--trust-remote-code"):
        build(**words, token="hf_reader")
    assert hub.requests == ()
    with pytest.raises(TargetError) as caught:
        build(**words, trust_remote_code=True)
    assert "\n" not in str(caught.value)
    assert not marker.exists()
    hub.forget()
    checkpoint = build(**words, token="hf_reader", trust_remote_code=True)
    assert marker.exists()
    assert checkpoint.nbytes == 125
    paths = [record.path for record in hub.requests if "resolve" in record.path and record.path.endswith(".py")]
    assert paths
    assert all(repository.commit in path for path in paths)


def test_offline_nothing_is_asked_for(hub, files):
    import subprocess
    import sys

    marker, contents = files()
    hub.add_repository(Repository(repo_id="org/new", files=contents))
    program = (
        "import sys\nfrom memscan.meta import build\nfrom memscan.errors import TargetError\n"
        "try: build(library='transformers', config=sys.stdin.buffer.read(), repo_id='org/new', trust_remote_code=True)\n"
        "except TargetError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=contents["config.json"], capture_output=True, check=True,
        env=environment(hub, {"HF_HUB_OFFLINE": "1"}),
    )  # fmt: skip
    assert done.stdout.startswith(b"transformers ")
    assert done.stdout.count(b"\n") == 1
    assert hub.requests == ()
    assert not marker.exists()


def test_no_class_is_loaded_without_trust_whoever_asks(folder):
    from memscan.document import Document
    from memscan.meta.base import Order
    from memscan.meta.remote_code import load_class

    marker, home = folder()
    raw = (home / "config.json").read_bytes()
    order = Order(
        raw=raw, config=Document.parse(raw, "config.json"), repo_id=None, folder=home, commit=None, token=None,
        trust_remote_code=False,
    )  # fmt: skip
    with pytest.raises(TargetError, match=r"--trust-remote-code"):
        load_class("modeling_new.NewModel", order)
    assert not marker.exists()
