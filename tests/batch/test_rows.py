"""What a row says is what a scan says, for every fixture and layout, however the repository was asked for."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import memscan
from memscan.batch import COLUMNS
from memscan.errors import MemscanError
from memscan.report.json import as_object
from tests.batch.batches import batch, kinds, rows
from tests.hub import Fault, LoopbackHub, Repository
from tests.layouts.files import CONFIG, gguf, safe, torch_zip
from tests.parts.layouts import pipeline
from tests.source.models import sharded_files

ADAPTER = b'{"peft_type": "LORA", "base_model_name_or_path": "org/plain"}'
LAYOUTS: Mapping[str, Mapping[str, bytes | Path]] = {
    "plain": {"model.safetensors": safe(), "config.json": CONFIG, "README.md": b"#"},
    "without-config": {"model.safetensors": safe()},
    "odd-name": {"weights-of-mine.safetensors": safe(), "config.json": CONFIG},
    "variant": {"model.fp16.safetensors": safe(dtype="F16"), "config.json": CONFIG},
    "long-header": {"model.safetensors": safe({f"layer.{number}.weight": (2, 2) for number in range(3000)})},
    "empty": {"model.safetensors": b"", "config.json": CONFIG},
    "torn": {"model.safetensors": safe()[:-1], "config.json": CONFIG},
    "config-is-a-list": {"model.safetensors": safe(), "config.json": b"[]"},
    "large-config": {"model.safetensors": safe(), "config.json": b" " * 20_000_001},
    "two-formats": {"model.safetensors": safe(), "pytorch_model.bin": torch_zip(), "config.json": CONFIG},
    "below": {"weights/model.safetensors": safe(), "weights/config.json": CONFIG},
    "torch": {"pytorch_model.bin": torch_zip(), "config.json": CONFIG},
    "sharded": sharded_files(3),
    "gguf": {"model.Q8_0.gguf": gguf("Q8_0"), "README.md": b"#"},
    "ggufs": {"model.Q8_0.gguf": gguf("Q8_0"), "model.F16.gguf": gguf("F16")},
    "projector": {"model.Q8_0.gguf": gguf("Q8_0"), "mmproj-model-f16.gguf": gguf("F16")},
    "not-read": {"model.onnx": b"onnx", "config.json": CONFIG},
    "undecided": {"one.safetensors": safe(), "two.safetensors": safe()},
    "slices": {"consolidated.00.pth": torch_zip(), "consolidated.01.pth": torch_zip()},
    "shards-without-index": {f"model-0000{number}-of-00002.safetensors": safe({f"w{number}": (2, 2)}) for number in (1, 2)},
    "one-shard-lacks": {"model-00001-of-00002.safetensors": safe()},
    "pipeline": pipeline(),
    "adapter": {"adapter_model.safetensors": safe({"a.lora_A.weight": (2, 4)}), "adapter_config.json": ADAPTER},
    "only-config": {"config.json": CONFIG},
    "nothing": {"README.md": b"#"},
}


def expected(word: str) -> dict[str, Any]:
    """The columns of a scan's own JSON; of one that fails, those of its error."""
    try:
        report = as_object(memscan.scan(word, backend="header"))
    except MemscanError as error:
        return {"requested": word, "status": "failed", "error": type(error).__name__, "message": str(error)}
    checkpoint, scope = report["checkpoint"], report["scopes"][report["scope"]]
    stored = next(row for row in report["estimates"] if row["stored"])
    by_dtype = {name: one["bytes"] for name, one in checkpoint["dtypes"].items()}
    target = report["target"]
    return {
        **{name: target[name] for name in ("requested", "repo_id", "revision", "commit", "library", "architecture")},
        "model_type": target["model_type"], "quantization": target["quantization"], "status": "ok", "exit_code": 0,
        "error": None, "message": None, "format": checkpoint["format"], "scope": report["scope"],
        "parameters": scope["parameters"], "total_size": stored["total_bytes"], "known": stored["basis"],
        "largest_layer": stored["largest_layer_bytes"], "training_adam": stored["training_bytes"],
        "largest_layer_name": report["largest_layer"]["name"] if report["largest_layer"] else None,
        "estimates": {row["dtype"]: row["total_bytes"] for row in report["estimates"]},
        "dtype": "mixed" if len(by_dtype) > 1 else next(iter(by_dtype), None), "dtypes": by_dtype,
        "files": len(checkpoint["files"]), "tensors": checkpoint["tensors"], "stored_bytes": checkpoint["bytes"],
        "notes": [note for note in report["notes"] if note["code"] != "conversion"], "memscan_version": memscan.__version__,
    }  # fmt: skip


def check(found: list[dict[str, object]], names: list[str]) -> None:
    """Each row is what a scan of it says."""
    assert [row["requested"] for row in found] == names
    for row in found:
        wanted = expected(str(row["requested"]))
        assert list(row) == list(COLUMNS)
        assert {name: row[name] for name in wanted} == wanted


