"""One environment: everything a stack file can say.

Owns the whole. A `Stack` that exists is consistent: `consistency/` is asked on every construction, by `load` or by
another program.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from fjordkube.settings.cluster_settings import ClusterSettings
from fjordkube.settings.consistency import Inconsistent, findings
from fjordkube.settings.data import Data
from fjordkube.settings.nodes import LocalNodes, Nodes


class Stack(ClusterSettings):
    """A cluster and the machines that it is made on. Every field has a default, so `{}` is a valid stack."""

    nodes: Nodes = Field(default_factory=LocalNodes)
    """Where nodes come from, and which."""
    data: Data = Field(default_factory=Data)
    """Where the stack's state, backups and images are."""

    @model_validator(mode="after")
    def _consistent(self) -> Stack:
        found = findings(self)
        if found:
            raise Inconsistent(found)
        return self
