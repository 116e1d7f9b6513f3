"""Gate disk: where etcd's data will lie, 99 of 100 fdatasync calls are quick enough, and there are enough of them.

Owns the decision, its words and its figures. etcd answers nobody before its log is on the disk: a slow one is slow API
calls, missed heartbeats and elections. It is the one gate that is measured before there is a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import ssh
from ..errors import HelperError
from ..log import log
from .disk_reading import figures
from .targets import asked, targets
from .waiting import Promise, Unmet, failure

FIX_MISSING = "install it on the node (Debian, Ubuntu: apt-get install fio), or do without: gates.disk.enabled: false"

OFTEN_FALSE = ("virtio", "xen")
"""Transports whose devices call themselves rotational, whatever lies below them."""


def needed(ask: Mapping[str, Any]) -> str:
    """e.g. "fdatasync p99 <= 10 ms and >= 50 IOPS (500 recommended)"."""
    bounds = f"fdatasync p99 <= {ask['fdatasync_p99_ms']} ms and >= {ask['iops']} IOPS"
    return f"{bounds} ({ask['recommended_iops']} recommended), on a local disk, in writes of 2300 bytes"


def disk_unmet(node: str, found: Mapping[str, Any], ask: Mapping[str, Any]) -> list[Unmet]:
    """What does not hold of the disk; empty for one that is fast enough, however it calls itself."""
    if found["refused"]:
        measured = f"{node}: {found['path']} is on {found['file_system']} ({found['refused']}: {found['device']})"
        fix = f"give nodes.control_planes[{node}] a local disk for etcd, or mount one at {found['path']}"
        return [Unmet(f"{measured}, which was not measured", f"{fix}; {_giving_up()}")]
    slow = found["fdatasync_p99_ms"] > ask["fdatasync_p99_ms"]
    if not slow and found["iops"] >= ask["iops"]:
        return []
    fix = f"put etcd on a local NVMe disk: another plan, or an etcd disk of its own, for nodes.control_planes[{node}]"
    again = f"a noisy neighbour: measure again with gates.disk.measurement: {found['measurement'] + 1}"
    return [Unmet(f"{node}: {speed(found)}", f"{fix}; {again}; {_giving_up()}")]


def _giving_up() -> str:
    return "or gates.disk.enforce: never, which gives up the promise"


def speed(found: Mapping[str, Any]) -> str:
    """All that was measured and where, e.g. "p99 23.4 ms, 38 IOPS, dd 120 MB/s of 1024 MiB (ext4 on sda, sata)"."""
    parts = [f"p99 {found['fdatasync_p99_ms']:g} ms", f"{found['iops']:.0f} IOPS"]
    if found["dd_mb_per_s"] is not None:
        parts.append(f"dd {found['dd_mb_per_s']:.0f} MB/s of {found['dd_mib']} MiB")
    where = [f"{found['file_system']} on {found['device']}", *filter(None, [found["transport"], found["model"]])]
    if found["rotational"]:
        false = found["transport"] in OFTEN_FALSE
        where.append("calls itself rotational, as such disks often do" if false else "a rotational disk")
    text = f"{', '.join(parts)} ({', '.join(where)})"
    if found["living"]:
        text += ", beside a living etcd"
    return text + (", measured in an earlier run" if found["cached"] else "")


def disk(env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Measures one node's disk, or finds that it was; its figures. HelperError when a promise is not kept."""
    (target,) = targets(env)
    ask = asked(env)
    answer = ssh.run(target.access.command(folder), env["FJORDKUBE_SCRIPT"], {}, target.name)
    if answer.get("missing"):
        missing = Unmet(f"{target.name}: {answer['missing']} is not there to measure with", FIX_MISSING)
        raise HelperError(failure(Promise("disk", needed(ask)), [missing]))
    found = figures(target.name, answer)
    unmet = disk_unmet(target.name, found, ask)
    if unmet and not ask["reported_only"]:
        raise HelperError(failure(Promise("disk", needed(ask)), unmet))
    if unmet:
        log(f"{unmet[0].measured}; needed: {needed(ask)}; reported only: {ask['reported_only']}")
    else:
        log(f"{target.name}: {speed(found)}")
    return {
        **found,
        "kept": not unmet,
        "reported_only": ask["reported_only"],
        "needed": {name: ask[name] for name in ("fdatasync_p99_ms", "iops", "recommended_iops")},
    }
