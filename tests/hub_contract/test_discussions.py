"""The discussions of the loopback Hub, listed and opened by huggingface_hub's own client."""

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from tests.hub import STRANGER, Discussion, LoopbackHub, Repository

DISCUSSIONS = (
    Discussion(num=1, title="How do I run it?", author="someone"),
    Discussion(num=2, title="Adding `safetensors` variant of this model", author="SFconvertbot", is_pull_request=True),
    Discussion(num=3, title="Fix a typo", author="someone", is_pull_request=True, status="merged"),
)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [1, 2, 3]),
        ({"discussion_type": "pull_request"}, [2, 3]),
        ({"discussion_type": "discussion"}, [1]),
        ({"author": "SFconvertbot", "discussion_status": "open"}, [2]),
        ({"author": "nobody"}, []),
    ],
)
def test_discussions_are_listed_as_asked(asked, expected):
    with LoopbackHub([Repository(repo_id="org/name", files={}, discussions=DISCUSSIONS)]) as hub:
        found = HfApi(endpoint=hub.endpoint, token=False).get_repo_discussions("org/name", **asked)
        assert [one.num for one in found] == expected


def test_more_than_a_page_are_all_listed():
    many = tuple(Discussion(num=num, title=f"Question {num}", author="someone") for num in range(1, 121))
    with LoopbackHub([Repository(repo_id="org/name", files={}, discussions=many)]) as hub:
        found = HfApi(endpoint=hub.endpoint, token=False).get_repo_discussions("org/name")
        assert [one.num for one in found] == list(range(1, 121))
        assert len(hub.requests) == 3


def test_a_discussion_is_opened_and_listed():
    with LoopbackHub([Repository(repo_id="org/name", files={}, discussions=DISCUSSIONS)]) as hub:
        api = HfApi(endpoint=hub.endpoint)
        made = api.create_discussion("org/name", "How large is it?", description="**Large.**", token=STRANGER)
        assert (made.num, made.author, made.is_pull_request, made.status) == (4, "stranger", False, "open")
        assert made.events[0].content == "**Large.**"
        assert [one.num for one in api.get_repo_discussions("org/name", discussion_type="discussion", token=False)] == [1, 4]
        hub.reset()
        assert [one.num for one in api.get_repo_discussions("org/name", discussion_type="discussion", token=False)] == [1]


@pytest.mark.parametrize(
    ("token", "disabled", "title", "status"),
    [
        (False, False, "A title", 401),
        ("hf_nobody", False, "A title", 401),
        ("hf_reads", False, "A title", 403),
        (STRANGER, True, "A title", 403),
        (STRANGER, False, "x", 400),
    ],
)
def test_who_may_not_open_one_is_told(token, disabled, title, status):
    repository = Repository(repo_id="org/name", files={}, discussions_disabled=disabled)
    with LoopbackHub([repository], tokens={"hf_reads": "reader"}) as hub:
        hub.read_only.add("hf_reads")
        with pytest.raises(HfHubHTTPError) as refused:
            HfApi(endpoint=hub.endpoint).create_discussion("org/name", title, token=token)
        assert refused.value.response.status_code == status
