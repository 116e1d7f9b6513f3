"""Where Pulumi's state really is, beside where the stack file says it is.

Owns which backend is used, what the engine is told of it, and the comparison. State and passphrase are Pulumi's own:
what PULUMI_BACKEND_URL or `pulumi login` has chosen. Source `local` alone has a default, files of this checkout: its
machines are files of this checkout too. Leaves the place of a backend to the declaration (`data.state.location`): that
a bucket lies in Oslo cannot be looked at from here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fjordkube.errors import FjordkubeError, SettingsError
from fjordkube.roots import CHECKOUT, home_root
from fjordkube.settings import LocalNodes, Stack

VARIABLE = "PULUMI_BACKEND_URL"
PASSPHRASE = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
CREDENTIALS = "PULUMI_CREDENTIALS_PATH"
"""Folder of Pulumi's credentials.json; the engine's own variable."""


@dataclass(frozen=True)
class Place:
    """Where one stack's state is."""

    url: str | None = None
    """Backend, e.g. s3://fjord-state; None where nobody has chosen one, or for this checkout's default."""
    of_checkout: bool = False
    """Whether backend and passphrase are this checkout's where the user sets none: source `local` alone."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """For the engine's environment."""


OF_CHECKOUT = Place(of_checkout=True)


def chosen(environment: Mapping[str, str] = os.environ) -> Place:
    """What the engine would take when a person types `pulumi`: the variable, Pulumi.yaml's backend, the login."""
    folder = credentials(environment)
    address = environment.get(VARIABLE) or _project() or _login(folder)
    # Stand-ins have a PULUMI_HOME of their own, so the user's login is passed on; of a service, with its token.
    more = {CREDENTIALS: str(folder)} if address and address.startswith("http") and folder.is_dir() else {}
    return Place(address, variables={VARIABLE: address, **more} if address else {})


def credentials(environment: Mapping[str, str]) -> Path:
    """The folder of the user's credentials.json."""
    home = environment.get("PULUMI_HOME") or Path(environment.get("HOME") or Path.home()) / ".pulumi"
    return Path(environment.get(CREDENTIALS) or home)


def _project() -> str | None:
    declared = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text()).get("backend") or {}
    return declared.get("url") or None


def _login(folder: Path) -> str | None:
    try:
        return json.loads((folder / "credentials.json").read_text()).get("current") or None
    except (OSError, ValueError, AttributeError):
        return None


def url(environment: Mapping[str, str] = os.environ) -> str:
    """The backend of a stack of source `local`, e.g. s3://fjord-state: the user's, else files of this checkout."""
    return environment.get(VARIABLE) or f"file://{home_root().resolve() / 'state'}"


def require(stack: str, place: Place, content: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> None:
    """Raises FjordkubeError where no backend is chosen, or no passphrase is set and the secrets need one.

    `content` is the whole stack file.
    """
    if place.of_checkout:
        return
    if place.url is None:
        raise FjordkubeError(
            f"state: no backend is chosen for stack {stack}; run pulumi login, or set {VARIABLE} (docs/environments.md)"
        )
    if _needs_passphrase(place.url, content) and not has_passphrase(environment):
        raise FjordkubeError(
            f"passphrase: none is set, and the secrets of stack {stack} need one; set {' or '.join(PASSPHRASE)}"
        )


def has_passphrase(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the user has set one; an empty text is one too, as it is to the engine."""
    return PASSPHRASE[0] in environment or bool(environment.get(PASSPHRASE[1]))


def _needs_passphrase(address: str, content: Mapping[str, Any]) -> bool:
    provider = content.get("secretsprovider")
    if provider:
        return bool(provider == "passphrase")
    # a service keeps the key itself
    return "encryptionsalt" in content or not address.startswith("http")


def check(settings: Stack, environment: Mapping[str, str] = os.environ) -> None:
    """Raises SettingsError when the stack file names another backend than the one in use."""
    local = isinstance(settings.nodes, LocalNodes)
    declared, used = settings.data.state.url, url(environment) if local else chosen(environment).url
    if declared is None or used is None or _plain(declared) == _plain(used):
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
