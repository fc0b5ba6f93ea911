"""What LoRA is asked for: `r=16,targets=q_proj,v_proj`, read into one value.

Names and defaults are those of `LoraConfig` in https://github.com/huggingface/peft/blob/v0.21.2/src/peft/tuners/lora/config.py.
"""

import math
from dataclasses import dataclass

from memscan.document import shown
from memscan.errors import UsageError

ALL_LINEAR = "all-linear"
LARGEST_RANK = 1_000_000  # no layer has a tenth of it
KEYS = ("r", "targets", "alpha", "dropout", "dora")
USAGE = "write it like r=16,targets=all-linear or r=8,alpha=16,targets=q_proj,v_proj"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """The settings of one LoRA adapter."""

    rank: int = 8
    targets: tuple[str, ...] | None = None
    """Names of modules; None for `all-linear`."""
    alpha: float = 8
    """Scales the adapter; takes no memory."""
    dropout: float = 0.0
    dora: bool = False
    """Whether each module has a vector of magnitudes beside its two matrices."""


def lora_setting(word: str) -> Lora:
    """The settings that `word` gives, as `--lora` takes it; what it does not give is peft's default, the targets `all-linear`.

    A part without `=` after `targets=` is one more target. UsageError for a key, a number or a name that makes no sense.
    """
    given = _parts(word)
    usual = Lora()
    return Lora(
        rank=_rank(given["r"]) if "r" in given else usual.rank,
        targets=_targets(given["targets"]) if "targets" in given else usual.targets,
        alpha=_number("alpha", given["alpha"], math.inf) if "alpha" in given else usual.alpha,
        dropout=_number("dropout", given["dropout"], 1) if "dropout" in given else usual.dropout,
        dora=_flag(given["dora"]) if "dora" in given else usual.dora,
    )


def _parts(word: str) -> dict[str, list[str]]:
    """The values by key: several for the targets, one for each other key."""
    given: dict[str, list[str]] = {}
    last = ""
    for part in word.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            if last != "targets" or not key:
                raise UsageError(f"--lora has {shown(part)} without a key: {USAGE}")
            given[last].append(key)
            continue
        if key in given:
            raise UsageError(f"--lora has the key {shown(key)} twice: {USAGE}")
        if key not in KEYS:
            raise UsageError(f"--lora has the key {shown(key)}, and there are {', '.join(KEYS)}: {USAGE}")
        last, given[key] = key, [value]
    return given


def _rank(values: list[str]) -> int:
    (value,) = values
    if not value.isascii() or not value.isdecimal() or len(value) > len(str(LARGEST_RANK)) or not 0 < int(value) <= LARGEST_RANK:
        raise UsageError(f"--lora has the rank r={shown(value)}, expected a whole number from 1 to {LARGEST_RANK:,}")
    return int(value)


def _number(key: str, values: list[str], most: float) -> float:
    (value,) = values
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number < most:
        below = "" if math.isinf(most) else f" and below {most:g}"
        raise UsageError(f"--lora has {key}={shown(value)}, expected a number that is not negative{below}")
    return number


def _flag(values: list[str]) -> bool:
    (value,) = values
    if value not in {"true", "false"}:
        raise UsageError(f"--lora has dora={shown(value)}, expected true or false")
    return value == "true"


def _targets(values: list[str]) -> tuple[str, ...] | None:
    if [value.lower() for value in values] == [ALL_LINEAR]:
        return None
    if any(value.lower() == ALL_LINEAR for value in values):
        raise UsageError(f"--lora has targets={shown(','.join(values))}: {ALL_LINEAR} stands alone")
    if not all(values):
        raise UsageError(f"--lora has no name after targets=: {USAGE}")
    return tuple(dict.fromkeys(values))
