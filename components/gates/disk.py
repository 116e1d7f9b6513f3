"""The disk gate of one control plane: etcd's disk is fast enough, measured before etcd starts.

Owns what makes it measure again, and its place below the node's host. Leaves the question to questions.py, measuring to
helpers/gates/disk.py and scripts/gate-disk.sh, and the order (after the host, before etcd) to cluster.py.
"""

from __future__ import annotations

import pulumi

from fjordkube.gates.gate import Gate
from fjordkube.gates.questions import disk
from fjordkube.host import Host
from fjordkube.node import Node
from fjordkube.settings import Stack
from fjordkube.timing import Timing


def disk_gate(name: str, node: Node, host: Host, settings: Stack, timing: Timing) -> Gate | None:
    """Resource `name`; None where the settings measure no disks, and on nodes without etcd."""
    if node.role != "control-plane" or not (settings.gates.enabled and settings.gates.disk.enabled):
        return None
    return Gate(
        name,
        disk(settings, timing, node.name),
        nodes=[node],
        triggers=[settings.gates.disk.model_dump_json()],
        # the host mounts the disk
        opts=pulumi.ResourceOptions(parent=host, depends_on=[host.prepared]),
    )
