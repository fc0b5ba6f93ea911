"""A report as a discussion on the model's repository: shown first, posted once, and only with the reader's own token.

API: https://huggingface.co/docs/huggingface_hub/package_reference/hf_api#huggingface_hub.HfApi.create_discussion.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from threading import Lock

from httpx2 import HTTPError
from huggingface_hub import HfApi, get_session
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, RepositoryNotFoundError

from memscan.errors import MemscanError, NotFoundError, ServerError, TargetError, TokenError, UnreachableError, UsageError
from memscan.report import renderer
from memscan.web.answer import Answer

MARK = "[memscan]"
"""What every title ends with, so that an open one is found again, whoever posted it."""
TITLE = f"Memory needed to load and train this model {MARK}"
FOOT = "Read from the headers of the checkpoint{at} by [memscan](https://pypi.org/project/memscan/); no weights were downloaded."
SILENCE = 15.0  # seconds
POSTING = Lock()
"""One at a time: two that look before either has posted would both post."""
SEARCHED = 1_000  # open discussions that are looked through


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What would be posted."""

    repo_id: str
    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A discussion that is there."""

    num: int
    url: str


def draft_of(answer: Answer) -> Draft | None:
    """The discussion about `answer`; None where the model is not on the Hub."""
    origin = answer.report.model.origin
    if origin.repo_id is None:
        return None
    at = "" if origin.commit is None else f" at commit {origin.commit[:7]}"
    text = renderer("markdown")([answer.report])
    return Draft(repo_id=origin.repo_id, title=TITLE, body=f"{text}\n\n---\n\n{FOOT.format(at=at)}")


def open_post(draft: Draft, token: str | None) -> Posted | None:
    """The open discussion on the repository of `draft` that holds such a report; None where there is none.

    Raises MemscanError, as `post` does.
    """
    api = _api()
    with _translated(draft.repo_id):
        found = api.get_repo_discussions(
            draft.repo_id, discussion_type="discussion", discussion_status="open", token=token or False
        )
        for one in islice(found, SEARCHED):
            if one.title.rstrip().endswith(MARK):
                return Posted(num=one.num, url=one.url)
    return None


def post(draft: Draft, token: str | None) -> Posted:
    """Open the discussion `draft` in the name of the owner of `token`.

    Raises UsageError without a token, or where an open discussion holds such a report; TokenError, TargetError or NetworkError
    where the Hub refuses.
    """
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("to post takes a token that may write discussions; make one at https://huggingface.co/settings/tokens")
    with POSTING:
        there = open_post(draft, token)
        if there is not None:
            raise UsageError(f"such a report is open already: {there.url}; nothing was posted")
        with _translated(draft.repo_id):
            made = _api().create_discussion(draft.repo_id, draft.title, token=token, description=draft.body)
        return Posted(num=made.num, url=made.url)


def _api() -> HfApi:
    """The API with a client that gives up on a Hub which says nothing: `huggingface_hub`'s own waits for ever."""
    get_session().timeout = SILENCE
    return HfApi()


@contextmanager
def _translated(repo_id: str) -> Iterator[None]:
    """The errors of `huggingface_hub` in memscan's words, which hold no token."""
    try:
        yield
    except RepositoryNotFoundError as error:
        raise NotFoundError(f"{repo_id} was not found, or is private and the token may not read it") from error
    except HfHubHTTPError as error:
        raise _refused(repo_id, error.response.status_code) from error
    except (HFValidationError, OfflineModeIsEnabled) as error:
        raise TargetError(f"the Hub cannot be asked about {repo_id}: HF_HUB_OFFLINE is set, or the name is none") from error
    except HTTPError as error:
        raise UnreachableError(f"cannot reach the Hub to ask about {repo_id}; try again later") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ServerError(f"the Hub's answer about discussions of {repo_id} is not as expected; try again later") from error


def _refused(repo_id: str, status: int) -> MemscanError:
    if status == 401:
        return TokenError("the Hub refused the token as invalid; check it at https://huggingface.co/settings/tokens")
    if status == 403:
        return TokenError(
            f"the token may not open discussions on {repo_id}, or discussions are turned off there;"
            " it needs the permission to write discussions"
        )
    return ServerError(f"the Hub answered with HTTP status {status} about discussions of {repo_id}; try again later")
