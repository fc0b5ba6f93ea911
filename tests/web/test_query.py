"""A query from a form and from a link, and the link that asks the same again."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.errors import UsageError
from memscan.web import Query


def test_a_form_is_a_query() -> None:
    form = {
        "model": " org/name ", "revision": "", "library": None, "dtypes": ["float32", "int8", "float32"], "device": "rtx-4090",
        "context": "8k", "batch": "4", "work": "training",
    }  # fmt: skip
    assert Query.of(form) == Query(
        model="org/name", dtypes=("float32", "int8"), device="rtx-4090", context=8192, batch=4, work="training"
    )


def test_an_empty_form_asks_for_no_model() -> None:
    assert Query.of({}) == Query(model="")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"context": "many"}, "context: 'many' is not a count"),
        ({"context": "0"}, "context: '0' is not a count"),
        ({"batch": "-1"}, "batch: '-1' is not a count"),
        ({"batch": "1.5"}, "batch: '1.5' is not a count"),
        ({"work": "play"}, "'play' is no work"),
        ({"model": "x" * 2001}, "model has 2,001 characters"),
        ({"dtypes": [f"d{number}" for number in range(51)]}, "51 dtypes"),
    ],
)
def test_what_cannot_be_meant_is_one_line(words: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        Query.of(words)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)


def test_a_link_leaves_out_what_is_usual() -> None:
    assert Query(model="org/name", device="rtx-4090").link() == "?model=org/name&device=rtx-4090"
    assert Query(model="org/name").link() == "?model=org/name&device=none"


def test_a_short_link_asks_as_the_empty_form_does() -> None:
    assert Query.of_link({"model": "org/name"}) == Query(model="org/name", device="rtx-4090")
    assert Query.of_link({"device": "h100"}) is None
    assert Query.of_link({"model": "  "}) is None


def test_a_link_holds_no_token() -> None:
    assert Query.of_link({"model": "org/name", "token": "hf_secret"}) == Query.of_link({"model": "org/name"})
    assert "token" not in Query.__dataclass_fields__


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=30).map(str.strip)


@given(
    st.builds(
        Query,
        model=words.filter(bool),
        revision=words.map(lambda word: word or None),
        device=words.map(lambda word: word or None).filter(lambda word: word != "none"),
        context=st.none() | st.integers(1, 1 << 32),
        batch=st.integers(1, 1 << 24),
        work=st.sampled_from(["inference", "training"]),
        dtypes=st.lists(st.sampled_from(["float32", "int8", "bnb-nf4"]), unique=True).map(tuple),
    )
)
def test_a_link_asks_the_same_again(query: Query) -> None:
    assert Query.of_link(dict(parse_qsl(query.link()[1:], keep_blank_values=True))) == query


def test_a_link_holds_no_secret_of_a_url() -> None:
    query = Query(model="https://user:password@host.test/org/model.safetensors?sig=signature#fragment")
    assert query.link() == "?model=https://host.test/org/model.safetensors&device=none"
