"""JSON, schema 1: documented in docs/json.md and in the JSON Schema that the package carries (`memscan/report/schema.json`)."""

import json
from collections.abc import Callable, Mapping, Sequence

from memscan.checkpoint import is_buffer
from memscan.estimate import Report
from memscan.model import CHECKPOINT, Part, Scope, part_parameters
from memscan.note import Note
from memscan.printable import safe_json
from memscan.report.base import Failure
from memscan.report.words import parameters
from memscan.tensor import TensorInfo
from memscan.version import __version__

SCHEMA = 1


def render(results: Sequence[Report | Failure]) -> str:
    """The reports of `results`; see `render_objects`."""
    return render_objects(results, as_object)


def dumps(value: object) -> str:
    """`value` as JSON, in which no name of a stranger orders a CI system about."""
    return safe_json(json.dumps(value, indent=2))


def render_objects(results: Sequence[Report | Failure], as_object: Callable[[Report], Mapping[str, object]]) -> str:
    """One object for one report; for several results, an object that holds the reports and the errors."""
    if len(results) == 1 and isinstance(results[0], Report):
        return dumps(as_object(results[0]))
    several = {
        "schema": SCHEMA,
        "memscan": __version__,
        "reports": [as_object(result) for result in results if isinstance(result, Report)],
        "errors": [error_object(result) for result in results if isinstance(result, Failure)],
    }
    return dumps(several)


def as_object(report: Report) -> dict[str, object]:
    """The report as the JSON object of schema 1."""
    layer = report.largest_layer
    return {
        "schema": SCHEMA,
        "memscan": __version__,
        "target": target(report),
        "checkpoint": _checkpoint(report),
        "components": [_component(part) for part in report.model.parts],
        "placements": [
            {"name": one.name, "bytes": one.nbytes, "basis": one.basis.value, "what": one.what} for one in report.placements
        ],
        "scope": report.scope,
        "scopes": {name: _scope(scope) for name, scope in report.scopes.items()},
        "largest_layer": None if layer is None else {"name": layer.name, "parameters": layer.parameters, "bytes": layer.nbytes},
        "estimates": [
            {
                "dtype": row.dtype,
                "scope": row.scope,
                "stored": row.stored,
                "basis": row.basis.value,
                "largest_layer_bytes": row.largest_layer_bytes,
                "total_bytes": row.total_bytes,
                "training_bytes": row.training_bytes,
            }
            for row in report.estimates
        ],
        "notes": note_objects(report.notes),
    }


def target(report: Report) -> dict[str, object]:
    """Where the model was read, as every JSON output of memscan names it."""
    origin, config = report.model.origin, report.model.config
    return {
        "requested": origin.requested,
        "repo_id": origin.repo_id,
        "revision": origin.revision,
        "commit": origin.commit,
        "library": origin.library,
        "architecture": None if config is None else config.architecture,
        "model_type": None if config is None else config.model_type,
        "quantization": report.model.quantization,
    }


def _checkpoint(report: Report) -> dict[str, object]:
    checkpoint, scope = report.model.checkpoint, report.scopes[CHECKPOINT]
    packed = scope.parameters is None or report.model.quantized is not None
    return {
        "format": checkpoint.format,
        "files": [{"path": shard.path, "size": shard.size, "tensors": shard.tensors} for shard in checkpoint.shards],
        "tensors": len(checkpoint.tensors),
        "parameters": scope.parameters,
        "buffers": None if scope.parameters is None else sum(tensor.elements for tensor in scope.tensors if is_buffer(tensor)),
        "bytes": checkpoint.nbytes,
        "tied": [tensor.name for tensor in checkpoint.tied],
        "training_state_bytes": sum(tensor.nbytes for tensor in checkpoint.optimizer),
        "dtypes": {
            name: {
                "tensors": len(tensors),
                "parameters": None if packed else parameters(tensors),
                "bytes": sum(tensor.nbytes for tensor in tensors),
            }
            for name, tensors in checkpoint.by_dtype().items()
        },
    }


def _component(part: Part) -> dict[str, object]:
    return {
        "name": part.name,
        "role": part.role.value,
        "class": part.class_name,
        "library": part.library,
        "format": part.checkpoint.format,
        "files": [{"path": shard.path, "size": shard.size, "tensors": shard.tensors} for shard in part.checkpoint.shards],
        "tensors": len(part.checkpoint.tensors),
        "parameters": part_parameters(part),
        "bytes": part.checkpoint.nbytes,
        "quantization": part.quantization,
    }


def _scope(scope: Scope) -> Mapping[str, object]:
    # What is stored is measured; of a class, sizes that were found are not its own where others were not.
    known = scope.unknown is None or scope.class_name is None
    parameters_known = known or scope.parameters_known
    return {
        "class": scope.class_name,
        "parameters": scope.parameters if parameters_known else None,
        "parameter_bytes": scope.parameter_bytes if parameters_known else None,
        "buffer_bytes": scope.buffer_bytes if known else None,
        "bytes": scope.nbytes if known else None,
        "unknown": scope.unknown,
        "tied": [_tensor(tensor) for tensor in scope.tied],
        "ignored": [_tensor(tensor) for tensor in scope.ignored],
        "created": [_tensor(tensor) for tensor in scope.created],
    }


def _tensor(tensor: TensorInfo) -> Mapping[str, object]:
    return {"name": tensor.name, "bytes": tensor.nbytes}


def error_object(failure: Failure) -> Mapping[str, object]:
    """A target that could not be read, as every JSON output of memscan names it."""
    return {
        "target": failure.requested,
        "exit_code": failure.code,
        "error": type(failure.error).__name__,
        "message": str(failure.error),
    }


def note_objects(notes: Sequence[Note]) -> list[dict[str, str]]:
    """Notes, as every JSON output of memscan writes them."""
    return [{"code": note.code, "message": note.message} for note in notes]
