"""The weight files of a place, which of them a loader takes, and why, in every output format."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence

from memscan.checkpoint import Verdict
from memscan.model import FileSurvey
from memscan.printable import safe
from memscan.report.base import Failure
from memscan.report.csv import guarded
from memscan.report.grid import grid
from memscan.report.json import SCHEMA, dumps, error_object, note_objects
from memscan.report.markdown import cell, code, not_read
from memscan.units import iec_bytes, plural
from memscan.version import __version__

HEADERS = ("", "Weights", "Format", "Files", "Bytes", "Size", "Why")
CSV_COLUMNS = ("target", "chosen", "name", "format", "variant", "files", "bytes", "why")
Survey = FileSurvey | Failure


def render_files(results: Sequence[Survey], output: str) -> str:
    """The surveys in `output`, one of `memscan.report.FORMATS`."""
    return _RENDERERS[output](results)


def _title(survey: FileSurvey) -> str:
    origin = survey.origin
    commit = f" @ {origin.commit[:7]}" if origin.commit is not None else ""
    return f"{safe(origin.name)}{commit}: {plural(len(survey.verdicts), 'weight set')}; sizes are of whole files"


def _row(verdict: Verdict) -> tuple[str, ...]:
    found = verdict.found
    mark = "->" if verdict.chosen else ""
    size = (f"{found.nbytes:,}", iec_bytes(found.nbytes)) if found.files else ("?", "?")
    return mark, safe(found.name), found.format, str(len(found.files) or "?"), *size, safe(verdict.why)


def _table(results: Sequence[Survey]) -> str:
    return "\n\n".join(_one(result) for result in results if isinstance(result, FileSurvey))


def _one(survey: FileSurvey) -> str:
    align = ("left", "left", "left", "right", "right", "right", "left")
    lines = [_title(survey)]
    if survey.verdicts:
        lines += ["", grid([_row(one) for one in survey.verdicts], HEADERS, layout="simple", align=align)]
    if survey.notes:
        lines += ["", *(f"Note: {safe(note.message)}" for note in survey.notes)]
    return "\n".join(lines)


def _markdown(results: Sequence[Survey]) -> str:
    return "\n\n".join(not_read(result) if isinstance(result, Failure) else _section(result) for result in results)


def _section(survey: FileSurvey) -> str:
    lines = [f"### Weight files of {code(survey.origin.requested)}", "", cell(_title(survey))]
    if survey.verdicts:
        lines += ["", f"| {' | '.join(HEADERS)} |", "|:--|:--|:--|--:|--:|--:|:--|"]
        lines += [f"| {' | '.join(cell(value) for value in _row(one))} |" for one in survey.verdicts]
    if survey.notes:
        lines += ["", *(f"- {cell(note.message)}" for note in survey.notes)]
    return "\n".join(lines)


def _json(results: Sequence[Survey]) -> str:
    objects = [_object(result) for result in results if isinstance(result, FileSurvey)]
    if len(results) == 1 and objects:
        return dumps(objects[0])
    errors = [error_object(result) for result in results if isinstance(result, Failure)]
    return dumps({"schema": SCHEMA, "memscan": __version__, "reports": objects, "errors": errors})


def _object(survey: FileSurvey) -> Mapping[str, object]:
    origin = survey.origin
    return {
        "schema": SCHEMA,
        "memscan": __version__,
        "target": {
            "requested": origin.requested,
            "repo_id": origin.repo_id,
            "revision": origin.revision,
            "commit": origin.commit,
            "library": origin.library,
        },
        "weight_sets": [
            {
                "name": verdict.found.name,
                "chosen": verdict.chosen,
                "why": verdict.why,
                "format": verdict.found.format,
                "variant": verdict.found.variant,
                "folder": verdict.found.folder.rstrip("/"),
                "index": verdict.found.index,
                "files": list(verdict.found.files),
                "complete": verdict.found.complete,
                "bytes": verdict.found.nbytes,
            }
            for verdict in survey.verdicts
        ],
        "notes": note_objects(survey.notes),
    }


def _csv(results: Sequence[Survey]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for survey in results:
        if isinstance(survey, FileSurvey):
            for one in survey.verdicts:
                found = one.found
                row = (
                    guarded(found.name),
                    found.format,
                    guarded(found.variant or ""),
                    len(found.files),
                    found.nbytes,
                    guarded(one.why),
                )
                writer.writerow((guarded(survey.origin.requested), str(one.chosen).lower(), *row))
    return text.getvalue().rstrip("\n")


_RENDERERS: Mapping[str, Callable[[Sequence[Survey]], str]] = {
    "table": _table,
    "json": _json,
    "markdown": _markdown,
    "csv": _csv,
}
