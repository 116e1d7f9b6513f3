"""What hosts are asked before anything on them is changed, from settings; pure.

Owns the lists of programs, modules, images and ports. Leaves the bounds to relay/survey/judgement.py and answering to
scripts/survey.sh.
"""

from __future__ import annotations

import json
from typing import Any, Final

from components.bundle import Bundle
from components.host.modules import modules
from components.node import Role
from components.remote import shell
from components.settings import API_PORT, ExistingControlPlane, ExistingNode, ExistingNodes, IpvsProxy, Stack
from components.versions import KUBERNETES

PROGRAMS: Final = (
    *("kubeadm", "kubelet", "kubectl", "containerd", "ctr", "crictl"),
    *("blkid", "conntrack", "curl", "findfs", "flock", "ip", "iptables", "modprobe", "mount", "ss", "systemctl"),
    # with which the gates measure
    *("base64", "nsenter", "ping", "socat", "tcpdump"),
)
"""What every host must have; Debian's packages for them are in docs/sources/existing.md."""

CONTROL_PLANE_IMAGES: Final = {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"}
"""By their names in the bundle: no worker needs them."""

PORTS: Final[dict[Role, tuple[int, ...]]] = {
    "control-plane": (API_PORT, 2379, 2380, 10250, 10257, 10259),
    "worker": (10250,),
}
"""TCP ports that the node's own parts listen on: API, etcd, kubelet, controller manager, scheduler."""

BGP: Final = 179


def question(settings: Stack, bundle: Bundle) -> str:
    """JSON for the relay's verb survey. What a role needs stands there once: a variable of the environment ends at
    128 KiB."""
    nodes = settings.nodes
    assert isinstance(nodes, ExistingNodes)
    control_planes = [address for node in nodes.control_planes if (address := nodes.address_of(node))]
    major, minor, _ = KUBERNETES[settings.kubernetes.version].minimum_containerd
    proxy = settings.kube_proxy
    return json.dumps(
        {
            "kubernetes": settings.kubernetes.version,
            "containerd": [major, minor],
            "servers": [settings.api_host, *sorted(control_planes)],
            "prefix_length": int(str(nodes.private_cidr).partition("/")[2]),
            "modules": modules(proxy.mode, proxy.scheduler if isinstance(proxy, IpvsProxy) else None),
            "roles": {role: _role(role, settings, bundle) for role in ("control-plane", "worker")},
            "hosts": {node.name: {"role": node.role, "etcd": _etcd(node)} for node in nodes.hosts},
        },
        sort_keys=True,
    )


def script() -> str:
    """What answers on a host."""
    return shell(["survey"], {})


def _etcd(node: ExistingNode) -> str:
    return (node.etcd_disk or "root") if isinstance(node, ExistingControlPlane) else ""


def _role(role: Role, settings: Stack, bundle: Bundle) -> dict[str, Any]:
    plane, ingress = role == "control-plane", settings.ingress
    programs = [*PROGRAMS, *(["ipvsadm"] if isinstance(settings.kube_proxy, IpvsProxy) else [])]
    if settings.firewall.host != "never":
        programs.append("nft")
    if plane and settings.gates.enabled and settings.gates.disk.enabled:
        programs.append("fio")
    images = {key: name for key, name in bundle.images.items() if plane or key not in CONTROL_PLANE_IMAGES}
    if ingress.image:
        images.pop("ingress-nginx-controller", None)
    ports = [BGP, *PORTS[role], *(() if plane else (ingress.http_port, ingress.https_port))]
    return {"programs": programs, "images": sorted(images.values()), "ports": [str(port) for port in ports]}
