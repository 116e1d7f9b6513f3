"""Kernel parameters of a Kubernetes host that also serves as a front door.

Owns the table: key, value and how it meets what the host already has. Leaves reading and writing to scripts/host.sh,
and `net.ipv4.vs.*` to kube-proxy, which sets them itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from fjordkube.firewall.table import FIRST_LOCAL_PORT, reserved_ports
from fjordkube.settings.kube_proxy import Conntrack

PATH = "/etc/sysctl.d/90-fjordkube.conf"

Rule = Literal["exact", "raise", "widen", "cores"]
"""exact: this value; raise: this one or the host's higher one; widen: the outer bounds of both ranges; cores: of
"LEAST PER_CORE" the higher one on this host, or the host's own."""


@dataclass(frozen=True)
class Sysctl:
    """One kernel parameter."""

    key: str
    value: str
    rule: Rule
    reason: str


RESERVED: Final = Sysctl(
    "net.ipv4.ip_local_reserved_ports",
    reserved_ports([]),
    "exact",
    "the wide range must not take a listener's port while it restarts: etcd, API, kubelet, Calico, ingress, NodePorts",
)

SYSCTLS = (
    Sysctl("net.ipv4.ip_forward", "1", "exact", "pods are routed, not bridged, out of the node"),
    Sysctl("net.bridge.bridge-nf-call-iptables", "1", "exact", "kubeadm's preflight; bridged pod traffic is filtered"),
    Sysctl("net.bridge.bridge-nf-call-ip6tables", "1", "exact", "the same for IPv6"),
    Sysctl("net.core.somaxconn", "32768", "raise", "accept queue of nginx on host ports (the article's tuning)"),
    Sysctl(
        "net.ipv4.ip_local_port_range", f"{FIRST_LOCAL_PORT} 65000", "widen", "upstream connections of nginx (the same)"
    ),
    RESERVED,
    Sysctl("fs.inotify.max_user_instances", "8192", "raise", "one per watching container runtime task and log reader"),
    Sysctl("fs.inotify.max_user_watches", "524288", "raise", "ConfigMap and Secret volumes are watched by programs"),
    Sysctl("fs.file-max", "1048576", "raise", "open files of all proxies of the node together"),
    Sysctl("vm.overcommit_memory", "1", "exact", "the kubelet's protected default"),
    Sysctl("vm.panic_on_oom", "0", "exact", "the kubelet's protected default: the OOM killer picks a container"),
    Sysctl("kernel.panic", "10", "exact", "the kubelet's protected default, seconds: a dead kernel reboots"),
    Sysctl("kernel.panic_on_oops", "1", "exact", "the kubelet's protected default"),
    Sysctl("kernel.keys.root_maxkeys", "1000000", "exact", "the kubelet's protected default: keyrings of containers"),
    Sysctl("kernel.keys.root_maxbytes", "25000000", "exact", "the same, in bytes"),
)


BUCKET = 4
"""Tracked connections for each bucket of the hash table; kube-proxy's and, for small tables, the kernel's."""


def tracking(least: int, per_core: int) -> list[Sysctl]:
    """Connection tracking, nothing where `per_core` is 0. kube-proxy would set it too, and below what a host has."""
    if not per_core:
        return []
    why = "Services and NAT track each connection; a full table drops new ones"
    return [
        Sysctl("net.netfilter.nf_conntrack_max", f"{least} {per_core}", "cores", why),
        Sysctl(
            "net.netfilter.nf_conntrack_buckets", f"{least // BUCKET} {per_core // BUCKET}", "cores", "the same table"
        ),
    ]


def sysctl_rules(front: Iterable[int] = (), conntrack: Conntrack | None = None) -> str:
    """The table as lines `rule key value`, what scripts/host.sh reads; `front` are the front door's ports."""
    values = {item.key: item.value for item in SYSCTLS} | {RESERVED.key: reserved_ports(front)}
    lines = [f"{item.rule} {item.key} {values[item.key]}" for item in SYSCTLS]
    tracked = tracking(conntrack.min, conntrack.max_per_core) if conntrack else []
    return "\n".join([*lines, *(f"{item.rule} {item.key} {item.value}" for item in tracked)]) + "\n"
