"""One model as it was read, and the scopes of it that a number can be about."""

from memscan.model.against import Against, against_config
from memscan.model.base import Alternative, FileSurvey, Model, Origin, Part, Role
from memscan.model.derived import FORMAT, derive
from memscan.model.logical import part_parameters
from memscan.model.scope import BASE, CHECKPOINT, DECLARED, SCOPES, Scope, Scopes, scopes

__all__ = [
    "BASE",
    "CHECKPOINT",
    "DECLARED",
    "FORMAT",
    "SCOPES",
    "Against",
    "Alternative",
    "FileSurvey",
    "Model",
    "Origin",
    "Part",
    "Role",
    "Scope",
    "Scopes",
    "against_config",
    "derive",
    "part_parameters",
    "scopes",
]
