"""The discussions of a repository: listed in pages, looked at, and opened by who has a token that may.

https://huggingface.co/docs/huggingface_hub/package_reference/community
"""

import json
from collections.abc import Iterator

from .catalogue import Visit
from .message import Reply, json_reply
from .refusal import entry_not_found, refused
from .repository import Discussion

DATE = "2024-01-01T00:00:00.000Z"
PAGE = 50  # discussions in one page, as on the real Hub


def list_discussions(visit: Visit) -> Reply:
    """The page `p` of those that the query asks for: `type`, `status` and `author`, as get_repo_discussions sends them."""
    _check_enabled(visit)
    asked = visit.request.query
    wanted = {key: asked[key][0] for key in ("type", "status", "author") if key in asked}
    found = [
        one
        for one in _all(visit)
        if wanted.get("author", one.author) == one.author
        and wanted.get("status", one.status) == one.status
        and (wanted.get("type") != "pull_request" or one.is_pull_request)
        and (wanted.get("type") != "discussion" or not one.is_pull_request)
    ]
    start = int(asked.get("p", ["0"])[0]) * PAGE
    page = [_head(visit, one) for one in found[start : start + PAGE]]
    return json_reply({"discussions": page, "count": len(found), "start": start})


def show_discussion(visit: Visit, num: str) -> Reply:
    """One with its comments."""
    _check_enabled(visit)
    found = next((one for one in _all(visit) if str(one.num) == num), None)
    if found is None:
        raise entry_not_found("Discussion not found")
    comment = {"edited": False, "hidden": False, "latest": {"raw": found.text, "html": "", "updatedAt": DATE}}
    event = {"id": f"{found.num:024x}", "type": "comment", "createdAt": DATE, "author": {"name": found.author}, "data": comment}
    return json_reply({**_head(visit, found), "events": [event]})


def open_discussion(visit: Visit) -> Reply:
    """A new one, in the name of who the token is of."""
    if visit.token is None:
        raise refused(401, "Invalid username or password.")
    _check_enabled(visit)
    if visit.token in visit.catalogue.read_only:
        raise refused(403, "Forbidden: you must have write access to discussions (token role: read)")
    asked = json.loads(visit.request.body)
    title = asked.get("title")
    if not isinstance(title, str) or not 3 <= len(title) <= 200:
        raise refused(400, '"title" length must be between 3 and 200 characters long')
    new = Discussion(
        num=max((one.num for one in _all(visit)), default=0) + 1,
        title=title,
        author=visit.catalogue.tokens[visit.token],
        is_pull_request=bool(asked.get("pullRequest")),
        text=str(asked.get("description", "")),
    )
    visit.catalogue.opened.setdefault(visit.repository.repo_id, []).append(new)
    return json_reply({"num": new.num, "url": f"/{visit.repository.repo_id}/discussions/{new.num}", "pullRequest": False})


def _all(visit: Visit) -> Iterator[Discussion]:
    yield from visit.repository.discussions
    yield from visit.catalogue.opened.get(visit.repository.repo_id, ())


def _check_enabled(visit: Visit) -> None:
    if visit.repository.discussions_disabled:
        raise refused(403, "Discussions are disabled for this repo")


def _head(visit: Visit, one: Discussion) -> dict[str, object]:
    return {
        "num": one.num,
        "title": one.title,
        "author": {"name": one.author},
        "isPullRequest": one.is_pull_request,
        "status": one.status,
        "createdAt": DATE,
        "repo": {"name": visit.repository.repo_id, "type": "model"},
    }
