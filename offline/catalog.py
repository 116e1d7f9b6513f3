"""All steps of the build, in the order in which they are best taken."""

from __future__ import annotations

from offline import manifest, programs
from offline.step import Step


def steps() -> list[Step]:
    """Every step for the checkout's manifest."""
    sources = manifest.load()
    return list(programs.steps(sources))
