"""docs/batch.md says what the file holds, and its queries run."""

import re
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from memscan import __version__
from memscan.batch import COLUMNS, CONCURRENCY, FORMATS
from memscan.cli import batch as options
from memscan.source.search import SORTS
from tests.batch.batches import batch
from tests.hub import LoopbackHub, Repository

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "batch.md").read_text()
QUERIES = dict(re.findall(r"```sql\n-- ([^\n]+)\n(.+?)\n```", DOCUMENT, re.DOTALL))


@pytest.fixture
def models(hub: LoopbackHub, fixtures: list[Repository], tmp_path: Path) -> Path:
    """The fixtures as Parquet, and two that fail."""
    hub.add_repositories(fixtures)
    words = "\n".join([*(one.repo_id for one in fixtures), "org/nowhere", "a b"])
    batch(hub, tmp_path / "models.parquet", "-", stdin=words, code=3)
    return tmp_path / "models.parquet"


def test_every_column_is_documented_with_its_type(models: Path) -> None:
    table = DOCUMENT.split("| column | type |")[1].split("\n\n")[0]
    documented: dict[str, str] = {}
    for line in table.splitlines()[2:]:
        names, types = line.split("|")[1:3]
        columns = re.findall("`([^`]+)`", names)
        kinds = (
            types.strip().split(", ")
            if len(columns) > 1 and "map" not in types and "," in types
            else [types.strip()] * len(columns)
        )
        documented.update(zip(columns, kinds, strict=True))
    assert list(documented) == list(COLUMNS)
    schema = pq.read_schema(models)
    assert schema.names == list(COLUMNS)
    arrow = {
        "string": "string", "int64": "int64", "map(string, int64)": "map<string, int64>",
        "list(struct(code, message))": "list<element: struct<code: string, message: string>>",
    }  # fmt: skip
    assert {name: arrow[kind] for name, kind in documented.items()} == {
        field.name: str(field.type).replace(f" ('{field.name}')", "") for field in schema
    }


def test_the_metadata_names_schema_and_version(models: Path) -> None:
    metadata = pq.read_schema(models).metadata
    assert (metadata[b"memscan.batch.schema"], metadata[b"memscan.version"]) == (b"1", __version__.encode())


def test_what_help_spells_out_agrees() -> None:
    assert tuple(FORMATS) == options.FORMATS
    assert tuple(SORTS) == options.SORTS
    assert options.CONCURRENCY == CONCURRENCY


class TestQueries:
    @staticmethod
    def ask(models: Path, question: str) -> list[tuple[object, ...]]:
        return duckdb.sql(QUERIES[question].replace("models.parquet", str(models))).fetchall()

    @pytest.mark.parametrize("question", QUERIES)
    def test_each_gives_an_answer(self, models: Path, question: str) -> None:
        assert self.ask(models, question)

    def test_answers(self, models: Path) -> None:
        assert len(QUERIES) == 6
        failures = self.ask(models, "Why repositories failed")
        assert sorted(failures) == [(2, "UsageError", 1), (3, "NotFoundError", 1)]
        halves = {name: (half, whole) for name, half, whole in self.ask(models, "The float16 size beside the stored one")}
        assert halves["google-bert/bert-base-cased"] == (216_628_736, 433_249_280)
        stored = dict(self.ask(models, "Stored dtypes by bytes"))
        assert stored["BF16"] > 352_494_542_848
        fitting = [row[0] for row in self.ask(models, "What fits 24 GiB as stored, largest first")]
        assert fitting[0] == "meta-llama/Llama-3.1-8B"
