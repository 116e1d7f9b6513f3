"""When a release gets no more fixes, from `ends.toml`: a dated table, each project with its source. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class End:
    """The last day of a release."""

    end: date
    extended: date | None = None
    """Last day of a second term for which nobody has to pay; None: there is none."""


def end(project: str, release: str) -> End | None:
    """Of e.g. kubernetes 1.37, debian 13; None: not in the table."""
    entry = _table().get(project, {}).get(release)
    return End(**entry) if entry else None


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("ends.toml").read_text())
