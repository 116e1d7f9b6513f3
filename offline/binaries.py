"""Programs of the cache that run on this machine: for the engine, for tests against a real API server."""

from __future__ import annotations

from pathlib import Path

from fjordkube.errors import FjordkubeError
from offline import manifest, programs


def path(name: str) -> Path:
    """The built program of that name, e.g. `kube-apiserver`. FjordkubeError if it is unknown or not built yet."""
    for step in programs.steps(manifest.load()):
        if step.name == name:
            if step.done:
                return step.result
            raise FjordkubeError(f"{name}: not in the cache; build it with `python -m offline build {name}`")
    raise FjordkubeError(f"{name}: no program of the offline manifest")
