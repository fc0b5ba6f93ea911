"""The CDN's origin: bytes by range, for whoever holds a signed address."""

from collections.abc import Mapping
from urllib.parse import unquote

from .catalogue import Catalogue
from .content import Content
from .message import Reply, Request, text_reply
from .ranges import content_reply


class Cdn:
    """Answers for the CDN; `files` are served at plain addresses, for tests that need no Hub."""

    def __init__(self, catalogue: Catalogue, files: Mapping[str, Content]) -> None:
        self._catalogue = catalogue
        self._files = files

    def answer(self, request: Request) -> Reply:
        """Answer a request."""
        if "Authorization" in request.headers:
            # What storage behind signed addresses does too; above all, a token must never get here.
            return text_reply(400, "Only one auth mechanism allowed")
        if request.method not in {"GET", "HEAD"}:
            return text_reply(405, "Method not allowed")
        path = unquote(request.path)
        if path.startswith("/files/"):
            return self._plain(request, path.removeprefix("/files/"))
        if path.startswith("/lfs/"):
            return self._object(request, path.removeprefix("/lfs/"))
        return text_reply(404, "Not found")

    def _plain(self, request: Request, name: str) -> Reply:
        if name not in self._files:
            return text_reply(404, "Not found")
        return content_reply(request, self._files[name], {"Content-Type": "application/octet-stream"})

    def _object(self, request: Request, path: str) -> Reply:
        if "Signature" not in request.query:
            return text_reply(403, "Missing Signature")
        repo_id, _, sha256 = path.rpartition("/")
        repository = self._catalogue.named(repo_id)
        for revision in repository.revisions() if repository else ():
            for entry in revision.entries.values():
                if entry.lfs and entry.sha256 == sha256:
                    headers = {"Content-Type": "application/octet-stream", "ETag": entry.etag}
                    return content_reply(request, entry.content, headers)
        return text_reply(403, "Access denied")
