"""What nodes are asked: the helper's verb health, as variables of its environment. Leaves answering to
scripts/health.sh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

from fjordkube.health.api import NAMESPACES
from fjordkube.helpers.ssh import with_keys_apart
from fjordkube.host.paths import ETCD_MOUNT
from fjordkube.host.units import API_PROXY, FIREWALL_PATH
from fjordkube.shell import shell

UNITS: Final = ("containerd.service", "kubelet.service", API_PROXY, PurePath(FIREWALL_PATH).name)
DISKS: Final = ("/", "/var/lib/containerd", ETCD_MOUNT)

ANSWER_SECONDS: Final = 15
"""For one answer of etcd or the API; a whole node has longer (helpers/health.py)."""


def environment(entrances: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Secret, because of the SSH keys. `entrances`: nodes as `Access.from_entry` reads them, each with its key."""
    values = {
        "UNITS": " ".join(UNITS),
        "DISKS": " ".join(DISKS),
        "NAMESPACES": " ".join(NAMESPACES),
        "PATIENCE": str(ANSWER_SECONDS),
    }
    return {
        "FJORDKUBE_NODES": with_keys_apart(entrances),
        "FJORDKUBE_SCRIPT": shell(["facts", "bird", "health"], values),
    }
