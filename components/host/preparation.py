"""Everything host.sh needs to prepare one node, as one text.

Owns how settings become files and values. Leaves acting on them to scripts/host.sh, wiring to host.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from fjordkube.host import containerd, firewall, hostnames, modules, sysctls, units
from fjordkube.host.paths import ETCD_MOUNT
from fjordkube.node import Node
from fjordkube.remote import File, shell
from fjordkube.settings import Stack
from fjordkube.timing import Timing
from fjordkube.versions import KUBERNETES

CRICTL_TIMEOUT = 300
"""Seconds; generous, because crictl is what one asks when a node is slow."""


def shared_files(sandbox_image: str) -> dict[str, File]:
    """Files that are the same on every node, whatever its name and role: an image may carry them beforehand."""
    return {
        containerd.PATH: File(containerd.containerd_config(sandbox_image)),
        containerd.CRICTL_PATH: File(containerd.crictl_config(CRICTL_TIMEOUT)),
        units.CONTAINERD_PATH: File(units.containerd_dropin()),
    }


def preparation(node: Node, settings: Stack, timing: Timing, all_nodes: Sequence[Node], sandbox_image: str) -> str:
    """The bash text that makes `node` a Kubernetes host; it asks first and changes nothing on a second run.

    `sandbox_image` is the pause image that lies on the node, e.g. "registry.k8s.io/pause:3.10.2".
    """
    proxy = settings.kube_proxy
    major, minor, _ = KUBERNETES[settings.kubernetes.version].minimum_containerd
    names = modules.modules(proxy.mode, proxy.scheduler if proxy.mode == "ipvs" else None)
    values = {
        "NODE_NAME": node.name,
        "NODE_ADDRESS": node.address,
        "NODE_INTERFACE": node.interface,
        "MODULES": " ".join(names),
        "SYSCTL_PATH": sysctls.PATH,
        "SYSCTL_RULES": sysctls.sysctl_rules(),
        "HOSTS_BLOCK": hostnames.hosts_block(node, all_nodes, settings.api_host),
        "KUBERNETES_VERSION": settings.kubernetes.version,
        "CONTAINERD_MINIMUM": f"{major}.{minor}",
        "CONTAINERD_FILES": f"{containerd.PATH} {units.CONTAINERD_PATH}",
        "ETCD_DEVICE": node.etcd_device or "",
        "ETCD_MOUNT": ETCD_MOUNT,
        **firewall.values(node, settings, all_nodes),
    }
    files = {
        **shared_files(sandbox_image),
        modules.PATH: File(modules.modules_conf(names)),
        units.KUBELET_PATH: File(
            units.kubelet_dropin(ETCD_MOUNT if node.etcd_device else None, timing.kubelet.garbage_collection_percent)
        ),
    }
    return shell(["host"], values, files)
