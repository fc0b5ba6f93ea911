"""Every fixture made whole once, for the tests that read them all."""

import pytest

from tests.hub import FIXTURES, Repository, load_fixtures, materialise


@pytest.fixture(scope="session")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> list[Repository]:
    """The repositories of `fixtures/hub`."""
    folder = tmp_path_factory.mktemp("fixtures")
    for fixture in FIXTURES.glob("*/*"):
        materialise(fixture, folder / fixture.relative_to(FIXTURES))
    return load_fixtures(folder)
