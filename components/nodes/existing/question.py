"""What hosts are asked before anything on them is changed, from settings: the helper's verb survey, as variables.

Owns the lists of programs, modules, images and ports; pure. Leaves the bounds to helpers/survey/judgement.py and
answering to scripts/survey.sh.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from fjordkube.artifacts.places import CONTROL_PLANE_IMAGES, WORKER_IMAGES
from fjordkube.helpers.ssh import with_keys_apart
from fjordkube.host.modules import modules
from fjordkube.nodes.existing.pins import BASTION
from fjordkube.settings import (
    API_PORT,
    API_PROXY_PORT,
    ClusterSettings,
    ExistingControlPlane,
    ExistingNode,
    ExistingNodes,
    IpvsProxy,
)
from fjordkube.settings.consistency.ingress import TAKEN_PORTS
from fjordkube.settings.nodes.node import Role
from fjordkube.shell import shell
from fjordkube.versions import MINIMUM_CONTAINERD

PROGRAMS: Final = (
    *("kubeadm", "kubelet", "kubectl", "containerd", "ctr", "crictl"),
    *("blkid", "conntrack", "curl", "findfs", "flock", "haproxy", "ip", "iptables", "modprobe", "mount", "ss"),
    "systemctl",
    # with which the gates measure
    *("base64", "nsenter", "ping", "socat", "tcpdump"),
)
"""What a host must have to which nothing is brought; where from: docs/artifacts.md."""

BROUGHT: Final = ("kubeadm", "kubelet", "kubectl", "containerd", "containerd-shim-runc-v2", "ctr", "runc", "crictl")
"""Programs that lie in /usr/local/bin where they are brought."""

TO_INSTALL: Final = (
    *("apt-get", "base64", "blkid", "dpkg-query", "findfs", "flock", "mount", "nsenter", "sha256sum", "ss"),
    *("systemctl", "tar"),
)
"""What installing itself stands on: of every Debian and Ubuntu with systemd."""

UNITS: Final = ("containerd", "kubelet")
"""Programs that systemd must know by a unit; scripts/host.sh enables it."""

EVERYWHERE: Final = (179, API_PROXY_PORT, 9099, 10248, 10249, 10250, 10256)
"""TCP ports that parts of every node listen on, loopback alone or not: BGP, API's proxy, Felix, kubelet, kube-proxy."""

PORTS: Final[dict[Role, tuple[int, ...]]] = {
    "control-plane": (API_PORT, 2379, 2380, 2381, 10257, 10259),
    "worker": tuple(sorted(TAKEN_PORTS.keys() - {22, *EVERYWHERE})),
}
"""The same of a role: API, etcd, controller manager, scheduler; the ingress controller beside its clients' ports."""


def environment(nodes: ExistingNodes, cluster: ClusterSettings, images: Mapping[str, str]) -> dict[str, str]:
    """The variables but FJORDKUBE_NODES (`entrances`). `images`: reference by component."""
    return {
        "FJORDKUBE_SURVEY": question(nodes, cluster, images),
        "FJORDKUBE_SCRIPT": shell(["facts", "survey"], {}),
    }


def entrances(nodes: ExistingNodes, pins: Mapping[str, str], key: str, bastion_key: str | None) -> str:
    """Secret. FJORDKUBE_NODES: the hosts and how they are entered, as helpers/gates/targets.py reads them.

    `pins`: see pins.py. By name: another order in the stack file is no change.
    """
    bastion = nodes.ssh.bastion
    through: dict[str, Any] = {}
    if bastion:
        at = {"host": bastion.host, "port": bastion.port, "user": bastion.user}
        through["bastion"] = {**at, "key": bastion_key, "host_key": pins[BASTION]}
    return with_keys_apart([_entrance(host, nodes, key, pins) | through for host in sorted(nodes.hosts, key=_name)])


def _name(host: ExistingNode) -> str:
    return host.name


def _entrance(host: ExistingNode, nodes: ExistingNodes, key: str, pins: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": host.name,
        "address": nodes.address_of(host),
        "interface": host.interface or nodes.interface,
        "host": nodes.host_of(host),
        "port": nodes.port_of(host),
        "user": nodes.user_of(host),
        "key": key,
        "host_key": pins[host.name],
        "sudo": becomes_root(host, nodes),
    }


def becomes_root(host: ExistingNode, nodes: ExistingNodes) -> bool:
    """Whether the host's user is not root."""
    return nodes.ssh.sudo and nodes.user_of(host) != "root"


def question(nodes: ExistingNodes, settings: ClusterSettings, images: Mapping[str, str]) -> str:
    """What is asked, as JSON. What a role needs stands there once: a variable of the environment ends at 128 KiB."""
    control_planes = [address for node in nodes.control_planes if (address := nodes.address_of(node))]
    major, minor, _ = MINIMUM_CONTAINERD
    proxy = settings.kube_proxy
    return json.dumps(
        {
            "kubernetes": settings.kubernetes.version,
            "containerd": [major, minor],
            "servers": [settings.cluster.api_host, *sorted(control_planes)],
            "prefix_length": int(str(nodes.private_cidr).partition("/")[2]),
            "units": list(UNITS),
            "firewall": settings.firewall.existing,
            "install": settings.artifacts.install,
            "own_ports": [str(API_PROXY_PORT)],
            "own_programs": list(BROUGHT) if settings.artifacts.install else [],
            "modules": modules(proxy.mode, proxy.scheduler if isinstance(proxy, IpvsProxy) else None),
            "roles": {role: _role(role, settings, images) for role in ("control-plane", "worker")},
            "hosts": {node.name: {"role": node.role, "etcd": _etcd(node)} for node in nodes.hosts},
        },
        sort_keys=True,
    )


def _etcd(node: ExistingNode) -> str:
    return (node.etcd_disk or "root") if isinstance(node, ExistingControlPlane) else ""


def _role(role: Role, settings: ClusterSettings, bundled: Mapping[str, str]) -> dict[str, Any]:
    plane, ingress = role == "control-plane", settings.ingress
    ports = [*EVERYWHERE, *PORTS[role], *(() if plane else (ingress.http_port, ingress.https_port))]
    if settings.artifacts.install:
        return {"programs": list(TO_INSTALL), "images": [], "ports": [str(port) for port in ports]}
    programs = [*PROGRAMS, *(["ipvsadm"] if isinstance(settings.kube_proxy, IpvsProxy) else [])]
    if settings.firewall.host != "never":
        programs.append("nft")
    if plane and settings.gates.enabled and settings.gates.disk.enabled:
        programs.append("fio")
    elsewhere = WORKER_IMAGES if plane else CONTROL_PLANE_IMAGES
    images = {key: name for key, name in bundled.items() if key not in elsewhere}
    if ingress.image:
        images.pop("ingress-nginx-controller", None)
    return {"programs": programs, "images": sorted(images.values()), "ports": [str(port) for port in ports]}
