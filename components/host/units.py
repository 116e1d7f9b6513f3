"""systemd drop-ins of containerd and the kubelet: open-file limits, and etcd's disk before the kubelet.

Owns the text. Leaves the units themselves to the packages.
"""

from __future__ import annotations

CONTAINERD_PATH = "/etc/systemd/system/containerd.service.d/20-fjordkube.conf"
KUBELET_PATH = "/etc/systemd/system/kubelet.service.d/20-fjordkube.conf"

OPEN_FILES = 1048576
"""Open files per process; containers inherit containerd's. nginx with 10240 connections per worker needs about 2 each
plus upstreams; containerd 2 dropped the unlimited setting from its own unit."""


def containerd_dropin() -> str:
    """Limits of containerd and, by inheritance, of every container."""
    return f"[Service]\nLimitNOFILE={OPEN_FILES}\nTasksMax=infinity\n"


def kubelet_dropin(mount_before: str | None, garbage_collection_percent: int | None = None) -> str:
    """Limits of the kubelet; `mount_before` (e.g. "/var/lib/etcd") must be mounted before it starts.

    Without that, a boot on which etcd's disk is late would start an empty etcd on the root disk.
    """
    unit = f"[Unit]\nRequiresMountsFor={mount_before}\n\n" if mount_before else ""
    collection = f"Environment=GOGC={garbage_collection_percent}\n" if garbage_collection_percent else ""
    return f"{unit}[Service]\nLimitNOFILE={OPEN_FILES}\n{collection}"
