"""Each way to name a model, and what is said about words that name none."""

from pathlib import Path

import pytest

from memscan.errors import MemscanError, NotFoundError, UsageError
from memscan.printable import shown_url
from memscan.source import Place, Target, parse_target
from tests.hub import LoopbackHub
from tests.runner import run_memscan

from .models import weights

COMMIT = "45fba78" + "0" * 33
FILE = "model.safetensors"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be in an empty folder, which is the home too, so that no word happens to be a path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))


REPOSITORIES = [
    ("bert-base-cased", "bert-base-cased", None, None),
    ("org/name", "org/name", None, None),
    ("Org_1/name.v2-x", "Org_1/name.v2-x", None, None),
    ("org/name@main", "org/name", "main", None),
    ("gpt2@v1.0", "gpt2", "v1.0", None),
    (f"org/name@{COMMIT}", "org/name", COMMIT, None),
    ("org/name@45fba78", "org/name", "45fba78", None),
    ("org/name@refs/pr/4", "org/name", "refs/pr/4", None),
    ("org/name@feature/x#1", "org/name", "feature/x#1", None),
    ("org/name@a%2Fb", "org/name", "a%2Fb", None),
    ("org/name@v1@2", "org/name", "v1@2", None),
    ("hf://gpt2", "gpt2", None, None),
    ("hf://org/name", "org/name", None, None),
    ("hf://org/name/", "org/name", None, None),
    ("hf://org/name/sub/x.safetensors", "org/name", None, "sub/x.safetensors"),
    ("hf://org/name/sub/", "org/name", None, "sub"),
    ("hf://org/name@dev", "org/name", "dev", None),
    ("hf://org/name@dev/sub/x.safetensors", "org/name", "dev", "sub/x.safetensors"),
    ("hf://org/name@refs/pr/4/x.safetensors", "org/name", "refs/pr/4", "x.safetensors"),
    ("hf://org/name@feature%2Fx%231/x.safetensors", "org/name", "feature/x#1", "x.safetensors"),
    ("hf://org/name/step@2/x.safetensors", "org/name", None, "step@2/x.safetensors"),
    ("https://huggingface.co/gpt2", "gpt2", None, None),
    ("https://huggingface.co/org/name", "org/name", None, None),
    ("https://huggingface.co/org/name/", "org/name", None, None),
    ("http://huggingface.co/org/name", "org/name", None, None),
    ("https://www.huggingface.co/org/name", "org/name", None, None),
    ("https://hf.co/org/name", "org/name", None, None),
    ("HTTPS://HuggingFace.CO/org/name", "org/name", None, None),
    ("https://huggingface.co/org/name?library=transformers#usage", "org/name", None, None),
    ("https://huggingface.co/org/name/tree/main", "org/name", "main", None),
    ("https://huggingface.co/org/name/tree/main/", "org/name", "main", None),
    ("https://huggingface.co/org/name/tree/main/text_encoder", "org/name", "main", "text_encoder"),
    ("https://huggingface.co/org/name/tree/feature%2Fx%231", "org/name", "feature/x#1", None),
    ("https://huggingface.co/org/name/tree/refs/pr/4", "org/name", "refs/pr/4", None),
    ("https://huggingface.co/org/name/tree/refs%2Fpr%2F4", "org/name", "refs/pr/4", None),
    (f"https://huggingface.co/org/name/tree/{COMMIT}", "org/name", COMMIT, None),
    ("https://huggingface.co/gpt2/tree/v1", "gpt2", "v1", None),
    (f"https://huggingface.co/org/name/blob/main/{FILE}", "org/name", "main", FILE),
    (f"https://huggingface.co/gpt2/blob/main/{FILE}", "gpt2", "main", FILE),
    ("https://huggingface.co/org/name/blob/main/sub/a%20b.safetensors", "org/name", "main", "sub/a b.safetensors"),
    (f"https://huggingface.co/org/name/blob/refs%2Fpr%2F4/{FILE}", "org/name", "refs/pr/4", FILE),
    (f"https://huggingface.co/org/name/blob/refs/pr/4/{FILE}", "org/name", "refs/pr/4", FILE),
    (f"https://huggingface.co/org/name/resolve/main/{FILE}?download=true", "org/name", "main", FILE),
    (f"https://huggingface.co/org/name/raw/main/{FILE}", "org/name", "main", FILE),
    ("https://huggingface.co/org/name/discussions/4", "org/name", None, None),
]


