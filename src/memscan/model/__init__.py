"""One model as it was read, and the scopes of it that a number can be about."""

from memscan.model.base import Alternative, FileSurvey, Model, Origin, Part, Role
from memscan.model.scope import CHECKPOINT, Scope, scopes

__all__ = ["CHECKPOINT", "Alternative", "FileSurvey", "Model", "Origin", "Part", "Role", "Scope", "scopes"]
