"""Which words a server reads: nothing of its own disk, whatever it is called and wherever it stands."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.errors import MemscanError, UsageError
from memscan.source import Place, parse_target
from memscan.web import Urls
from memscan.web.admission import admit


@pytest.mark.parametrize(
    ("word", "becomes", "revision"),
    [
        ("bert-base-cased", "hf://bert-base-cased", None),
        ("org/name", "hf://org/name", None),
        ("org/name/", "hf://org/name", None),
        ("org/name@v1", "hf://org/name", "v1"),
        ("org/name@feature/x", "hf://org/name", "feature/x"),
        ("org/name@refs/pr/4", "hf://org/name", "refs/pr/4"),
        ("hf://org/name/sub/model.gguf", "hf://org/name/sub/model.gguf", None),
        ("https://huggingface.co/org/name", "https://huggingface.co/org/name", None),
    ],
)
def test_models_on_the_hub_are_read(word: str, becomes: str, revision: str | None) -> None:
    admitted = admit(word, None, Urls.NONE)
    assert (admitted.word, admitted.revision, admitted.is_url) == (becomes, revision, False)


@pytest.mark.parametrize(
    "word",
    [
        "/etc/passwd", "./model", "../model", "~/model", "~root/x", "C:\\model", "D:/model", "folder\\model", "\\\\host\\share",
        ".", "..", "~", "file:///etc/passwd", "ftp://host/x.safetensors", "s3://bucket/model", "gopher://x", "a/b/c", "org/na me",
        "org/..", "", "org/name\nx", "org/\u202ename", "@main", "org/name@",
    ],
)  # fmt: skip
def test_what_is_no_model_is_one_line(word: str) -> None:
    with pytest.raises(UsageError) as refused:
        admit(word, None, Urls.ANY)
    assert "\n" not in str(refused.value)


def test_a_folder_beside_the_server_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "org" / "name").mkdir(parents=True)
    (tmp_path / "model.memscan").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert parse_target("org/name").place is Place.LOCAL  # what the command line takes it for
    for word in ("org/name", "org", "model.memscan"):
        assert parse_target(admit(word, None, Urls.ANY).word).place is Place.HUB


def test_one_revision_is_enough() -> None:
    assert admit("org/name@v1", "v1", Urls.NONE).revision == "v1"
    assert admit("org/name", "v1", Urls.NONE).revision == "v1"
    with pytest.raises(UsageError, match="give one"):
        admit("org/name@v1", "v2", Urls.NONE)


class TestUrls:
    FILE = "https://models.example/x.safetensors?Signature=s3cret"

    def test_files_elsewhere_are_read_as_the_option_says(self) -> None:
        for urls in (Urls.PUBLIC, Urls.ANY):
            admitted = admit(self.FILE, None, urls)
            assert admitted.is_url
            assert "s3cret" not in admitted.shown
        with pytest.raises(UsageError, match="not on the Hub") as refused:
            admit(self.FILE, None, Urls.NONE)
        assert "s3cret" not in str(refused.value)

    def test_without_tls_only_where_any_are(self) -> None:
        plain = self.FILE.replace("https", "http")
        assert admit(plain, None, Urls.ANY).is_url
        with pytest.raises(UsageError, match="is not https"):
            admit(plain, None, Urls.PUBLIC)


@given(st.text(max_size=60))
def test_any_word_is_of_the_hub_or_a_url_or_refused(word: str) -> None:
    try:
        admitted = admit(word, None, Urls.PUBLIC)
    except MemscanError:
        return
    assert parse_target(admitted.word, revision=admitted.revision).place in {Place.HUB, Place.URL}