@pytest.mark.parametrize(("word", "repo_id", "revision", "path"), REPOSITORIES, ids=[word for word, *_ in REPOSITORIES])
def test_a_repository(word: str, repo_id: str, revision: str | None, path: str | None) -> None:
    target = parse_target(word)
    assert (target.place, target.repo_id, target.revision, target.path) == (Place.HUB, repo_id, revision, path)
    assert target.notes == ()


def test_the_revision_beside_the_word() -> None:
    assert parse_target("org/name", revision="feature/x#1").revision == "feature/x#1"
    assert parse_target("org/name@dev", revision="dev").revision == "dev"
    assert parse_target("https://huggingface.co/org/name/tree/refs/pr/4", revision="refs/pr/4").revision == "refs/pr/4"


@pytest.mark.parametrize("word", ["org/name@dev", "hf://org/name@dev", "https://huggingface.co/org/name/tree/dev"])
def test_two_revisions_are_one_too_many(word: str) -> None:
    with pytest.raises(UsageError, match="'dev', --revision names 'main'; give one"):
        parse_target(word, revision="main")


@pytest.mark.parametrize("revision", ["", " ", "a\nb", "a\x1bb"])
def test_what_is_no_revision(revision: str) -> None:
    with pytest.raises(UsageError, match="is not a revision"):
        parse_target("org/name", revision=revision)
    with pytest.raises(UsageError, match="is not a revision"):
        parse_target(f"org/name@{revision}")


NO_TARGETS = [
    "",
    " ",
    "org/name/x",
    "a b",
    "org/na me",
    "a\nb",
    "-x/y",
    ".hidden/..",
    "org/../name",
    "org/a--b",
    "x" * 97,
    "hf://",
    "hf://org/name/../x",
    "hf://org/name@",
    "hf://datasets/org/name",
    "hf://spaces/org/name",
    "s3://bucket/x.safetensors",
    "file:///x.safetensors",
    "https://",
    "https:///org/name",
    "http://[",
    "http://host:abc/x.safetensors",
    "http://host:99999/x.safetensors",
    "https://huggingface.co",
    "https://huggingface.co/spaces/org/name",
    "https://huggingface.co/datasets/org/name",
    "https://huggingface.co/api/models/org/name",
    "https://huggingface.co/models?search=bert",
    "https://huggingface.co/org/name/tree/main/../..",
    "https://example.com/model.onnx",
    "https://example.com/",
]


@pytest.mark.parametrize("word", NO_TARGETS)
def test_what_is_no_target(word: str) -> None:
    with pytest.raises((UsageError, NotFoundError)) as refused:
        parse_target(word)
    message = str(refused.value)
    assert "\n" not in message
    assert len(message) < 300


def test_a_url_of_one_file() -> None:
    target = parse_target("https://user:password@example.com:8443/a%20b/x.safetensors?Signature=secret#part")
    assert target.place is Place.URL
    assert target.url == "https://user:password@example.com:8443/a%20b/x.safetensors?Signature=secret#part"
    assert target.requested == "https://example.com:8443/a%20b/x.safetensors"


def test_a_url_of_one_file_has_no_revision() -> None:
    with pytest.raises(UsageError, match="is one file, which has no revision"):
        parse_target("https://example.com/x.safetensors", revision="main")


@pytest.mark.parametrize(
    ("word", "revision"),
    [
        ("https://user:s3cret@example.com/x.safetensors", "main"),
        ("https://example.com/x.safetensors?sig=s3cret", "main"),
        ("https://user:s3cret@example.com/x.onnx?sig=s3cret", None),
        ("https://user:s3cret@huggingface.co/spaces/a/b?sig=s3cret", None),
        ("https://user:s3cret@huggingface.co/org/name/tree/dev", "main"),
        ("https://huggingface.co/o/n/resolve/dev/x?t=s3cret", "main"),
        ("https://user:s3cret@huggingface.co/org/na me", None),
        ("https://user:s3cret@[bad/x.safetensors", None),
        ("ftp://user:s3cret@example.com/x.safetensors", None),
        ("https://user:s3cret@", None),
    ],
)
def test_no_error_shows_what_may_be_secret(word: str, revision: str | None) -> None:
    with pytest.raises(MemscanError) as refused:
        parse_target(word, revision=revision)
    assert "s3cret" not in str(refused.value)


