"""Gate disk: etcd's disk on one control plane is fast enough, measured before etcd starts.

Owns its question, its row, what makes it measure again, and its place below the node's host. Leaves measuring to
helpers/gates/disk.py and scripts/gate-disk.sh, and the order (after the host, before etcd) to cluster.py.
"""

from __future__ import annotations

import pulumi

from fjordkube.gates.common import Figures, Question, Row, row
from fjordkube.gates.gate import Gate
from fjordkube.host.host import Host
from fjordkube.host.paths import ETCD_DATA, ETCD_MOUNT
from fjordkube.node import Node
from fjordkube.settings import Gates
from fjordkube.shell import shell
from fjordkube.timing import Timing

CACHE = "/var/lib/fjordkube/disk.json"
"""On the node; outlives a reset, as the disk does."""

DD_MIB = {"native": 1024, "emulated": 64}
"""What dd writes: the article's 1 GiB, and less where nothing is decided by it."""

LIMIT_SECONDS = {"native": 120, "emulated": 10}
"""That each of the two measurements may take: at 50 IOPS, 6000 of fio's 10029 writes."""


def disk_gate(name: str, node: Node, host: Host, gates: Gates, timing: Timing) -> Gate | None:
    """Resource `name`; None where the settings measure no disks, and on nodes without etcd."""
    if node.role != "control-plane" or not (gates.enabled and gates.disk.enabled):
        return None
    return Gate(
        name,
        question(gates, timing, node.name),
        nodes=[node],
        triggers=[gates.disk.model_dump_json()],
        # the host mounts the disk
        opts=pulumi.ResourceOptions(parent=host, depends_on=[host.prepared]),
    )


def question(gates: Gates, timing: Timing, node: str) -> Question:
    """About the disk under etcd on control plane `node`."""
    bounds = gates.disk
    asked = {
        "fdatasync_p99_ms": bounds.fdatasync_p99_ms,
        "iops": bounds.iops,
        "recommended_iops": bounds.recommended_iops,
        "reported_only": _reported_only(gates, timing),
    }
    values = {
        "NODE_NAME": node,
        "ETCD_MOUNT": ETCD_MOUNT,
        "ETCD_DATA": ETCD_DATA,
        "CACHE": CACHE,
        "MEASUREMENT": str(bounds.measurement),
        "DD_MIB": str(DD_MIB[timing.name]),
        "LIMIT_SECONDS": str(LIMIT_SECONDS[timing.name]),
    }
    return Question("disk", asked, shell(["gate-disk"], values))


def _reported_only(gates: Gates, timing: Timing) -> str:
    """Why a slow disk does not fail `up`; empty where it does."""
    match gates.disk.enforce:
        case "never":
            return "gates.disk.enforce is never"
        case "auto" if timing.name == "emulated":
            return "emulated"
    return ""


def rows(found: Figures) -> list[Row]:
    """One row, from figures by control plane: of one that was refused, else of the slowest."""
    node, worst = max(found.items(), key=lambda each: _slowness(each[1]))
    bounds = worst["needed"]
    needed = f"p99 <= {bounds['fdatasync_p99_ms']} ms, >= {bounds['iops']} IOPS"
    needed += f" ({bounds['recommended_iops']} recommended)"
    where = f"{node}, {worst['file_system']} on {worst['device']}"
    if worst["refused"]:
        measured = f"not measured: {worst['refused']} ({where})"
    else:
        measured = f"p99 {worst['fdatasync_p99_ms']:.3g} ms, {worst['iops']:.0f} IOPS"
        if worst["dd_mb_per_s"] is not None:
            measured += f", dd {worst['dd_mb_per_s']:.0f} MB/s"
        measured += f" ({where})"
    if len(found) > 1:
        measured = f"worst of {len(found)}: {measured}"
    if not (worst["kept"] or worst["refused"]):
        measured += "; too slow"
    elif worst["kept"] and worst["iops"] < bounds["recommended_iops"]:
        measured += "; enough, but not for a busy cluster"
    if worst["reported_only"]:
        measured += f"; reported only: {worst['reported_only']}"
    return [row("etcd's disk", measured, needed)]


def _slowness(found: Figures) -> tuple[bool, bool, float, float]:
    if found["refused"]:
        return True, True, 0.0, 0.0
    return False, not found["kept"], found["fdatasync_p99_ms"], -found["iops"]
