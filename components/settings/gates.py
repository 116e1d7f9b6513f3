"""The measurements that must hold before `up` says done."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.settings.base import Settings
from components.settings.types import Flag, Whole


class Gates(Settings):
    """Whether and how long to measure."""

    enabled: Flag = True
    """Whether `up` fails when a promise does not hold, e.g. true."""
    timeout_seconds: Annotated[Whole, Field(ge=10, le=7200)] | None = None
    """How long a gate may wait for its promise, in seconds, e.g. 300. None: by pace, 300 native and 1200 emulated."""
