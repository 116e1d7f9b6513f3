"""Kernel modules a Kubernetes host needs, and the file that loads them at boot.

Owns the list. Leaves loading and checking to scripts/host.sh.
"""

from __future__ import annotations

PATH = "/etc/modules-load.d/fjordkube.conf"

BASE = ("overlay", "br_netfilter", "nf_conntrack", "ip_set")
"""containerd's snapshots, bridged traffic in netfilter, tracked connections, Felix's sets (every mode: kops#18478)."""

IPVS = ("ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh")
"""What kube-proxy looks for before it accepts `mode: ipvs` (kernels of cloud images may lack them: kubespray#10602)."""

NFTABLES = ("nf_tables",)


def modules(mode: str, scheduler: str | None = None) -> list[str]:
    """Modules for kube-proxy's `mode` ("ipvs", "nftables" or "iptables"), in loading order, without doubles.

    `scheduler` is IPVS's, e.g. "mh": its own module joins the usual three.
    """
    names = list(BASE)
    if mode == "ipvs":
        names += [*IPVS, *([f"ip_vs_{scheduler}"] if scheduler else [])]
    elif mode == "nftables":
        names += NFTABLES
    return list(dict.fromkeys(names))


def modules_conf(names: list[str]) -> str:
    """Text of modules-load.d(5)."""
    return "# Written by fjordkube: loaded at boot, before kube-proxy looks for them.\n" + "\n".join(names) + "\n"
