"""Which words the page reads: models on the Hub and URLs. What is on the server's own disk is nobody's to name."""

import re
from dataclasses import dataclass

from memscan.document import shown
from memscan.errors import UsageError
from memscan.printable import shown_url
from memscan.source import Place, parse_target
from memscan.web.limits import Urls

WEB = re.compile(r"https?://", re.IGNORECASE)
PATH = re.compile(r"[./~\\]|[A-Za-z]:[\\/]|.*\\")
NAME = re.compile(r"[^/@]+(?:/[^/@]+)?/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A target that may be read."""

    word: str
    """For `memscan.scanning`: it means the Hub or a URL, whatever lies beside the server."""
    shown: str
    """As results name it."""
    revision: str | None
    is_url: bool
    """Whether it is outside the Hub."""


def admit(word: str, revision: str | None, urls: Urls) -> Admitted:
    """The target `word`; UsageError where it is none, or none that the page reads. Looks at no file and asks nobody."""
    if not word:
        raise UsageError("the target is empty; give a model such as bert-base-cased, or a URL")
    if not word.isprintable():
        raise UsageError(f"{shown(word)} is not the name of a model; expected name, org/name or a URL")
    if WEB.match(word) or "://" in word:
        target = parse_target(word, revision=revision)
        is_url = target.place is Place.URL
        if is_url:
            _check_url(word, urls)
        return Admitted(word=word, shown=target.requested, revision=revision, is_url=is_url)
    if PATH.match(word):
        raise UsageError(
            f"{shown(word)} is a path, and this page reads no files of its server; give a model on the Hub or a URL,"
            " or run memscan where the file is"
        )
    name, at, own = word.partition("@")
    if at and revision is not None and own != revision:
        raise UsageError(f"{shown(word)} names the revision {shown(own)}, the field beside it {shown(revision)}; give one")
    if not NAME.fullmatch(name):
        raise UsageError(f"{shown(name)} is not the name of a model; expected name, org/name, hf://org/name/file or a URL")
    target = parse_target(f"hf://{name.rstrip('/')}", revision=own if at else revision)
    return Admitted(word=f"hf://{target.repo_id}", shown=word, revision=target.revision, is_url=False)


def _check_url(word: str, urls: Urls) -> None:
    """UsageError for a URL that is not read here; where its host is, is looked at when it is asked."""
    if urls is Urls.NONE:
        raise UsageError(f"{shown_url(word)} is not on the Hub, and this page reads nothing else; run memscan yourself for it")
    if urls is Urls.PUBLIC and not word.lower().startswith("https://"):
        raise UsageError(f"{shown_url(word)} is not https; this page reads no other URLs outside the Hub")
