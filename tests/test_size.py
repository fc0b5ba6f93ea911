"""Sizes of memory, as people write them and as accelerate reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.errors import UsageError
from memscan.size import LARGEST, is_size, parse_size


@pytest.mark.parametrize(
    ("word", "nbytes"),
    [
        ("24GiB", 24 * 2**30), ("24GB", 24 * 10**9), ("24 GiB", 24 * 2**30), (" 24gib ", 24 * 2**30), ("24gb", 24 * 10**9),
        ("24Gi", 24 * 2**30), ("1.5TB", 1_500_000_000_000), ("1.5TiB", 3 * 2**39), ("512MiB", 512 * 2**20),
        ("512MB", 512 * 10**6), ("8KiB", 8192), ("8kB", 8000), ("0GiB", 0), ("25769803776", 25769803776),
        ("25769803776 bytes", 25769803776), ("1B", 1),
        ("1 byte", 1), (".5GiB", 2**29), ("23.55GiB", 25286619955), ("0.1KB", 100), ("1PiB", 2**50), ("1PB", 10**15),
    ],
)  # fmt: skip
def test_sizes(word: str, nbytes: int) -> None:
    assert parse_size(word) == nbytes


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("24G", "'24G' has two meanings: write 24GiB (powers of 1024) or 24GB (of 1000)"),
        ("24g", "'24g' has two meanings"), ("1.5T", "write 1.5TiB (powers of 1024) or 1.5TB (of 1000)"),
        ("24Gb", "is in bits: write GB for bytes, such as 24GB"), ("24Gib", "is in bits: write GiB for bytes"),
        ("-1GiB", "is not a size: expected a number with a unit"), ("nanGB", "is not a size"), ("infGiB", "is not a size"),
        ("1e9", "is not a size"), ("1e3GiB", "is not a size"), ("", "is not a size"), ("GiB", "is not a size"),
        ("24 GiB 3", "is not a size"), ("24,5GiB", "is not a size"), ("1_000", "is not a size"), ("٢٤GiB", "is not a size"),
        ("24XB", "XB is no unit of memory"), ("24GiBs", "GiBs is no unit of memory"), ("2EiB", "EiB is no unit of memory"),
        ("2000PiB", "is more than any machine has"), ("9" * 40, "is more than any machine has"), ("9" * 41, "is not a size"),
        ("1\nGiB", "is not a size"), ("1\u202eGiB", "is not a size"),
    ],
)  # fmt: skip
def test_what_is_no_size(word: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_size(word)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.text(max_size=60))
def test_any_text_is_a_size_or_an_error_of_one_line(word: str) -> None:
    message = ""
    try:
        assert 0 <= parse_size(word) <= LARGEST
    except UsageError as error:
        message = str(error)
    assert message.isprintable()


@pytest.mark.parametrize(
    ("word", "looks"),
    [("24GiB", True), ("24G", True), ("24Gb", True), ("24", False), ("rtx", False), ("", False), ("4xh100", False)],
)
def test_what_looks_like_a_size(word: str, looks: bool) -> None:
    assert is_size(word) is looks
