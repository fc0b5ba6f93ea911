"""One model as it was read, and the scopes of it that a number can be about."""

from memscan.model.base import Model, Origin
from memscan.model.scope import CHECKPOINT, Scope, scopes

__all__ = ["CHECKPOINT", "Model", "Origin", "Scope", "scopes"]
