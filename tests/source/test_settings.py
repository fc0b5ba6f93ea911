"""The token of the user: the one that huggingface_hub itself would use."""

from pathlib import Path

import pytest
from huggingface_hub import constants, get_token

from memscan.source.settings import own_token


@pytest.mark.parametrize("file", [None, "hf_of_the_file\n", ""])
@pytest.mark.parametrize("old", [None, "hf_old"])
@pytest.mark.parametrize("word", [None, "", "hf_new", "  hf_new\r\n", " \n"])
def test_it_is_huggingface_hubs(
    word: str | None, old: str | None, file: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in (("HF_TOKEN", word), ("HUGGING_FACE_HUB_TOKEN", old)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    path = tmp_path / "token"
    if file is not None:
        path.write_text(file)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(path))
    monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(tmp_path / "stored_tokens"))
    assert own_token() == get_token()
