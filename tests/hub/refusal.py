"""The Hub's refusals, with the header names that its clients tell them apart by.

https://github.com/huggingface/huggingface_hub/blob/main/src/huggingface_hub/utils/_http.py (hf_raise_for_status)
"""

from .message import Reply, json_reply


class RefusedError(Exception):
    """Carries the reply from the place where a request is refused to the door."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def refused(status: int, message: str, code: str | None = None) -> RefusedError:
    """Return a refusal with this message, and its code where the Hub sends one."""
    headers = {"X-Error-Message": message}
    if code is not None:
        headers["X-Error-Code"] = code
    return RefusedError(json_reply({"error": message}, headers, status))


def invalid_token() -> RefusedError:
    """Refuse a token that nobody has."""
    return refused(401, "Invalid credentials in Authorization header")


def repository_not_found(token: str | None) -> RefusedError:
    """Refuse what is missing or private, in the same words; anonymous visitors are told that they must log in."""
    if token is None:
        return refused(401, "Invalid username or password.", "RepoNotFound")
    return refused(404, "Repository not found", "RepoNotFound")


def revision_not_found(name: str) -> RefusedError:
    """Refuse a name: no branch, tag or commit is called so."""
    return refused(404, f"Invalid rev id: {name}", "RevisionNotFound")


def entry_not_found(message: str = "Entry not found") -> RefusedError:
    """Refuse a path: no file or folder is there."""
    return refused(404, message, "EntryNotFound")


def gated(repo_id: str, token: str | None) -> RefusedError:
    """Refuse the files of a repository that everybody may see; they are for those who asked for access."""
    if token is None:
        message = (
            f"Access to model {repo_id} is restricted. You must have access to it and be authenticated to access it. "
            "Please log in."
        )
        return refused(401, message, "GatedRepo")
    message = (
        f"Access to model {repo_id} is restricted and you are not in the authorized list. "
        f"Visit https://huggingface.co/{repo_id} to ask for access."
    )
    return refused(403, message, "GatedRepo")


def disabled() -> RefusedError:
    """Refuse what the Hub has taken down."""
    return refused(403, "Access to this resource is disabled.")
