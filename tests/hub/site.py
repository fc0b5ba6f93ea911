"""The Hub's own origin: which route answers a request."""

from dataclasses import dataclass

from .catalogue import Catalogue, Visit
from .discussions import list_discussions, open_discussion, show_discussion
from .message import Reply, Request, json_reply, text_reply
from .model_info import model_info
from .refusal import RefusedError, entry_not_found, refused
from .repository import Repository, Revision
from .resolve import resolve, resolve_cached
from .search import search
from .shard_headers import shard_headers
from .tree import tree

MODELS = "/api/models/"
RESOLVE_CACHE = "/api/resolve-cache/models/"


@dataclass(frozen=True)
class Site:
    """Answers for the Hub."""

    catalogue: Catalogue
    cdn: str
    page_size: int
    metadata_endpoint: bool

    def answer(self, request: Request) -> Reply:
        """Answer a request; refusals are answers too."""
        try:
            return self._route(request)
        except RefusedError as refusal:
            return refusal.reply

    def _route(self, request: Request) -> Reply:
        path = request.path
        opens = request.method == "POST" and path.startswith(MODELS) and path.endswith("/discussions")
        if request.method not in {"GET", "HEAD"} and not opens:
            raise refused(405, f"{request.method} is not allowed here")
        if path == "/api/whoami-v2":
            return self._whoami(request)
        if path == MODELS.rstrip("/"):
            return search(request, self.catalogue)
        if path.startswith(MODELS):
            visit = self.catalogue.visit(request, MODELS)
            return open_discussion(visit) if opens else self._model(visit)
        if path.startswith(RESOLVE_CACHE):
            visit = self.catalogue.visit(request, RESOLVE_CACHE)
            return resolve_cached(visit, visit.rest)
        if "/resolve/" in path and not path.startswith("/api/"):
            visit = self.catalogue.visit(request, "/")
            if len(visit.rest) > 2 and visit.rest[0] == "resolve":
                return resolve(visit, visit.rest[1:], self.cdn)
        return _page_not_found()

    def _model(self, visit: Visit) -> Reply:
        match visit.rest:
            case () | ("",):
                return model_info(visit, visit.repository.main)
            case ("revision", *name) if name:
                return model_info(visit, visit.revision("/".join(name)))
            case ("tree", *parts) if parts:
                return tree(visit, tuple(parts), self.page_size)
            case ("safetensors-metadata", *parts) if parts and self.metadata_endpoint:
                return shard_headers(visit, tuple(parts))
            case ("refs",):
                return json_reply(_refs(visit.repository))
            case ("discussions", *num):
                return show_discussion(visit, num[0]) if num else list_discussions(visit)
        raise entry_not_found("Sorry, we can't find the page you are looking for.")

    def _whoami(self, request: Request) -> Reply:
        token = self.catalogue.token_of(request)
        if token is None:
            raise refused(401, "Invalid username or password.")
        name = self.catalogue.tokens[token]
        access = {"accessToken": {"displayName": name, "role": "read"}, "type": "access_token"}
        return json_reply({"type": "user", "id": name, "name": name, "fullname": name, "orgs": [], "auth": access})


def _refs(repository: Repository) -> dict[str, object]:
    groups: dict[str, list[dict[str, str]]] = {"branches": [], "converts": [], "tags": [], "pullRequests": []}
    for name, revision in {"main": repository.main, **repository.branches}.items():
        if name.startswith("refs/pr/"):
            groups["pullRequests"].append(_ref(name, name, revision))
        elif name.startswith("refs/convert/"):
            groups["converts"].append(_ref(name.removeprefix("refs/convert/"), name, revision))
        else:
            groups["branches"].append(_ref(name, f"refs/heads/{name}", revision))
    groups["tags"] = [_ref(name, f"refs/tags/{name}", revision) for name, revision in repository.tags.items()]
    return dict(groups)


def _ref(name: str, ref: str, revision: Revision) -> dict[str, str]:
    return {"name": name, "ref": ref, "targetCommit": revision.commit}


def _page_not_found() -> Reply:
    html = "<!doctype html><html><body><h1>404</h1><p>Sorry, we can't find the page you are looking for.</p></body></html>"
    return text_reply(404, html, {"Content-Type": "text/html; charset=utf-8"})
