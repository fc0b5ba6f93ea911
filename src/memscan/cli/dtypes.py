"""`--dtypes float32 float16`: several words behind one option, as `accelerate estimate-memory` takes them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

OPTION = "--dtypes"
# memscan.quantizers.DTYPES, spelt out so that --help need not import it
DTYPES = (
    "float64", "float32", "float16", "bfloat16", "float8", "int8", "int4", "bnb-int8", "bnb-nf4", "bnb-nf4-dq",
    "gptq-4bit-g128", "awq-4bit-g128", "hqq-4bit-g64", "int4-g128", "fp8", "fp8-block", "mxfp4", "nvfp4", "Q8_0", "Q6_K",
    "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K", "IQ4_XS",
)  # fmt: skip


def join_dtypes(args: Sequence[str], takes_value: Mapping[str, bool]) -> list[str]:
    """`args` with the words behind each `--dtypes` joined by commas into one, so that click can parse the rest.

    Words up to the next option must be dtypes; only where no target came before may targets follow them. `takes_value`
    says of each option whether the word behind it is its value. UsageError, with a suggestion, for any other word.
    """
    args = [part for word in args for part in _opened(word)]
    joined: list[str] = []
    targets = 0
    index = 0
    while index < len(args):
        word = args[index]
        index += 1
        joined.append(word)
        if word == "--":
            return [*joined, *args[index:]]
        if word == OPTION:
            stop = next((i for i in range(index, len(args)) if args[i].startswith("-")), len(args))
            dtypes, rest = _split(args[index:stop], targets > 0)
            joined.extend([",".join(dtypes), *rest])
            targets += len(rest)
            index = stop
        elif not word.startswith("-") or word == "-":
            targets += 1
        elif takes_value.get(word, False) and index < len(args):
            joined.append(args[index])
            index += 1
    return joined


def _opened(word: str) -> list[str]:
    """`--dtypes=float32` as the two words that it is."""
    return [OPTION, word.removeprefix(f"{OPTION}=")] if word.startswith(f"{OPTION}=") else [word]


def parse_dtypes(words: str) -> tuple[str, ...]:
    """`float32,float16` as names of dtypes; UsageError for a word that is none."""
    names = [word for word in words.split(",") if word]
    for name in names:
        if name not in DTYPES:
            raise _unknown(name)
    if not names:
        raise click.UsageError(f"{OPTION} needs a dtype: one or more of {', '.join(DTYPES)}")
    return tuple(names)


def parse_dtype(word: str) -> str:
    """The one dtype that `word` names, or is short for: `bf16`; UsageError for a word that is none."""
    from memscan.dtype import SHORT

    name = SHORT.get(word, word)
    if name not in DTYPES:
        raise _unknown(word)
    return name


def _split(words: Sequence[str], targets_before: bool) -> tuple[list[str], list[str]]:
    """The dtypes at the head of `words`, and the targets behind them."""
    count = next((i for i, word in enumerate(words) if not _is_dtypes(word)), len(words))
    dtypes, rest = list(words[:count]), list(words[count:])
    if not dtypes and not rest:
        raise click.UsageError(f"{OPTION} needs a dtype: one or more of {', '.join(DTYPES)}")
    if rest and (not dtypes or targets_before or (_meant(rest[0]) and not Path(rest[0]).exists())):
        raise _unknown(next((word for word in rest[0].split(",") if word not in DTYPES), rest[0]))
    late = [word for word in rest if _is_dtypes(word)]
    if late:
        raise click.UsageError(f"{late[0]} stands behind a target; write all dtypes together behind {OPTION}")
    return dtypes, rest


def _is_dtypes(word: str) -> bool:
    return all(name in DTYPES for name in word.split(",") if name) and word.strip(",") != ""


def _meant(word: str) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(word.lower(), DTYPES, n=1, cutoff=0.75)


def _unknown(word: str) -> click.UsageError:
    close = _meant(word)
    hint = f"did you mean {close[0]}?" if close else f"expected one or more of {', '.join(DTYPES)}"
    return click.UsageError(f"{ascii(word)[:60]} is not a dtype; {hint}")