def test_no_result_shows_what_may_be_secret() -> None:
    target = parse_target("https://user:s3cret@huggingface.co/org/name/blob/main/x.safetensors?token=s3cret")
    assert "s3cret" not in repr(target)
    assert target.requested == "https://huggingface.co/org/name/blob/main/x.safetensors"


def test_the_url_that_is_shown() -> None:
    assert shown_url("https://u:p@host:1/a/b.safetensors?q=1#f") == "https://host:1/a/b.safetensors"
    assert shown_url("https://host/a@b") == "https://host/a@b"


def local(word: str) -> Target:
    """Parse what has to be a path."""
    target = parse_target(word)
    assert target.place is Place.LOCAL
    return target


def test_an_existing_path(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x.safetensors").write_bytes(weights("a"))
    for word in ("./folder", str(tmp_path / "folder"), "~/folder", "."):
        target = local(word)
        assert target.folder is not None
        assert target.folder.is_dir()
        assert (target.requested, target.notes) == (word, ())
    file = local("folder/x.safetensors")
    assert (file.folder, file.path) == (Path("folder"), "x.safetensors")


@pytest.mark.parametrize("name", ["bert-base-cased", "org/name"])
def test_a_folder_that_is_also_the_name_of_a_repository(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir(parents=True)
    (note,) = local(name).notes
    assert note.code == "local-path"
    assert f"hf://{name}" in note.message
    assert parse_target(f"hf://{name}").place is Place.HUB
    assert local(f"./{name}").notes == ()


def test_a_path_has_no_revision(tmp_path: Path) -> None:
    (tmp_path / "bert").mkdir()
    with pytest.raises(UsageError, match="has no revision 'main'; write hf://bert for the Hub"):
        parse_target("bert", revision="main")


@pytest.mark.parametrize(
    "word",
    [
        "model.safetensors", "org/name.gguf", "pytorch_model.bin", "model.safetensors.index.json", "./x", "../x", "/no/where",
        "~/x", "~nobody-of-that-name/x", "C:\\models\\bert", ".\\bert", "\\\\server\\share\\x", "models\\bert", "C:/models/bert",
    ],
)  # fmt: skip
def test_a_path_that_is_not_there(word: str) -> None:
    with pytest.raises(NotFoundError, match="no file or folder") as refused:
        parse_target(word)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("word", ["org/" + "x" * 300, "a\0b", "x" * 5000])
def test_a_word_that_no_file_system_allows(word: str) -> None:
    with pytest.raises(UsageError, match="is not the name of a model"):
        parse_target(word)


def test_the_url_of_a_mirror_is_a_repository(hub: LoopbackHub) -> None:
    for word, revision, path in (
        (f"{hub.endpoint}/org/name", None, None),
        (f"{hub.endpoint}/org/name/tree/feature%2Fx", "feature/x", None),
        (f"{hub.endpoint}/org/name/blob/main/{FILE}", "main", FILE),
    ):
        target = parse_target(word)
        assert (target.place, target.repo_id, target.revision, target.path) == (Place.HUB, "org/name", revision, path)
    assert parse_target(f"{hub.cdn}/org/name/{FILE}").place is Place.URL


def test_a_mirror_below_a_path(hub: LoopbackHub) -> None:
    mirror = f"{hub.endpoint}/mirrors/hf"
    for word in (f"{mirror}/org/name/tree/dev", "https://huggingface.co/org/name/tree/dev", "org/name@dev"):
        hub.forget()
        assert run_memscan(hub, word, env={"HF_ENDPOINT": mirror + "/"}).code == 3
        assert "/mirrors/hf/api/models/org/name/revision/dev?blobs=true" in [record.path for record in hub.requests]


@pytest.mark.parametrize("endpoint", ["hub.invalid", "http://[bad", "http://127.0.0.1:abc", "ftp://hub.invalid"])
def test_an_endpoint_that_is_no_address(endpoint: str) -> None:
    run = run_memscan(None, "org/name", env={"HF_ENDPOINT": endpoint})
    assert run.code == 2
    assert "HF_ENDPOINT" in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_url_that_cannot_be_split_is_one_line() -> None:
    run = run_memscan(None, "http://user:s3cret@[")
    assert (run.code, run.stdout, run.stderr.count("\n")) == (2, "", 1)
    assert "s3cret" not in run.stderr
