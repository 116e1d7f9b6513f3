"""Which addresses a source of the table stands for, and whether the table admits an address to a port.

Owns the translation of names to networks. Leaves NICs, which only the host knows, to `nftables.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, collapse_addresses
from typing import Final

from fjordkube.firewall.policy import FirewallPolicy
from fjordkube.firewall.table import Protocol, Source, table
from fjordkube.settings.nodes.node import Role

EVERYBODY: Final = "0.0.0.0/0"


def networks(policy: FirewallPolicy, source: Source) -> tuple[str, ...]:
    """Networks of a source, merged and in order, e.g. ("192.168.77.0/24",); empty: it is nobody in this cluster."""
    given: dict[Source, Sequence[str]] = {
        "control-planes": [f"{address}/32" for address in policy.control_planes],
        "nodes": policy.node_networks,
        "pods": [policy.pod_cidr],
        "admins": policy.admin_cidrs,
        "ingress-clients": policy.ingress_from,
        "node-port-clients": policy.node_ports_from,
        "anyone": [EVERYBODY],
    }
    # nft refuses a set whose elements overlap
    return tuple(map(str, collapse_addresses(map(IPv4Network, given[source]))))


def admits(policy: FirewallPolicy, role: Role, address: str, port: int, protocol: Protocol = "tcp") -> bool:
    """Whether a machine at `address` may reach that port of a node of that role, as the table says."""
    asking = IPv4Address(address)
    return any(
        rule.to == "node"
        and role in rule.roles
        and rule.protocol == protocol
        and (rule.ports is None or port in rule.ports)
        and any(asking in IPv4Network(network) for source in rule.sources for network in networks(policy, source))
        for rule in table(policy)
    )
