"""What systemd is told: open-file limits of containerd and the kubelet, containerd's proxy, etcd's disk before the
kubelet, the API's proxy, and the firewall's rules at boot.

Owns the text. Leaves the units of containerd and the kubelet themselves to the packages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CONTAINERD_PATH = "/etc/systemd/system/containerd.service.d/20-fjordkube.conf"
KUBELET_PATH = "/etc/systemd/system/kubelet.service.d/20-fjordkube.conf"
FIREWALL_PATH = "/etc/systemd/system/fjordkube-firewall.service"
FIREWALL_WANT = "/etc/systemd/system/sysinit.target.wants/fjordkube-firewall.service"
"""The link that `systemctl enable` makes; made by hand, because that program would reload systemd for it."""
API_PROXY = "fjordkube-api-proxy.service"
API_PROXY_PATH = f"/etc/systemd/system/{API_PROXY}"
API_PROXY_WANT = f"/etc/systemd/system/multi-user.target.wants/{API_PROXY}"
"""A link as the firewall's."""
API_PROXY_CONFIG = "/etc/fjordkube/api-proxy.cfg"
"""What the proxy is told (api_proxy.py)."""

KUBELET_FILES: Final = (
    "/var/lib/kubelet/config.yaml",
    *("/etc/systemd/system/kubelet.service", "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"),
    "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
)
"""What the kubelet is started with, of kubeadm, of ours and of packages."""

OPEN_FILES = 1048576
"""Open files per process; containers inherit containerd's. nginx with 10240 connections per worker needs about 2 each
plus upstreams; containerd 2 dropped the unlimited setting from its own unit."""


DIRECT: Final = ("localhost", "127.0.0.0/8", "::1", ".svc", "cluster.local")
"""What is never asked through a proxy: the host itself, and names of Services."""


@dataclass(frozen=True)
class Proxy:
    """What containerd pulls images through. Nothing else on a node asks it: neither the kubelet nor a pod."""

    address: str
    """E.g. http://proxy.example.no:3128; without a login."""
    networks: Sequence[str] = ()
    """Reached without it, e.g. 10.1.0.0/24; Go's HTTP client, which is containerd's, reads CIDRs in NO_PROXY."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables by name."""
        direct = ",".join([*DIRECT, *self.networks])
        return {"HTTP_PROXY": self.address, "HTTPS_PROXY": self.address, "NO_PROXY": direct}


def containerd_dropin(proxy: Proxy | None = None) -> str:
    """Limits of containerd and, by inheritance, of every container; how it reaches registries."""
    variables = "".join(f"{_assignment(*each)}\n" for each in proxy.environment.items()) if proxy else ""
    return f"[Service]\nLimitNOFILE={OPEN_FILES}\nTasksMax=infinity\n{variables}"


def _assignment(name: str, value: str) -> str:
    """One variable as systemd.exec(5) reads it: quoted, and no specifier begins with a percent sign of the value's."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'Environment="{name}={escaped}"'


def kubelet_dropin(mount_before: str | None, garbage_collection_percent: int | None = None) -> str:
    """Limits of the kubelet, whose files nobody else reads; `mount_before` (e.g. "/var/lib/etcd") must be mounted
    before it starts.

    Without that, a boot on which etcd's disk is late would start an empty etcd on the root disk.
    """
    unit = f"[Unit]\nRequiresMountsFor={mount_before}\n\n" if mount_before else ""
    collection = f"Environment=GOGC={garbage_collection_percent}\n" if garbage_collection_percent else ""
    # CIS 4.1.1 and 4.1.9. At each start, because kubeadm and packages write them anew; "-": there may be none yet
    modes = f"ExecStartPre=-/bin/chmod --silent 600 {' '.join(KUBELET_FILES)}\n"
    return f"{unit}[Service]\nLimitNOFILE={OPEN_FILES}\n{collection}{modes}"


def api_proxy_unit() -> str:
    """HAProxy beside a haproxy.service of the host's own, which it leaves alone.

    A user of its own that has no name and no rights: the port is no privileged one. ConfigurationDirectory sees to it
    that this user may read the folder whatever root's umask was. SIGUSR2 to its master is a reload: new processes take
    over the socket, old ones keep their connections. An image may carry the unit before there is a configuration.
    """
    return (
        "[Unit]\n"
        "Description=This node's proxy of the Kubernetes API\n"
        f"ConditionPathExists={API_PROXY_CONFIG}\n"
        "After=network.target\n"
        "Before=kubelet.service\n"
        "StartLimitIntervalSec=0\n\n"
        "[Service]\n"
        "Type=notify\n"
        f"ExecStart=/usr/sbin/haproxy -Ws -f {API_PROXY_CONFIG}\n"
        "ExecReload=/bin/kill -USR2 $MAINPID\n"
        "KillMode=mixed\n"
        "SuccessExitStatus=143\n"
        "Restart=always\n"
        "RestartSec=1\n"
        "LimitNOFILE=16384\n"
        "CPUWeight=1000\n"
        "OOMScoreAdjust=-999\n"
        "ConfigurationDirectory=fjordkube\n"
        "DynamicUser=yes\n"
        "CapabilityBoundingSet=\n"
        "RestrictAddressFamilies=AF_INET AF_UNIX\n"
        "PrivateDevices=yes\n"
        "ProtectHome=yes\n"
        "ProtectKernelModules=yes\n"
        "ProtectKernelTunables=yes\n"
        "ProtectControlGroups=yes\n\n"
        "[Install]\n"
        "WantedBy=multi-user.target\n"
    )


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
