"""A virtual machine's disks and power, made and deleted: the helper's verbs, asked by MACHINE_* variables (spec.py)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import computer, disk, power
from .spec import Disk, Power, Spec, from_environment


def make_disk(env: Mapping[str, str], _folder: Path) -> dict[str, Any]:
    """Makes or completes disks, keys and ports; ports and the host key's public line."""
    return disk.create(_asked(Disk, env))


def delete_disk(env: Mapping[str, str], _folder: Path) -> dict[str, Any]:
    """Removes the machine and everything on it."""
    disk.delete(_asked(Disk, env))
    return {}


def power_on(env: Mapping[str, str], _folder: Path) -> dict[str, Any]:
    """Starts the machine and waits for SSH; its identity."""
    return power.create(_asked(Power, env))


def power_off(env: Mapping[str, str], _folder: Path) -> dict[str, Any]:
    """Stops the machine."""
    power.delete(_asked(Power, env))
    return {}


def _asked(kind: type[Spec], env: Mapping[str, str]) -> Spec:
    """What is asked of a machine on this computer. HelperError where it is on another."""
    os.umask(0o077)  # disks and keys are nobody else's
    spec = from_environment(kind, env)
    computer.require(spec.name, spec.computer)
    return spec
