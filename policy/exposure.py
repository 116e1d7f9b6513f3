"""Rule `no-public-ports`: SSH, BGP, etcd and the kubelet are not open to the whole Internet, in any stack.

Judges UpCloud's firewall rules, a list that is tried in order, and OpenStack's security group rules, each of which
opens something. Leaves nftables on the nodes to the program that renders it: it is text in a command here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from policy.resource import Resource, Rule, given

CLOSED: Final = {22: "SSH", 179: "BGP", 2379: "etcd", 2380: "etcd's peers", 10250: "the kubelet"}
"""TCP ports that nobody outside has business with."""

WIDE: Final = {4: 2**24, 6: 2**112}
"""Addresses from which on a range is the whole Internet for us, by IP version: a /8 of IPv4 and a /16 of IPv6. Two /1
open as much as one /0."""

FIREWALL: Final = "upcloud:index/serverFirewallRules:ServerFirewallRules"
GROUP_RULE: Final = "openstack:networking/secGroupRule:SecGroupRule"
ANYBODY: Final = {"IPv4": "0.0.0.0/0", "IPv6": "::/0"}


def open_ports(resource: Resource) -> Iterator[str]:
    """Every closed port that the resource opens to everybody."""
    if resource.type == FIREWALL:
        yield from _firewall(list(resource.inputs.get("firewallRules") or []))
    elif resource.type == GROUP_RULE:
        yield from _group_rule(resource.inputs)


def _firewall(rules: list[Mapping[str, Any]]) -> Iterator[str]:
    for port, what in CLOSED.items():
        for family in ANYBODY:
            found = next((entry for entry in rules if _decides(entry, port, family)), None)
            if found is None:
                yield f"no rule closes port {port} ({what}) for {family}; end the list with a rule that drops all"
            elif found.get("action") != "drop":
                yield f"port {port} ({what}) is open to {ANYBODY[family]}; name the networks that may reach it"


def _decides(entry: Mapping[str, Any], port: int, family: str) -> bool:
    """Whether that rule is the answer to a TCP packet to `port` from anywhere."""
    if entry.get("direction") != "in" or entry.get("protocol") not in (None, "", "tcp"):
        return False
    if entry.get("family") not in (None, "", family) or entry.get("sourcePortStart"):
        return False
    first, last = entry.get("destinationPortStart"), entry.get("destinationPortEnd")
    if first and not int(first) <= port <= int(last or first):
        return False
    start = entry.get("sourceAddressStart")
    if not start:
        return True
    low, high = ip_address(str(start)), ip_address(str(entry.get("sourceAddressEnd") or start))
    if entry.get("action") == "drop":
        # a drop of a part leaves the rest open
        return bool(int(high) - int(low) + 1 == 2**low.max_prefixlen)
    return _wide(low, high)


def _wide(low: IPv4Address | IPv6Address, high: IPv4Address | IPv6Address) -> bool:
    # fc00::/7, IPv6's private addresses
    local = low.version == 6 and int(low) >> 121 == int(high) >> 121 == 0xFC >> 1
    return not local and int(high) - int(low) + 1 > WIDE[low.version]


def _group_rule(inputs: Mapping[str, Any]) -> Iterator[str]:
    if inputs.get("direction") != "ingress" or str(inputs.get("protocol") or "tcp") not in ("tcp", "6", "any"):
        return
    # a group that is made in the same run has no id yet
    if given(inputs, "remoteGroupId") or given(inputs, "remoteAddressGroupId"):
        return
    prefix = inputs.get("remoteIpPrefix")
    if prefix:
        network = ip_network(str(prefix), strict=False)
        if not _wide(network[0], network[-1]):
            return
    first, last = inputs.get("portRangeMin"), inputs.get("portRangeMax")
    for port, what in CLOSED.items():
        if not first or int(first) <= port <= int(last or first):
            source = prefix or ANYBODY[str(inputs.get("ethertype") or "IPv4")]
            yield f"port {port} ({what}) is open to {source}; name the networks that may reach it"


RULES: Final = (
    Rule(
        "no-public-ports",
        "SSH, BGP, etcd and the kubelet are closed to the Internet.",
        (FIREWALL, GROUP_RULE),
        open_ports,
    ),
)
