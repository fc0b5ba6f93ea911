"""Folders and files on this machine."""

import os
from pathlib import Path

import pytest

from memscan import Report, scan
from memscan.errors import FormatError, MemscanError, NotFoundError, NoWeightsError, TargetError
from tests.runner import run_memscan

from .models import CONFIG, INDEX, NBYTES, index, shard_names, sharded_files, sparse, weights


def place(folder: Path, files: dict[str, bytes | Path]) -> Path:
    """Write `files` below the folder, and return it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert isinstance(content, bytes)
        path.write_bytes(content)
    return folder


def notes(report: Report) -> list[str]:
    """The codes of everything that the report notes."""
    model = report.model
    return [note.code for note in (*model.notes, *model.checkpoint.notes)]


def test_a_folder(tmp_path: Path) -> None:
    model = scan(place(tmp_path, {"model.safetensors": weights("a"), "config.json": CONFIG})).model
    assert (model.checkpoint.nbytes, model.origin.name, model.origin.repo_id) == (NBYTES, str(tmp_path), None)
    assert model.config is not None


def test_a_sharded_folder(tmp_path: Path) -> None:
    report = scan(place(tmp_path, sharded_files(3)))
    assert report.model.checkpoint.nbytes == 3 * NBYTES
    assert notes(report) == []


def test_a_file_with_the_config_beside_it(tmp_path: Path) -> None:
    place(tmp_path, {"x.safetensors": weights("a"), "other.safetensors": weights("b", "c"), "config.json": CONFIG})
    model = scan(tmp_path / "x.safetensors").model
    assert model.checkpoint.nbytes == NBYTES
    assert model.config is not None
    assert model.config.model_type == "bert"


def test_a_file_alone(tmp_path: Path) -> None:
    model = scan(sparse(tmp_path / "x.safetensors", "a", elements=10**9)).model
    assert model.checkpoint.nbytes == 4 * 10**9
    assert model.config is None


def test_one_shard_of_several(tmp_path: Path) -> None:
    place(tmp_path, sharded_files(3))
    report = scan(tmp_path / shard_names(3)[1])
    assert report.model.checkpoint.nbytes == NBYTES
    assert notes(report) == ["one-shard"]


def test_the_index(tmp_path: Path) -> None:
    place(tmp_path, {**sharded_files(3), "model.safetensors": weights("other")})
    report = scan(tmp_path / INDEX)
    assert report.model.checkpoint.nbytes == 3 * NBYTES


def test_shards_without_their_index(tmp_path: Path) -> None:
    files = sharded_files(3)
    del files[INDEX]
    report = scan(place(tmp_path, files))
    assert report.model.checkpoint.nbytes == 3 * NBYTES
    assert notes(report) == ["no-index"]


def test_a_shard_that_is_missing(tmp_path: Path) -> None:
    files = sharded_files(3)
    del files[shard_names(3)[1]]
    with pytest.raises(FormatError, match=f"{INDEX} names the shard '{shard_names(3)[1]}', which is not there"):
        scan(place(tmp_path, files))


@pytest.mark.parametrize("shard", ["../x.safetensors", "/etc/passwd", "C:\\x", "a/../../x", "..\\x"])
def test_an_index_that_leaves_the_folder(shard: str, tmp_path: Path) -> None:
    place(tmp_path, {"x.safetensors": weights("a"), f"in/{INDEX}": index({"a": shard})})
    with pytest.raises(FormatError, match="refused"):
        scan(tmp_path / "in")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "nothing that holds weights in the top folder: 0 files"),
        ({"config.json": CONFIG}, "nothing that holds weights in the top folder: 1 file"),
        ({"model.onnx": b"x", "sub/x.h5": b"x"}, r"not read: model.onnx \(onnx, 1 byte\), sub/x.h5 \(tensorflow, 1 byte\)"),
        ({"x.safetensors": weights("a"), "y.safetensors": weights("b")}, "name one of x.safetensors, y.safetensors"),
    ],
)
def test_a_folder_without_a_checkpoint(files: dict[str, bytes | Path], message: str, tmp_path: Path) -> None:
    with pytest.raises(NoWeightsError, match=message):
        scan(place(tmp_path, files), backend="header")


@pytest.mark.parametrize("name", ["model", "diffusion_pytorch_model", "open_clip_model", "consolidated", "adapter_model"])
def test_several_files_of_which_one_is_what_loaders_prefer(name: str, tmp_path: Path) -> None:
    files = {f"{name}.safetensors": weights("a"), "x.safetensors": weights("b", "c")}
    assert scan(place(tmp_path, files)).model.checkpoint.nbytes == NBYTES


def test_a_file_that_is_cut_short(tmp_path: Path) -> None:
    whole = weights("a")
    for size in (0, 1, 7, 8, 20, len(whole) - 1):
        place(tmp_path, {"x.safetensors": whole[:size]})
        with pytest.raises(FormatError, match=r"x\.safetensors"):
            scan(tmp_path / "x.safetensors")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux has a file that no reader can read")
def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    # The first page of a process is never mapped, so that reading it fails for root too.
    (tmp_path / "model.safetensors").write_bytes(weights("a"))
    (tmp_path / "config.json").symlink_to("/proc/self/mem")
    with pytest.raises(TargetError, match=r"cannot read config\.json: Input/output error"):
        scan(tmp_path)


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").symlink_to("gone")
    for target in (tmp_path / "x.safetensors", tmp_path):
        with pytest.raises(NotFoundError, match="is a link to a file that is gone"):
            scan(target)
    place(tmp_path, {"model.safetensors": weights("a")})
    assert scan(tmp_path).model.checkpoint.nbytes == NBYTES


def test_a_linked_file_and_a_linked_folder(tmp_path: Path) -> None:
    place(tmp_path / "real", {"blob": weights("a")})
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").symlink_to("../real/blob")
    (tmp_path / "link").symlink_to("model", target_is_directory=True)
    assert scan(tmp_path / "link").model.checkpoint.nbytes == NBYTES


def test_a_circle_of_links(tmp_path: Path) -> None:
    place(tmp_path, {"model.safetensors": weights("a")})
    (tmp_path / "again").symlink_to(".", target_is_directory=True)
    (tmp_path / "loop").symlink_to("loop")
    assert scan(tmp_path).model.checkpoint.nbytes == NBYTES


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this platform has no pipes among its files")
def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.safetensors")
    with pytest.raises(MemscanError):
        scan(tmp_path / "x.safetensors")
    with pytest.raises(NoWeightsError):
        scan(tmp_path)


def test_hidden_files_and_deep_folders_are_passed_over(tmp_path: Path) -> None:
    hidden = {".cache/model.safetensors": weights("b", "c"), "a/b/c/d/e/f/x.safetensors": weights("b")}
    assert scan(place(tmp_path, {"model.safetensors": weights("a"), **hidden})).model.checkpoint.nbytes == NBYTES


def test_a_config_that_is_a_folder(tmp_path: Path) -> None:
    place(tmp_path, {"model.safetensors": weights("a"), "config.json/x": b""})
    assert scan(tmp_path).model.config is None
    assert scan(tmp_path / "model.safetensors").model.config is None


@pytest.mark.parametrize("name", ["mödel-日本", "a b", "a@b", "100%", "a#b", "a'b"])
def test_names_of_any_kind(name: str, tmp_path: Path) -> None:
    place(tmp_path / name, {f"{name}.safetensors": weights("a")})
    assert scan(tmp_path / name).model.checkpoint.nbytes == NBYTES
    run = run_memscan(None, f"./{name}", cwd=tmp_path)
    assert (run.code, run.stderr) == (0, "")


def test_nothing_is_asked_of_the_network_for_a_folder(tmp_path: Path) -> None:
    place(tmp_path, {"bert-base-cased/model.safetensors": weights("a")})
    run = run_memscan(None, "bert-base-cased", cwd=tmp_path)
    assert run.code == 0
    assert "hf://bert-base-cased" in run.stdout + run.stderr
