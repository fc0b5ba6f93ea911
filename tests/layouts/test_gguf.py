"""Repositories whose weights are GGUF files."""

import pytest

from memscan import Report, scan
from memscan.errors import NoWeightsError
from tests.hub import LoopbackHub

from .files import codes, cost, gguf, gguf_bytes, message, read_files, scanned


def rows(report: Report) -> dict[str, int]:
    """Bytes by row of the table, in order."""
    return {row.dtype: row.total_bytes for row in report.estimates}


def quantized(kind: str) -> dict[str, int]:
    """The rows of a file of `kind`: as stored, and what a cast makes of its 4 matrices of 1,024 and its norm of 256."""
    return {kind: gguf_bytes(kind), "float32": 4 * 4352, "float16": 2 * 4352, "int8": 4352, "int4": 4352 // 2}


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
def test_single(hub: LoopbackHub, order: str) -> None:
    report = scanned(hub, {"llama-Q8_0.gguf": gguf("Q8_0", order=order)})
    assert rows(report) == quantized("Q8_0")
    assert report.model.origin.library == "gguf"
    assert report.scopes["checkpoint"].parameters == 4 * 1024 + 256
    assert codes(report) == []
    assert [(row.dtype, row.training_bytes) for row in report.estimates if row.stored] == [("Q8_0", None)]
    assert cost(hub)[0] == 1


def test_unquantized(hub: LoopbackHub) -> None:
    report = scanned(hub, {"llama-F16.gguf": gguf("F16")})
    assert rows(report)["float16"] == 4 * 2048 + 512
    assert [row.total_bytes for row in report.estimates if row.stored] == [gguf_bytes("F16")]


@pytest.mark.parametrize("file", [None, "Q8_0/llama-Q8_0-00002-of-00002.gguf"])
def test_split(hub: LoopbackHub, file: str | None) -> None:
    files = {
        "Q8_0/llama-Q8_0-00001-of-00002.gguf": gguf("Q8_0", names=["token_embd.weight", "blk.0.attn_q.weight"]),
        "Q8_0/llama-Q8_0-00002-of-00002.gguf": gguf("Q8_0", names=["blk.1.attn_q.weight", "output.weight"]),
    }
    report = scanned(hub, files, file=file)
    assert (read_files(report), report.model.checkpoint.nbytes) == (list(files), gguf_bytes("Q8_0") - 1024)


def test_a_split_that_is_not_complete(hub: LoopbackHub) -> None:
    with pytest.raises(NoWeightsError, match="are not complete"):
        scanned(hub, {"llama-Q8_0-00001-of-00002.gguf": gguf("Q8_0")})


SEVERAL = {f"llama.{kind}.gguf": gguf(kind) for kind in ("F16", "Q4_K_M", "Q8_0")}


def test_several_quantizations(hub: LoopbackHub) -> None:
    report = scanned(hub, SEVERAL)
    assert list(rows(report).items()) == [(kind, gguf_bytes(kind)) for kind in ("Q4_K_M", "F16", "Q8_0")]
    assert all(row.stored for row in report.estimates)


def test_several_quantizations_of_which_the_first_is_none(hub: LoopbackHub) -> None:
    report = scanned(hub, {f"llama.{kind}.gguf": gguf(kind) for kind in ("BF16", "Q8_0")})
    assert list(rows(report).items()) == [(kind, gguf_bytes(kind)) for kind in ("BF16", "Q8_0")]
    assert all(row.stored for row in report.estimates)


def test_one_of_several_quantizations(hub: LoopbackHub) -> None:
    report = scanned(hub, SEVERAL, file="llama.Q8_0.gguf")
    assert rows(report) == quantized("Q8_0")
    assert cost(hub)[0] == 1


def test_quantizations_in_folders(hub: LoopbackHub) -> None:
    report = scanned(
        hub, {"Q8_0/llama-Q8_0.gguf": gguf("Q8_0"), "BF16/llama-BF16.gguf": gguf("BF16"), "llama-Q4_K_M.gguf": gguf("Q4_K_M")}
    )
    assert list(rows(report)) == ["Q4_K_M", "BF16", "Q8_0"]


def test_names_that_start_like_those_of_a_loader(hub: LoopbackHub) -> None:
    assert list(rows(scanned(hub, {"model.Q8_0.gguf": gguf("Q8_0"), "model.Q4_K_M.gguf": gguf("Q4_K_M")}))) == ["Q4_K_M", "Q8_0"]


def test_a_projector_beside_the_model(hub: LoopbackHub) -> None:
    projector = gguf("F16", architecture="clip")
    report = scanned(hub, {"llama-Q8_0.gguf": gguf("Q8_0"), "mmproj-llama-F16.gguf": projector})
    assert read_files(report) == ["llama-Q8_0.gguf"]
    assert f"mmproj-llama-F16.gguf ({len(projector):,} bytes)" in message(report, "mmproj")


@pytest.mark.parametrize("name", ["imatrix.gguf", "llama.imatrix.gguf", "llama-lora.gguf", "ggml-vocab-llama-vocab.gguf"])
def test_what_is_no_model_is_told_apart(hub: LoopbackHub, name: str) -> None:
    report = scanned(hub, {"llama-Q8_0.gguf": gguf("Q8_0"), name: gguf("F32")})
    assert (read_files(report), rows(report)) == (["llama-Q8_0.gguf"], quantized("Q8_0"))


def test_no_model_at_all(hub: LoopbackHub) -> None:
    with pytest.raises(
        NoWeightsError, match=r"no model in the top folder, only llama-lora.gguf \(.* bytes; an adapter, not a model\)"
    ):
        scanned(hub, {"llama-lora.gguf": gguf("F16")}, backend="header")


def test_a_tied_output(hub: LoopbackHub) -> None:
    report = scanned(hub, {"llama-Q8_0.gguf": gguf("Q8_0", tied=True)})
    assert report.model.checkpoint.nbytes == gguf_bytes("Q8_0", matrices=3)
    assert "tied to token_embd.weight" in message(report, "tied-output")
    assert "1,088 bytes" in message(report, "tied-output")


def test_a_url(hub: LoopbackHub) -> None:
    report = scan(hub.add_file("llama-Q8_0.gguf", gguf("Q8_0")))
    assert (rows(report), len(hub.requests)) == (quantized("Q8_0"), 1)
