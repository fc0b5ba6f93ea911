"""The discussions of the loopback Hub, listed by huggingface_hub's own client."""

import pytest
from huggingface_hub import HfApi

from tests.hub import Discussion, LoopbackHub, Repository

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
