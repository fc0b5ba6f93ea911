"""What is asked of the page, as its form and its links say it. The token is no part of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

from memscan.count import parse_count
from memscan.document import shown
from memscan.errors import UsageError
from memscan.printable import shown_word
from memscan.scanning import ScanOptions

LONGEST = 2_000  # characters of one word
MOST_DTYPES = 50
DEVICE = "rtx-4090"  # what is chosen until somebody chooses: the device that most people ask about
NO_DEVICE = "none"
INFERENCE, TRAINING = "inference", "training"
WORK = (INFERENCE, TRAINING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question."""

    model: str
    """A model on the Hub, or a URL."""
    revision: str | None = None
    library: str | None = None
    dtypes: tuple[str, ...] = ()
    """Rows of the table; none: the usual ones."""
    device: str | None = None
    """A word for `memscan.devices.parse_device`."""
    context: int | None = None
    """Tokens; None: as the bill does by itself."""
    batch: int = 1
    work: str = INFERENCE

    @classmethod
    def of(cls, words: Mapping[str, str | Sequence[str] | float | None]) -> Self:
        """The query in the values of the form; UsageError for what cannot be meant."""
        work = _text(words, "work") or INFERENCE
        if work not in WORK:
            raise UsageError(f"{shown(work)} is no work; expected one of {', '.join(WORK)}")
        dtypes = words.get("dtypes") or ()
        names = [dtypes] if isinstance(dtypes, str) else list(dtypes) if isinstance(dtypes, Sequence) else []
        names = [name for one in names for name in str(one).split(",") if name]
        if len(names) > MOST_DTYPES:
            raise UsageError(f"{len(names)} dtypes are asked for, expected at most {MOST_DTYPES}")
        ScanOptions(dtypes=tuple(names) or None).check()
        return cls(
            model=_text(words, "model") or "", revision=_text(words, "revision"), library=_text(words, "library"),
            dtypes=tuple(dict.fromkeys(names)), device=_device(words), context=_count(words, "context"),
            batch=_count(words, "batch") or 1, work=work,
        )  # fmt: skip

    @classmethod
    def of_link(cls, parameters: Mapping[str, str]) -> Self | None:
        """The query of a link; None where it names no model. What it leaves out is as in the empty form."""
        return cls.of({"device": DEVICE, **parameters}) if parameters.get("model", "").strip() else None

    def link(self) -> str:
        """The part of the page's address that asks the same again, without what may be secret in a URL."""
        words = {
            "model": shown_word(self.model), "revision": self.revision, "library": self.library, "dtypes": ",".join(self.dtypes),
            "device": self.device or NO_DEVICE, "context": self.context, "batch": self.batch if self.batch != 1 else None,
            "work": self.work if self.work != INFERENCE else None,
        }  # fmt: skip
        return "?" + urlencode({name: word for name, word in words.items() if word}, safe="/:")


def _device(words: Mapping[str, object]) -> str | None:
    word = _text(words, "device")
    return None if word == NO_DEVICE else word


def _text(words: Mapping[str, object], name: str) -> str | None:
    value = words.get(name)
    text = "" if value is None else str(value).strip()
    if len(text) > LONGEST:
        raise UsageError(f"{name} has {len(text):,} characters, expected at most {LONGEST:,}")
    return text or None


def _count(words: Mapping[str, object], name: str) -> int | None:
    text = _text(words, name)
    try:
        return None if text is None else parse_count(text)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error
