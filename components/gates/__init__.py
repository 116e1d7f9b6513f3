"""Gates: the promises that are measured before `up` says done."""

from fjordkube.gates.gates import Gates, GatesArgs
from fjordkube.gates.promises import promises

__all__ = ["Gates", "GatesArgs", "promises"]
