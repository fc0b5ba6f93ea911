"""One model as it was read, and the scopes of it that a number can be about."""

from memscan.model.base import Alternative, FileSurvey, Model, Origin, Part, Role
from memscan.model.logical import part_parameters
from memscan.model.scope import BASE, CHECKPOINT, DECLARED, SCOPES, Scope, Scopes, scopes

__all__ = [
    "BASE",
    "CHECKPOINT",
    "DECLARED",
    "SCOPES",
    "Alternative",
    "FileSurvey",
    "Model",
    "Origin",
    "Part",
    "Role",
    "Scope",
    "Scopes",
    "part_parameters",
    "scopes",
]
