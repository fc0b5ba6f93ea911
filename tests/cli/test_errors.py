"""What bad input gets: one line that says what was seen and what to do, and a documented exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from memscan.cli.main import run


def failure(capsys, *args: object) -> tuple[int, str]:
    code = run([str(arg) for arg in args])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("memscan: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return code, captured.err


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["bert", "--dtypes", "flaot16"], 2, "did you mean float16?"),
        (["bert", "--fromat", "json"], 2, "--format"),
        (["bert", "--format", "yaml"], 2, "'table', 'json', 'markdown', 'csv'"),
        (["bert", "--scope", "all"], 2, "'auto', 'checkpoint'"),
        (["--json"], 2, "TARGET"),
        (["--json", "layers", "bert"], 2, "layers is a command: write it first"),
        (["layers", "bert", "--depth", "0"], 2, "1<=x<=64"),
        ([""], 2, "the target is empty"),
        (["a b"], 2, "'a b' is not the name of a model"),
        (["ftp://host/file"], 2, "https://, http:// or hf://"),
        (["https://huggingface.co/datasets/squad"], 2, "is not the URL of a model"),
        (["https://example.com/model.onnx"], 2, "is not the URL of one file of weights"),
        (["org/name@"], 2, "'' is not a revision"),
        (["org/name@v1", "--revision", "v2"], 2, "names the revision 'v1', --revision names 'v2'"),
        (["model.safetensors"], 3, "no file or folder 'model.safetensors' here"),
        (["./absent"], 3, "no file or folder './absent' here"),
        (["bert", "--token", "not a token"], 2, "the token is empty or holds characters"),
    ],
)
def test_one_line_and_the_code(capsys, args, code, words):
    got, line = failure(capsys, *args)
    assert got == code
    assert words in line


def test_a_folder_without_weights_says_what_is_there(capsys, tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    code, line = failure(capsys, tmp_path)
    assert code == 3
    assert "nothing that holds weights" in line


def test_a_malformed_file_is_code_5(capsys, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"<html>this is a login page</html>")
    code, line = failure(capsys, path)
    assert code == 5
    assert "starts like a web page" in line


def test_a_git_lfs_pointer_is_called_one(capsys, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 440449768\n")
    code, line = failure(capsys, path)
    assert code == 5
    assert "a Git LFS pointer, not the weights" in line


def test_a_broken_link_and_a_pipe_are_called_so(capsys, tmp_path):
    (tmp_path / "model.safetensors").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe.safetensors")
    for target, words in (
        (tmp_path, "is a link to a file that is gone"),
        (tmp_path / "model.safetensors", "is a link to a file that is gone"),
        (tmp_path / "pipe.safetensors", "is no regular file"),
    ):
        code, line = failure(capsys, target)
        assert code == 3
        assert words in line


def test_an_answer_never_replaces_weights(capsys, models):
    weights = models / "gpt2" / "model.safetensors"
    size = weights.stat().st_size
    code, line = failure(capsys, models / "gpt2", "-o", weights)
    assert (code, weights.stat().st_size) == (2, size)
    assert "is not a name for an answer" in line


@pytest.mark.parametrize(("redirect", "words"), [(">&-", "standard output: it is closed"), (">/dev/full", "No space left")])
def test_an_answer_that_cannot_be_written_is_said(models, redirect, words):
    for arguments in (f'"{models / "gpt2"}"', *(["--help"] if "full" in redirect else [])):
        command = f'"{sys.executable}" -m memscan {arguments} {redirect}'
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert words in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_token_is_read_from_standard_input_if_there_is_any(models):
    for source in ("<&-", "</dev/null", "</dev/zero"):
        command = f'"{sys.executable}" -m memscan org/name --token - {source}'
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 2, source
        assert "token" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_malformed_config_is_code_5(capsys, models, tmp_path):
    (tmp_path / "model.safetensors").symlink_to(models / "gpt2" / "model.safetensors")
    (tmp_path / "config.json").write_text("{not json")
    code, line = failure(capsys, tmp_path)
    assert code == 5
    assert "config.json is not JSON" in line


def test_the_token_is_in_no_message(capsys):
    _, line = failure(capsys, "a b", "--token", "hf_secretsecret")
    assert "secret" not in line


def test_an_internal_error_is_one_line_and_debug_shows_where():
    # huggingface_hub's own hook for a user's HTTP client; a broken one is nobody's fault that memscan has a word for.
    program = (
        "import huggingface_hub as hub\nhub.set_async_client_factory(lambda: 1 / 0)\nfrom memscan.cli.main import main\nmain()"
    )
    short = subprocess.run([sys.executable, "-c", program, "x/y"], capture_output=True, text=True, check=False)
    assert short.returncode == 70
    assert short.stderr.startswith("memscan: internal error, ZeroDivisionError: division by zero; run again with --debug")
    assert short.stderr.count("\n") == 1
    long = subprocess.run([sys.executable, "-c", program, "x/y", "--debug"], capture_output=True, text=True, check=False)
    assert "Traceback" in long.stderr


def test_a_full_disk_is_said(models):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "memscan", str(models / "gpt2")], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.startswith("memscan: cannot write standard output: No space left")
    assert done.stderr.count("\n") == 1


def test_without_arguments_the_help_is_shown_as_usage(capsys):
    assert run([]) == 2
    assert "Usage: memscan [OPTIONS] TARGET..." in capsys.readouterr().err


@pytest.mark.parametrize("arguments", ["layers {model} --depth 9 --json", "--help"])
def test_a_reader_who_leaves_early_is_no_failure(models, arguments):
    """The reader is gone before memscan writes: it waits for that on its standard input."""
    words = arguments.format(model=models / "gpt2")
    program = f"import sys; sys.stdin.read(); sys.argv[1:] = {words.split()!r}; from memscan.cli.main import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        process.stdin.close()
        stderr = process.stderr.read()
    assert (process.returncode, stderr) == (0, b"")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_any_stdout_encoding_is_safe(checkpoint, encoding):
    path = checkpoint("модель.weight", "層.0.weight")
    env = {**os.environ, "PYTHONIOENCODING": encoding, "NO_COLOR": "1", "COLUMNS": "20"}
    done = subprocess.run([sys.executable, "-m", "memscan", "layers", str(path)], capture_output=True, env=env, check=False)
    assert done.returncode == 0
    assert done.stderr == b""
    assert b"\x1b" not in done.stdout
