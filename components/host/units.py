"""What systemd is told: open-file limits of containerd and the kubelet, etcd's disk before the kubelet, and the
firewall's rules at boot.

Owns the text. Leaves the units of containerd and the kubelet themselves to the packages.
"""

from __future__ import annotations

CONTAINERD_PATH = "/etc/systemd/system/containerd.service.d/20-fjordkube.conf"
KUBELET_PATH = "/etc/systemd/system/kubelet.service.d/20-fjordkube.conf"
FIREWALL_PATH = "/etc/systemd/system/fjordkube-firewall.service"
FIREWALL_WANT = "/etc/systemd/system/sysinit.target.wants/fjordkube-firewall.service"
"""The link that `systemctl enable` makes; made by hand, because that program would reload systemd for it."""

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


def firewall_unit(rules: str) -> str:
    """Loads the rules at `rules` before any address is there. Debian's nftables.service empties everything when it
    starts, so this one comes after it. Stopping it changes nothing: a closed node stays closed."""
    return (
        "[Unit]\n"
        "Description=Firewall of this Kubernetes node\n"
        "DefaultDependencies=no\n"
        "Wants=network-pre.target\n"
        "After=nftables.service\n"
        "Before=network-pre.target sysinit.target shutdown.target\n"
        "Conflicts=shutdown.target\n\n"
        "[Service]\n"
        "Type=oneshot\n"
        "RemainAfterExit=yes\n"
        f"ExecStart=/usr/sbin/nft -f {rules}\n\n"
        "[Install]\n"
        "WantedBy=sysinit.target\n"
    )
