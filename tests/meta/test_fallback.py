"""The meta device as the last way: taken where the table cannot tell, and where it is asked for, and nowhere else."""

import json
from pathlib import Path

import pytest

from memscan import NoWeightsError, UndecidedError, scan
from tests.hub import FIXTURES, LoopbackHub, Repository, materialise
from tests.writers.safetensors import write

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]  # the libraries' own notices

BERT = FIXTURES / "google-bert" / "bert-base-cased"
CONFIG = (BERT / "config.json").read_bytes()
PARAMETERS = 108_340_804  # of BertForMaskedLM, the class that the config declares
BASE_PARAMETERS = 108_310_272  # of BertModel, which has a pooler besides


def notes(report) -> list[str]:
    return [note.code for note in report.notes]


# A class that transformers has, and whose config is not one that the table is sure of.
UNSURE = {"model_type": "bert", "architectures": ["BertForMaskedLM"], "num_hidden_layers": 0}


@pytest.mark.parametrize("beside", [{}, {"model.onnx": b"x", "flax_model.msgpack": b"y"}])
def test_a_repository_of_which_the_table_is_not_sure_is_built(hub: LoopbackHub, beside: dict[str, bytes]) -> None:
    files = {"config.json": json.dumps(UNSURE).encode(), **beside}
    hub.add_repository(Repository(repo_id="org/config", files=files, library="transformers"))
    report = scan("org/config")
    assert report.model.checkpoint.format == "meta"
    assert notes(report)[0] == "not-read"
    assert ("model.onnx" in report.notes[0].message) == ("model.onnx" in beside)
    assert "built-on-meta" in notes(report)
    assert {row.basis.value for row in report.estimates} == {"derived"}


def test_both_ways_give_the_same(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="org/config", files={"config.json": CONFIG}, library="transformers"))
    derived, built = scan("org/config"), scan("org/config", backend="meta")
    assert (derived.model.checkpoint.format, built.model.checkpoint.format) == ("config", "meta")
    for report in (derived, built):
        assert report.scopes["checkpoint"].parameters == report.scopes["declared"].parameters == PARAMETERS
        assert (report.scope, report.scopes["base"].parameters) == ("base", BASE_PARAMETERS)
        assert report.largest_layer is not None
        assert report.largest_layer.name == "embeddings.word_embeddings"
    assert derived.estimates == built.estimates


def test_it_is_forbidden_and_asked_for(tmp_path: Path) -> None:
    materialise(BERT, tmp_path)
    assert scan(tmp_path).model.checkpoint.format == "safetensors"
    assert scan(tmp_path, backend="meta").model.checkpoint.format == "meta"
    (tmp_path / "model.safetensors").unlink()
    assert scan(tmp_path).model.checkpoint.format == "config"
    assert scan(tmp_path, backend="meta").model.checkpoint.format == "meta"
    with pytest.raises(NoWeightsError, match="nothing that holds weights"):
        scan(tmp_path, backend="header")


def test_weights_that_are_there_are_never_passed_over(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(CONFIG)
    for name in ("a.safetensors", "b.safetensors"):
        (tmp_path / name).write_bytes(write({"x": ("F32", (2,))}))
    with pytest.raises(UndecidedError, match=r"name one of a\.safetensors, b\.safetensors"):
        scan(tmp_path)


def test_both_reasons_are_said_where_it_cannot_be_built(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "no-such-type"}')
    with pytest.raises(NoWeightsError, match=r"nothing that holds weights .*; nor can it be built from its config: "):
        scan(tmp_path)
