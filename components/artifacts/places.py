"""Where artifacts lie on a node, and which packages bring which programs. Pure.

Owns the folder with its versions side by side, the links into it, and the packages' names. Leaves laying down to
scripts/artifacts.sh.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FOLDER: Final = "/opt/fjordkube"
"""FOLDER/<component>/<version>/<program>; a link in the component's folder of `LINKS` names the version in use."""

LINKS: Final[Mapping[str, str]] = {
    "kubernetes": "/usr/local/bin",
    "containerd": "/usr/local/bin",
    "runc": "/usr/local/bin",
    "cri-tools": "/usr/local/bin",
    "cni-plugins": "/opt/cni/bin",
    "calico-cni": "/opt/cni/bin",
}
"""Folder of the links to a component's programs."""

BY_PODS: Final = tuple(
    f"/opt/cni/bin/{name}"
    for name in (
        "bandwidth",
        "calico",
        "calico-ipam",
        "flannel",
        "host-local",
        "install",
        "loopback",
        "portmap",
        "tuning",
    )
)
"""What pods of Calico's own images lay down on their node: each file of the image's folder (cni-plugin/pkg/install)."""

PACKAGES: Final[Mapping[str, str]] = {
    "blkid": "util-linux",
    "conntrack": "conntrack",
    "curl": "curl",
    "ethtool": "ethtool",
    "fio": "fio",
    "haproxy": "haproxy",
    "ip": "iproute2",
    "ipset": "ipset",
    "iptables": "iptables",
    "ipvsadm": "ipvsadm",
    "modprobe": "kmod",
    "mount": "mount",
    "nft": "nftables",
    "ping": "iputils-ping",
    "socat": "socat",
    "tcpdump": "tcpdump",
}
"""Package by program: those that a cloud image may lack. Debian 12 and 13 and Ubuntu 22.04 to 26.04 name them alike."""

CONTROL_PLANE_PACKAGES: Final = frozenset({"fio"})
"""Of those, what control planes alone need: etcd's disk is measured with it, and it brings some 60 more."""

CONTROL_PLANE_IMAGES: Final = frozenset({"kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"})
"""By their names in `Images.references`: no worker needs them."""

WORKER_IMAGES: Final = frozenset({"ingress-nginx-controller"})
"""No control plane needs them: their pods tolerate no taint of it."""
