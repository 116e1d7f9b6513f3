"""Where Pulumi's state really is, beside where the stack file says it is.

Owns which backend is used and the comparison. Leaves the place of a backend to the declaration (`data.state.location`):
that a bucket lies in Oslo cannot be looked at from here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from fjordkube.errors import SettingsError
from fjordkube.roots import home_root
from fjordkube.settings import Stack

VARIABLE = "PULUMI_BACKEND_URL"


def url(environment: Mapping[str, str] = os.environ) -> str:
    """The backend that the engine is given, e.g. s3://fjord-state: the user's, else files of this checkout."""
    return environment.get(VARIABLE) or f"file://{home_root().resolve() / 'state'}"


def check(settings: Stack, environment: Mapping[str, str] = os.environ) -> None:
    """Raises SettingsError when the stack file names another backend than the one in use."""
    declared, used = settings.data.state.url, url(environment)
    if declared is None or _plain(declared) == _plain(used):
        return
    # a backend's address may carry a login, as postgres:// does
    shown = _plain(used) if "@" not in used else f"one of scheme {used.partition('://')[0]}"
    raise SettingsError(
        [
            f"data.state.url: the file says {_plain(declared)}, and the backend in use is {shown}; "
            f"set {VARIABLE} to the declared one, or declare the one in use"
        ]
    )


def _plain(address: str) -> str:
    # ?region= and its like say how a bucket is reached, and not which it is
    return address.partition("?")[0].rstrip("/")
