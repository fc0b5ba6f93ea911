"""Many repositories: planned within the Hub's rate limits, read at once, a row each, in a job that survives a kill."""

from memscan.batch.job import CONCURRENCY, Job
from memscan.batch.output import FORMATS, check_format, format_of
from memscan.batch.row import COLUMNS, SCHEMA, Kind, Row
from memscan.batch.run import BatchProgress, Outcome, Place, run_here
from memscan.batch.words import words_in, words_of

__all__ = [
    "COLUMNS",
    "CONCURRENCY",
    "FORMATS",
    "SCHEMA",
    "BatchProgress",
    "Job",
    "Kind",
    "Outcome",
    "Place",
    "Row",
    "check_format",
    "format_of",
    "run_here",
    "words_in",
    "words_of",
]
