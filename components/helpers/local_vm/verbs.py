"""A virtual machine's disks and power, made and deleted: the helper's verbs, asked by MACHINE_* variables (spec.py)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import disk, power
from .spec import Disk, Power, from_environment


def make_disk(env: Mapping[str, str], _folder: Path) -> dict[str, Any]:
    """Makes or completes disks, keys and ports; ports and the host key's public line."""
    _private()
    return disk.create(from_environment(Disk, env))


def delete_disk(env: Mapping[str, str], _folder: Path) -> dict[str, Any]:
    """Removes the machine and everything on it."""
    _private()
    disk.delete(from_environment(Disk, env))
    return {}


def power_on(env: Mapping[str, str], _folder: Path) -> dict[str, Any]:
    """Starts the machine and waits for SSH; its identity."""
    _private()
    return power.create(from_environment(Power, env))


def power_off(env: Mapping[str, str], _folder: Path) -> dict[str, Any]:
    """Stops the machine."""
    _private()
    power.delete(from_environment(Power, env))
    return {}


def _private() -> None:
    os.umask(0o077)  # disks and keys are nobody else's
