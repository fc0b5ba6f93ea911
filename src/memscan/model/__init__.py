"""One model as it was read, and the scopes of it that a number can be about.

What of it disagrees with its config is in a file of its own, `against`: a scan does not ask for it.
"""

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
    "Alternative",
    "FileSurvey",
    "Model",
    "Origin",
    "Part",
    "Role",
    "Scope",
    "Scopes",
    "derive",
    "part_parameters",
    "scopes",
]
