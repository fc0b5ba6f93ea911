"""Names as they are published, in the hands of the classes that their configs declare: all have a place, and none is missing."""

import json
from typing import Any

import pytest

from memscan.architecture import layout
from memscan.checkpoint import is_buffer
from memscan.loading import load
from memscan.loading.names import starred
from tests.hub import FIXTURES
from tests.writers.tensors import tensor

PUBLISHED: dict[str, dict[str, Any]] = json.loads((FIXTURES.parent / "names.json").read_text())


@pytest.mark.parametrize("repository", PUBLISHED)
def test_every_published_name_has_a_place_in_the_declared_class(repository: str) -> None:
    config = PUBLISHED[repository]["config"]
    found = load([tensor(name) for name in PUBLISHED[repository]["names"]], _layout(config))
    assert found.unknown is None
    assert [each.name for each in found.ignored if not is_buffer(each)] == []
    made = {starred(each.name) for each in found.created if not each.buffer}
    held = {starred(each.name) for each in found.tensors if each not in found.created}
    assert made - held == set()  # the fixture has one name of each pattern, and not that of every layer


def _layout(config: dict[str, Any]) -> Any:
    found = layout(config["architectures"][0], config["model_type"], config)
    assert found is not None
    return found
