"""Two targets, or one with two revisions."""

import pytest

from memscan.compare import two_words
from memscan.errors import UsageError

PAIRS = {
    ("a", "b"): (("a", None), ("b", None)),
    ("org/name@v1..v2",): (("org/name@v1", None), ("org/name@v2", None)),
    ("name@v1..v2",): (("name@v1", None), ("name@v2", None)),
    ("org/name@v1..",): (("org/name@v1", None), ("org/name", None)),
    ("org/name@..v2",): (("org/name", None), ("org/name@v2", None)),
    ("org/name@v1.0..v1.1",): (("org/name@v1.0", None), ("org/name@v1.1", None)),
    ("org/name@main..refs/pr/4",): (("org/name@main", None), ("org/name@refs/pr/4", None)),
    ("hf://org/name@v1..v2",): (("hf://org/name@v1", None), ("hf://org/name@v2", None)),
    ("hf://org/name@v1..v2/sub/x.bin",): (("hf://org/name@v1/sub/x.bin", None), ("hf://org/name@v2/sub/x.bin", None)),
    ("hf://org/name@a..refs/pr/4/x.bin",): (("hf://org/name@a/x.bin", None), ("hf://org/name@refs/pr/4/x.bin", None)),
    ("../a@b", "c@d..e"): (("../a@b", None), ("c@d..e", None)),  # the second is no revision, and the scan says so
}  # fmt: skip


@pytest.mark.parametrize("words", PAIRS)
def test_words(words):
    assert two_words(words, None) == PAIRS[words]


def test_an_option_with_two_revisions():
    assert two_words(["org/name"], "v1..v2") == (("org/name", "v1"), ("org/name", "v2"))
    assert two_words(["org/name"], "v1..") == (("org/name", "v1"), ("org/name", None))
    assert two_words(["a", "b"], "v1") == (("a", "v1"), ("b", "v1"))


@pytest.mark.parametrize(
    ("words", "revision", "said"),
    [
        (["a"], None, "one target is given"),
        (["a"], "v1", "one target is given"),
        (["https://host/x@v1..v2?signature=s3cret"], None, "^one target is given: diff compares two models"),
        (["https://user:s3cret@host/a..b.safetensors"], None, "^one target is given: diff compares two models"),
        (["./a@b..c"], None, "one target"),
        (["a", "b", "c"], None, "3 targets"),
        ([], None, "0 targets"),
        (["a", "b"], "v1..v2", "names two revisions"),
        (["a@.."], None, "are not two revisions"),
        (["a@x...y"], None, "are not two revisions"),
        (["a@x..y..z"], None, "are not two revisions"),
    ],
)
def test_words_that_are_no_two_sides(words, revision, said):
    with pytest.raises(UsageError, match=said) as caught:
        two_words(words, revision)
    assert "s3cret" not in str(caught.value)
