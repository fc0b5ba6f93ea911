"""A repository with torch files alone, whose conversion to safetensors waits in a pull request."""

from memscan import scan
from tests.hub import Discussion, Fault, LoopbackHub, Repository, Revision
from tests.source.models import weights
from tests.writers.torch import archive, dumps, tensor

BIN = archive(dumps({"a": tensor("0", (2, 3))}), {"0": 24})

PULL_REQUEST = Discussion(num=45, title="Adding `safetensors` variant of this model", author="SFconvertbot", is_pull_request=True)


def bin_only(*discussions: Discussion) -> Repository:
    converted = Revision(commit="b" * 40, files={"model.safetensors": weights("a")})
    return Repository(
        repo_id="org/old", files={"pytorch_model.bin": BIN, "config.json": b"{}"},
        branches={"refs/pr/45": converted}, discussions=discussions,
    )  # fmt: skip


def test_the_waiting_conversion_is_told_and_can_be_read(hub: LoopbackHub) -> None:
    hub.add_repository(bin_only(PULL_REQUEST))
    report = scan("org/old")
    (note,) = [note for note in report.notes if note.code == "conversion"]
    assert "--revision refs/pr/45" in note.message
    assert report.model.checkpoint.format == "torch"
    assert scan("org/old", revision="refs/pr/45").model.checkpoint.format == "safetensors"


def test_without_one_nothing_is_said(hub: LoopbackHub) -> None:
    hub.add_repository(bin_only(Discussion(num=1, title="A question", author="SFconvertbot", is_pull_request=True)))
    assert [note.code for note in scan("org/old").notes] == []


def test_a_hub_that_does_not_answer_costs_the_hint_and_nothing_else(hub: LoopbackHub) -> None:
    hub.add_repository(bin_only(PULL_REQUEST))
    hub.add_fault(Fault(match="/discussions", kind="status", status=500))
    report = scan("org/old")
    assert [note.code for note in report.notes] == []
    assert report.model.checkpoint.format == "torch"


def test_only_torch_files_are_asked_about(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="org/new", files={"model.safetensors": weights("a")}, discussions=(PULL_REQUEST,)))
    scan("org/new")
    assert not [record for record in hub.requests if "discussions" in record.path]
