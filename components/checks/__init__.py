"""Gates: the promises that are measured before `up` says done."""

from components.checks.gates import Gates, GatesArgs
from components.checks.promises import promises

__all__ = ["Gates", "GatesArgs", "promises"]
