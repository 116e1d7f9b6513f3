"""Which addresses a source of the table stands for, and whether the table admits an address to a port.

Owns the translation of names to networks. Leaves NICs, which only the host knows, to `nftables.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, collapse_addresses
from typing import Final

from fjordkube.firewall.table import Protocol, Source, table
from fjordkube.node import Role
from fjordkube.settings import LocalNodes, Stack
from fjordkube.settings.consistency.ranges import GUEST_NETWORK

EVERYBODY: Final = "0.0.0.0/0"


def networks(settings: Stack, source: Source, control_planes: Sequence[str]) -> tuple[str, ...]:
    """Networks of a source, merged and in order, e.g. ("192.168.77.0/24",); empty: it is nobody in this stack.

    `control_planes` are their private addresses. Whoever runs local machines reaches them as 10.0.2.2, an address of
    QEMU's user network, whatever the machine's own: so that network is an administrator and a client.
    """
    given: dict[Source, Sequence[str]] = {
        "control-planes": [f"{address}/32" for address in control_planes],
        "nodes": [settings.nodes.private_cidr],
        "pods": [settings.network.pod_cidr],
        "admins": settings.firewall.admin_cidrs,
        "ingress-clients": settings.firewall.ingress_from,
        "node-port-clients": settings.firewall.node_ports_from,
        "anyone": [EVERYBODY],
    }
    found = [IPv4Network(network) for network in given[source]]
    if source in ("admins", "ingress-clients") and isinstance(settings.nodes, LocalNodes):
        found.append(GUEST_NETWORK)
    # nft refuses a set whose elements overlap
    return tuple(map(str, collapse_addresses(found)))


def admits(
    settings: Stack,
    role: Role,
    address: str,
    port: int,
    protocol: Protocol = "tcp",
    control_planes: Sequence[str] = (),
) -> bool:
    """Whether a machine at `address` may reach that port of a node of that role, as the table says."""
    asking = IPv4Address(address)
    return any(
        rule.to == "node"
        and role in rule.roles
        and rule.protocol == protocol
        and (rule.ports is None or port in rule.ports)
        and any(
            asking in IPv4Network(network)
            for source in rule.sources
            for network in networks(settings, source, control_planes)
        )
        for rule in table(settings)
    )
