"""The pod network: Calico with BGP and, unless asked otherwise, no encapsulation."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from fjordkube import versions
from fjordkube.settings.base import Settings
from fjordkube.settings.types import Asn, CalicoVersion, Cidr, Flag, Whole

TunnelMode = Literal["Never", "CrossSubnet", "Always"]
"""Calico's own words for when packets are wrapped."""

VXLAN_MODES: Final[dict[str, TunnelMode]] = {"none": "Never", "vxlan-cross-subnet": "CrossSubnet", "vxlan": "Always"}
"""Calico's vxlanMode by `encapsulation`."""


def _vxlan_mode(earlier: dict[str, Any]) -> TunnelMode:
    return VXLAN_MODES.get(str(earlier.get("encapsulation")), "Never")


class Calico(Settings):
    """Calico's address pool and BGP."""

    version: CalicoVersion = versions.DEFAULT_CALICO
    """Calico version, e.g. v3.28.5; which were run here: docs/artifacts.md."""
    pod_cidr: Cidr = "10.244.0.0/16"
    """Pod addresses, e.g. 10.244.0.0/16; /8 to /24, as kubeadm asks (its node mask is /24), and at least one block for
    each node."""
    block_size: Annotated[Whole, Field(ge=20, le=29)] = 26
    """Prefix length of the blocks that nodes take from the pod range, e.g. 26 (64 addresses; Calico's default). A node
    that fills its block takes another, 20 at most (calico#9462): of /30 they would not hold 110 pods. Cannot be changed
    in a living pool."""
    as_number: Asn = 64512
    """The cluster's BGP AS number, e.g. 64512 (Calico's default, the first private one of RFC 6996)."""
    nat_outgoing: Flag = True
    """Give packets that leave the pod range the node's address; false only where the network routes pod addresses."""
    encapsulation: Literal["none", "vxlan-cross-subnet", "vxlan"] = "none"
    """none: packets leave as they are, full MTU; nodes share a network or have routers that speak BGP.
    vxlan-cross-subnet: wrapped between subnets, 50 bytes less. vxlan: always wrapped, for networks that route each
    machine by itself (NREC, Safespring)."""
    vxlan_mode: TunnelMode = Field(default_factory=_vxlan_mode)
    """Calico's vxlanMode; follows `encapsulation` and is refused when it contradicts."""
    ipip_mode: TunnelMode = "Never"
    """Calico's ipipMode; only Never, because IP-in-IP is not offered."""
    mtu: Annotated[Whole, Field(ge=1280, le=9216)] | None = None
    """MTU of pod interfaces in bytes, e.g. 1500. None: the NIC's, less 50 with VXLAN."""
    node_mesh: Flag = True
    """Every node peers with every other over BGP; fine up to about 100 nodes."""

    @property
    def encapsulated(self) -> bool:
        """Whether any packet between nodes is wrapped."""
        return self.vxlan_mode != "Never"

    @property
    def block_count(self) -> int:
        """Blocks in the pod range; 0 when a block is larger than the range."""
        spare = self.block_size - IPv4Network(self.pod_cidr).prefixlen
        return 2**spare if spare >= 0 else 0
