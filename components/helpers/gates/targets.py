"""The nodes of a gate, as the environment tells them, and what else it asks.

Owns reading FJORDKUBE_NODES (secret: it holds SSH keys), FJORDKUBE_GATE and FJORDKUBE_WAIT; gates/gate.py writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..ssh import Access, listed


@dataclass(frozen=True)
class Target:
    """One node where something is measured."""

    name: str
    address: str
    """On the private network, e.g. 192.168.77.11."""
    interface: str
    """NIC on it, e.g. eth1."""
    access: Access


def targets(env: Mapping[str, str]) -> list[Target]:
    """Every node, in settings' order."""
    return [
        Target(entry["name"], entry["address"], entry["interface"], access)
        for entry, access in listed(env["FJORDKUBE_NODES"])
    ]


def asked(env: Mapping[str, str]) -> dict[str, Any]:
    """What the settings ask of this gate."""
    found: dict[str, Any] = json.loads(env["FJORDKUBE_GATE"])
    return found


def seconds(env: Mapping[str, str]) -> float:
    """How long the gate may wait."""
    return float(env["FJORDKUBE_WAIT"])


def sections(answer: str) -> dict[str, str]:
    """A node's answer of several parts by their names, each begun by a line `== NAME`."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in answer.splitlines():
        if line.startswith("== "):
            name = line[3:]
            found[name] = []
        elif name:
            found[name].append(line)
    return {key: "\n".join(lines) for key, lines in found.items()}
