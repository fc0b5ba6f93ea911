"""The repositories of a Hub, found by the path of a request and the token it carries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .message import Request, text_reply
from .refusal import (
    RefusedError,
    disabled,
    gated,
    invalid_token,
    repository_not_found,
    revision_not_found,
)
from .repository import Discussion, Repository, Revision

MARKERS = frozenset(
    {"revision", "tree", "refs", "discussions", "safetensors-metadata", "resolve"}
)  # what may follow a repository id


@dataclass(frozen=True)
class Visit:
    """A request that has found its repository."""

    catalogue: "Catalogue"
    request: Request
    repository: Repository
    token: str | None
    rest: tuple[str, ...]
    """The parts of the path behind the repository id."""

    def require_files(self) -> None:
        """Refuse visitors who may see the repository, but not its files."""
        if not self.repository.is_open_to(self.token):
            raise gated(self.repository.repo_id, self.token)

    def revision(self, name: str) -> Revision:
        """Return the revision of that name."""
        found = self.repository.find_revision(name)
        if found is None:
            raise revision_not_found(name)
        return found


def split_revision(parts: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the revision that a path starts with, and the rest; `refs/pr/4` needs no quoting, as on the real Hub."""
    if len(parts) >= 3 and parts[0] == "refs" and parts[1] in {"pr", "convert"}:
        return "/".join(parts[:3]), parts[3:]
    return (parts[0], parts[1:]) if parts else ("", ())


class Catalogue:
    """All repositories, and the tokens that somebody has."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self.tokens = tokens
        self.read_only: set[str] = set()
        """Tokens that may open no discussion."""
        self.opened: dict[str, list[Discussion]] = {}
        """Discussions that clients have opened, by repository."""
        self._by_name: dict[str, Repository] = {}

    def replace(self, repositories: Iterable[Repository]) -> None:
        """Hold these repositories, and no others."""
        by_name: dict[str, Repository] = {}
        for repository in repositories:
            for name in (repository.repo_id, *repository.aliases):
                if name.lower() in by_name:
                    raise ValueError(f"two repositories answer to {name!r}")
                by_name[name.lower()] = repository
        self._by_name = by_name  # in one step: requests are answered meanwhile

    def all(self) -> list[Repository]:
        """Every repository once."""
        return list(dict.fromkeys(self._by_name.values()))

    def named(self, repo_id: str) -> Repository | None:
        """Return the repository of that very id."""
        repository = self._by_name.get(repo_id.lower())
        return repository if repository is not None and repository.repo_id == repo_id else None

    def token_of(self, request: Request) -> str | None:
        """Return the token of a request; one that nobody has is refused, even where none is needed."""
        header = request.headers.get("Authorization")
        if header is None:
            return None
        token = header.removeprefix("Bearer ")
        if token not in self.tokens:
            raise invalid_token()
        return token

    def visit(self, request: Request, prefix: str) -> Visit:
        """Return the visit to the repository whose id follows `prefix` in the path."""
        token = self.token_of(request)
        parts = request.segments[prefix.count("/") - 1 :] or ("",)
        name, rest = self._split(parts)
        repository = self._by_name.get(name.lower())
        if repository is None or (repository.private and not repository.is_open_to(token)):
            raise repository_not_found(token)
        if name != repository.repo_id:
            location = prefix + repository.repo_id + request.target[len(prefix) + len(name) :]
            reply = text_reply(307, f"Temporary Redirect. Redirecting to {location}", {"Location": location})
            raise RefusedError(reply)
        if repository.disabled:
            raise disabled()
        return Visit(self, request, repository, token, rest)

    def _split(self, parts: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """Tell `organisation/name` from an id of one part by what is known, then by what follows."""
        both = "/".join(parts[:2])
        if len(parts) < 2 or (both.lower() not in self._by_name and parts[1] in MARKERS):
            return parts[0], parts[1:]
        if both.lower() not in self._by_name and parts[0].lower() in self._by_name:
            return parts[0], parts[1:]
        return both, parts[2:]