class TestFixtures:
    def test_given_by_name(self, hub: LoopbackHub, fixtures: list[Repository], tmp_path: Path) -> None:
        hub.add_repositories(fixtures)
        names = [one.repo_id for one in fixtures]
        batch(hub, tmp_path / "rows.jsonl", "-", stdin="\n".join(names))
        check(rows(tmp_path / "rows.jsonl"), names)

    def test_found_by_a_search(self, hub: LoopbackHub, fixtures: list[Repository], tmp_path: Path) -> None:
        hub.add_repositories(fixtures)
        batch(hub, tmp_path / "rows.jsonl", "--sort", "created_at")
        check(rows(tmp_path / "rows.jsonl"), sorted(one.repo_id for one in fixtures))


class TestLayouts:
    @pytest.fixture
    def laid_out(self, hub: LoopbackHub) -> list[str]:
        hub.add_repositories([Repository(repo_id=f"org/{name}", files=files) for name, files in LAYOUTS.items()])
        hub.add_repository(Repository(repo_id="org/gated", files=LAYOUTS["plain"], gated="manual"))
        return sorted([*(f"org/{name}" for name in LAYOUTS), "org/gated"])

    def test_given_by_name(self, hub: LoopbackHub, laid_out: list[str], tmp_path: Path) -> None:
        batch(hub, tmp_path / "rows.jsonl", "-", stdin="\n".join(laid_out), code=5)
        check(rows(tmp_path / "rows.jsonl"), laid_out)

    def test_found_by_a_search(self, hub: LoopbackHub, laid_out: list[str], tmp_path: Path) -> None:
        batch(hub, tmp_path / "rows.jsonl", "--author", "org", "--sort", "created_at", code=5)
        check(rows(tmp_path / "rows.jsonl"), laid_out)

    def test_a_search_that_is_out_of_date_gives_the_rows_of_now(self, hub: LoopbackHub, tmp_path: Path) -> None:
        """What the search says of the repository is of a commit that is gone."""
        hub.add_repository(Repository(repo_id="org/moved", files=LAYOUTS["plain"]))
        stale = [{"id": "org/moved", "sha": "e" * 40, "siblings": [{"rfilename": "model.safetensors"}], "private": False}]
        hub.add_fault(Fault(match="hub /api/models\\?", kind="status", status=200, body=json.dumps(stale).encode()))
        batch(hub, tmp_path / "rows.jsonl", "--author", "org")
        check(rows(tmp_path / "rows.jsonl"), ["org/moved"])


def test_models_that_are_almost_alike_have_rows_of_their_own(
    hub: LoopbackHub, fixtures: list[Repository], tmp_path: Path
) -> None:
    """The figures of one are taken for the next only where nothing tells them apart."""
    bert = next(one for one in fixtures if one.repo_id == "google-bert/bert-base-cased")
    raw = bert.files["config.json"]
    config = json.loads(raw if isinstance(raw, bytes) else raw.read_bytes())
    configs = [config, config, {**config, "architectures": ["BertModel"]}, config, {**config, "num_hidden_layers": 11}, config]
    libraries = ["transformers", "transformers", "transformers", "timm", "transformers", "transformers"]
    hub.add_repositories(
        replace(
            bert, repo_id=f"alike/{number}", commit="", aliases=(), library=library,
            files={**bert.files, "config.json": json.dumps(own).encode()},
        )
        for number, (own, library) in enumerate(zip(configs, libraries, strict=True))
    )  # fmt: skip
    batch(hub, tmp_path / "rows.jsonl", "--author", "alike", "--sort", "created_at", "--concurrency", "1")
    found = rows(tmp_path / "rows.jsonl")
    check(found, [f"alike/{number}" for number in range(6)])
    assert len({row["total_size"] for row in found}) == 3


def test_dtypes_are_those_of_the_column_estimates(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add_repository(Repository(repo_id="org/plain", files=LAYOUTS["plain"]))
    batch(hub, tmp_path / "rows.jsonl", "--author", "org", "--dtypes", "float16", "int8")
    (row,) = rows(tmp_path / "rows.jsonl")
    assert row["estimates"] == {"float16": 224, "int8": 112}
    assert (row["total_size"], row["training_adam"]) == (448, 4 * 448)


def test_what_a_row_does_not_ask_for_is_the_hint_of_a_conversion(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add_repository(Repository(repo_id="org/torch", files=LAYOUTS["torch"]))
    batch(hub, tmp_path / "rows.jsonl", "-", stdin="org/torch")
    assert kinds(hub.requests)["api"] == 1
    assert json.loads((tmp_path / "rows.jsonl").read_text())["status"] == "ok"
