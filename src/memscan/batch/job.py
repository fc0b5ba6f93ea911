"""What a batch is asked: which repositories, read how; and what one of them is called in its journal."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from memscan.errors import MemscanError, UsageError
from memscan.printable import shown_url
from memscan.scanning import ScanOptions
from memscan.source.search import SORTS, Found, Query
from memscan.source.settings import endpoint

CONCURRENCY = 32
SEPARATE = frozenset({"token", "cache", "offline"})  # options of a scan that change no row


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One batch."""

    scan: ScanOptions
    """How each repository is read."""
    query: Query | None = None
    """The search whose repositories are read; None where targets are given."""
    concurrency: int = CONCURRENCY
    """Repositories that are read at once."""
    exit_code: Callable[[MemscanError], int]
    """What a scan that fails so exits with."""

    def check(self) -> None:
        """UsageError for options that make no sense."""
        self.scan.check()
        if self.query is None:
            return
        if self.query.sort is not None and self.query.sort not in SORTS:
            raise UsageError(f"--sort {self.query.sort!a} is no order of a search; expected one of {', '.join(SORTS)}")
        if self.scan.offline:
            raise UsageError("--offline asks no server, and a search asks the Hub; give the targets in a file")
        if self.scan.revision is not None:
            raise UsageError("--revision is of targets that are given; a search finds the main branch of each repository")

    def described(self) -> Mapping[str, object]:
        """What makes its rows what they are: of another job the rows may differ. Holds no token."""
        scan = {name: value for name, value in asdict(self.scan).items() if name not in SEPARATE}
        return {"endpoint": endpoint(), "scan": scan, "search": None if self.query is None else asdict(self.query)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One repository of a batch."""

    word: str
    """The target, as it was given; a URL may hold a secret, so this is neither shown nor kept."""
    found: Found | None = None
    """What a search told of it."""

    @property
    def requested(self) -> str:
        """The word as rows show it."""
        return shown_url(self.word) if "://" in self.word else self.word

    @property
    def key(self) -> bytes:
        """What it is called in a journal."""
        return key_of(self.word)


def key_of(word: str) -> bytes:
    """Sixteen bytes that stand for the target `word`, from which it cannot be told."""
    return hashlib.blake2b(word.encode(errors="surrogatepass"), digest_size=16).digest()
