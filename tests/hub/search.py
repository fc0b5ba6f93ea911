"""GET /api/models: a search, page by page, with the properties that are asked for.

https://huggingface.co/docs/hub/api (the Link header leads to the next page), `list_models` of huggingface_hub
"""

import base64
import binascii
from collections.abc import Callable
from urllib.parse import urlencode

from .catalogue import Catalogue
from .message import Reply, Request, json_reply
from .model_info import properties
from .refusal import refused
from .repository import Repository

PAGE = 1000  # repositories in a page, at most and by default
USUAL = ("id", "modelId", "author", "createdAt", "downloads", "likes", "private", "tags", "library_name")
ORDERS: dict[str, Callable[[Repository], tuple[int, str]]] = {
    "createdAt": lambda one: (0, one.repo_id),
    "lastModified": lambda one: (0, one.repo_id),
    "trendingScore": lambda one: (0, one.repo_id),
    "downloads": lambda one: (-_number(one, "downloads"), one.repo_id),
    "likes": lambda one: (-_number(one, "likes"), one.repo_id),
}


def search(request: Request, catalogue: Catalogue) -> Reply:
    """Answer with one page of what the query asks for, and with the address of the next one."""
    token, query = catalogue.token_of(request), request.query
    sort = query.get("sort", ["trendingScore"])[-1]
    if sort not in ORDERS:
        raise refused(400, f'Invalid value for "sort": {sort}')
    found = [one for one in catalogue.all() if _is_meant(one, query) and (not one.private or one.is_open_to(token))]
    found.sort(key=ORDERS[sort])
    limit = min(_integer(query.get("limit", [str(PAGE)])[-1]), PAGE)
    start = _start(query["cursor"][-1]) if "cursor" in query else 0
    headers = {}
    if start + limit < len(found):
        cursor = base64.urlsafe_b64encode(f"after:{start + limit}".encode()).decode()
        following = urlencode({**query, "limit": [str(limit)], "cursor": [cursor]}, doseq=True)
        headers["Link"] = f'<http://{request.headers.get("Host", "")}{request.path}?{following}>; rel="next"'
    wanted = {*query.get("expand", []), *query.get("expand[]", [])} or set(USUAL)
    return json_reply([_shown(one, wanted) for one in found[start : start + limit]], headers)


def _shown(repository: Repository, wanted: set[str]) -> dict[str, object]:
    everything = properties(repository, repository.main, blobs=False, summary="config" in wanted)
    return {name: value for name, value in everything.items() if name in {"_id", "id", *wanted}}


def _is_meant(repository: Repository, query: dict[str, list[str]]) -> bool:
    author, words = query.get("author", [""])[-1], query.get("search", [""])[-1]
    owner = repository.repo_id.partition("/")[0] if "/" in repository.repo_id else ""
    return (
        not repository.disabled
        and (not author or owner == author)
        and words.lower() in repository.repo_id.lower()
        and all(tag in (repository.library, "region:us") for tag in query.get("filter", []))
    )


def _number(repository: Repository, name: str) -> int:
    value = repository.info.get(name, 0)
    return value if isinstance(value, int) else 0


def _integer(text: str) -> int:
    if not text.isdecimal() or text == "0":
        raise refused(400, 'Invalid value for "limit"')
    return int(text)


def _start(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("after:"))
    except (binascii.Error, ValueError) as error:
        raise refused(400, "Invalid cursor") from error
