"""Gates: the promises that are measured before `up` says done. One module per gate, wired by gates.py."""

from fjordkube.gates.gates import Gates, GatesArgs

__all__ = ["Gates", "GatesArgs"]
