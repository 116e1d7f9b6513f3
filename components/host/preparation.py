"""Everything host.sh needs to prepare one node, as one text.

Owns how settings become files and values. Leaves acting on them to scripts/host.sh, wiring to host.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fjordkube.firewall import FirewallPolicy
from fjordkube.host import api_proxy, containerd, firewall, hostnames, modules, sysctls, units
from fjordkube.host.firewall import Existing
from fjordkube.host.paths import ETCD_MOUNT
from fjordkube.settings import IpvsProxy, KubeProxy
from fjordkube.shell import File, shell
from fjordkube.timing import NATIVE, Timing
from fjordkube.versions import MINIMUM_CONTAINERD

if TYPE_CHECKING:
    from fjordkube.host.artifacts import ArtifactsArgs
    from fjordkube.node import Node


@dataclass(frozen=True)
class HostArgs:
    """What one host is prepared from."""

    node: Node
    control_planes: Sequence[Node]
    """The cluster's, in settings' order: the node's proxy leads to them."""
    api_host: str
    """DNS name of the Kubernetes API, e.g. api.fjord.internal."""
    kubernetes_version: str
    """What the node's programs must be, e.g. v1.37.1."""
    sandbox_image: str
    """The pause image on the node, e.g. registry.k8s.io/pause:3.10.2."""
    kube_proxy: KubeProxy = field(default_factory=IpvsProxy)
    """Its mode and scheduler: kernel modules follow."""
    firewall: FirewallPolicy | None = None
    """The rules of nftables on the node; None: none are loaded, and what an earlier run loaded is removed."""
    existing_firewall: Existing = "refuse"
    """What becomes of ufw or firewalld on the node: firewall.existing."""
    front_ports: Sequence[int] = (80, 443)
    """The ingress's: the kernel gives none of them to a program that asks for any port."""
    timing: Timing = NATIVE
    artifacts: ArtifactsArgs | None = None
    """What the node is brought first; None: it must carry everything already."""


def shared_files(sandbox_image: str, proxy: units.Proxy | None = None) -> dict[str, File]:
    """Files that are the same on every node, whatever its name and role: an image may carry them beforehand.

    `proxy`: what containerd pulls images through.
    """
    return {
        containerd.PATH: File(containerd.containerd_config(sandbox_image)),
        containerd.CRICTL_PATH: File(containerd.crictl_config(containerd.CRICTL_TIMEOUT)),
        units.CONTAINERD_PATH: File(units.containerd_dropin(proxy)),
        units.API_PROXY_PATH: File(units.api_proxy_unit()),
    }


def preparation(args: HostArgs) -> str:
    """The bash text that makes a node a Kubernetes host; it asks first and changes nothing on a second run."""
    node, proxy = args.node, args.kube_proxy
    major, minor, _ = MINIMUM_CONTAINERD
    names = modules.modules(proxy.mode, proxy.scheduler if proxy.mode == "ipvs" else None)
    values = {
        "NODE_NAME": node.name,
        "NODE_ADDRESS": node.address,
        "NODE_INTERFACE": node.interface,
        "MODULES": " ".join(names),
        "SYSCTL_PATH": sysctls.PATH,
        "SYSCTL_RULES": sysctls.sysctl_rules(args.front_ports, proxy.conntrack),
        "HOSTS_BLOCK": hostnames.hosts_block(node, args.api_host),
        "KUBERNETES_VERSION": args.kubernetes_version,
        "CONTAINERD_MINIMUM": f"{major}.{minor}",
        "CONTAINERD_FILES": f"{containerd.PATH} {units.CONTAINERD_PATH}",
        "ETCD_DEVICE": node.etcd_device or "",
        "ETCD_MOUNT": ETCD_MOUNT,
        **api_proxy.values(node, args.control_planes, args.api_host, args.timing.api_proxy),
        **firewall.values(node, args.firewall, args.existing_firewall),
    }
    files = {
        **shared_files(args.sandbox_image, args.artifacts.proxy if args.artifacts else None),
        modules.PATH: File(modules.modules_conf(names)),
        units.KUBELET_PATH: File(
            units.kubelet_dropin(
                ETCD_MOUNT if node.etcd_device else None, args.timing.kubelet.garbage_collection_percent
            )
        ),
    }
    return shell(["host"], values, files)
