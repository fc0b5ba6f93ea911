"""`--dtypes`: several words behind one option, before or after the target, and what is said of words that are no dtype."""

import click
import pytest

from memscan.cli.dtypes import join_dtypes, parse_dtypes

TAKES_VALUE = {"--dtypes": True, "--token": True, "--json": False, "-o": True}


@pytest.mark.parametrize(
    ("args", "joined"),
    [
        (["bert", "--dtypes", "float32", "float16"], ["bert", "--dtypes", "float32,float16"]),
        (["--dtypes", "float32", "float16", "bert"], ["--dtypes", "float32,float16", "bert"]),
        (["--dtypes", "float32", "bert", "gpt2"], ["--dtypes", "float32", "bert", "gpt2"]),
        (["bert", "--dtypes", "float32,int4", "int8", "--json"], ["bert", "--dtypes", "float32,int4,int8", "--json"]),
        (["bert", "--dtypes", "float32", "--dtypes", "int8"], ["bert", "--dtypes", "float32", "--dtypes", "int8"]),
        (["--token", "float32", "--dtypes", "int8", "bert"], ["--token", "float32", "--dtypes", "int8", "bert"]),
        (["-o", "x", "--dtypes", "int8", "bert"], ["-o", "x", "--dtypes", "int8", "bert"]),
        (["--dtypes=float32,int8", "bert"], ["--dtypes", "float32,int8", "bert"]),
        (["bert", "--dtypes=float32", "int8"], ["bert", "--dtypes", "float32,int8"]),
        (["--dtypes", "int8", "--", "float32"], ["--dtypes", "int8", "--", "float32"]),
        (["bert", "--", "--dtypes", "x"], ["bert", "--", "--dtypes", "x"]),
    ],
)
def test_words_up_to_the_next_option_are_joined(args, joined):
    assert join_dtypes(args, TAKES_VALUE) == joined


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["bert", "--dtypes", "float32", "flaot16"], "'flaot16' is not a dtype; did you mean float16?"),
        (["--dtypes", "float32", "flaot16", "bert"], "'flaot16' is not a dtype; did you mean float16?"),
        (["--dtypes", "bf16", "bert"], "'bf16' is not a dtype"),
        (["bert", "--dtypes", "float32", "gpt2"], "'gpt2' is not a dtype; expected one or more of"),
        (["bert", "--dtypes", "float32,foat16"], "'foat16' is not a dtype; did you mean float16?"),
        (["bert", "--dtypes"], "--dtypes needs a dtype"),
        (["bert", "--dtypes", "--json"], "--dtypes needs a dtype"),
        (["--dtypes", "bert"], "'bert' is not a dtype"),
        (["--dtypes", "float32", "bert", "float16"], "float16 stands behind a target"),
        (["bert", "--dtypes", ","], "is not a dtype"),
    ],
)
def test_a_word_that_is_no_dtype_is_a_usage_error_with_a_suggestion(args, message):
    with pytest.raises(click.UsageError) as error:
        join_dtypes(args, TAKES_VALUE)
    assert message in error.value.format_message()


def test_values_are_checked_when_joined_by_hand():
    assert parse_dtypes("float32,int8") == ("float32", "int8")
    with pytest.raises(click.UsageError, match="did you mean bfloat16"):
        parse_dtypes("float32,bloat16")
