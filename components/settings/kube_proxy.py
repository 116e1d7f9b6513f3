"""How Services reach their endpoints: IPVS, its successor nftables, or iptables, told apart by `mode`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from fjordkube.settings.base import Settings, with_default_tag
from fjordkube.settings.types import Duration, Whole

Scheduler = Literal["rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq", "lblc", "lblcr", "mh"]
"""IPVS schedulers by the kernel's names (ipvsadm(8)); each is the module ip_vs_<name>."""


class Conntrack(Settings):
    """Connection tracking on every node, never below what a host has; source: kubespray's defaults."""

    max_per_core: Annotated[Whole, Field(ge=0, le=1048576)] = 32768
    """Tracked connections per CPU, e.g. 32768; 0 leaves the kernel's limit."""
    min: Annotated[Whole, Field(ge=16384, le=16777216)] = 131072
    """Least number of tracked connections, whatever the CPUs, e.g. 131072; 16384 (half of a core's share) to 16777216
    (5 GiB of the kernel's memory)."""
    tcp_established_timeout: Duration = "24h"
    """How long an idle established connection stays tracked, e.g. 24h; 0s leaves the kernel's."""
    tcp_close_wait_timeout: Duration = "1h"
    """How long a half-closed connection stays tracked, e.g. 1h."""


class IpvsProxy(Settings):
    """Hash tables in the kernel: constant cost per packet however many Services. Deprecated since Kubernetes 1.35."""

    mode: Literal["ipvs"] = "ipvs"
    """How Services are served: ipvs."""
    scheduler: Scheduler = "rr"
    """How IPVS picks an endpoint, e.g. rr (round robin)."""
    strict_arp: bool = Field(default=False, strict=True)
    """Answer ARP only for a node's own addresses; true where MetalLB or kube-vip announces by ARP."""
    conntrack: Conntrack = Field(default_factory=Conntrack)
    """Connection tracking."""


class NftablesProxy(Settings):
    """nftables maps: IPVS's successor, as fast, without a choice of scheduler. Needs kernel 5.13 and nft 1.0.0."""

    mode: Literal["nftables"] = "nftables"
    """How Services are served: nftables."""
    conntrack: Conntrack = Field(default_factory=Conntrack)
    """Connection tracking."""


class IptablesProxy(Settings):
    """iptables chains: cost grows with the number of Services."""

    mode: Literal["iptables"] = "iptables"
    """How Services are served: iptables."""
    conntrack: Conntrack = Field(default_factory=Conntrack)
    """Connection tracking."""


KubeProxy = Annotated[
    Annotated[IpvsProxy | NftablesProxy | IptablesProxy, Field(discriminator="mode")],
    BeforeValidator(with_default_tag("mode", "ipvs")),
]
"""kube-proxy's modes, told apart by `mode`; ipvs when it is not named."""
