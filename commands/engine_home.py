"""A PULUMI_HOME for official plugins: the user's own by links, but for the engine's log of every run.

Owns that folder in this checkout. The user's own is left as it is: plugins that the engine downloads land there, and
credentials are read and written there. Leaves the stand-ins' home to offline/plugins/installation.py.
"""

from __future__ import annotations

import os
from pathlib import Path

from commands.backend import CREDENTIALS
from offline.plugins.installation import without_logs

LOGS = "logs"


def users() -> Path:
    """The user's own PULUMI_HOME."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi").expanduser().resolve()


def quiet(own: Path, place: Path) -> dict[str, str]:
    """Variables for an engine that writes no log; `place` is made what it has to be, cheaply before every run."""
    (own / "plugins").mkdir(parents=True, exist_ok=True)
    place.mkdir(parents=True, exist_ok=True)
    for entry in place.iterdir():
        if entry.is_symlink() and not entry.exists():
            entry.unlink()
    for entry in own.iterdir():
        link = place / entry.name
        if entry.name != LOGS and not os.path.lexists(link):
            link.symlink_to(entry)
    without_logs(place / LOGS)
    return {"PULUMI_HOME": str(place), CREDENTIALS: os.environ.get(CREDENTIALS) or str(own)}
