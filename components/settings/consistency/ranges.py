"""Addresses: ranges that must not overlap, that nobody may use, and that hold what lies outside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from itertools import combinations
from typing import Final

from fjordkube.settings.consistency.finding import ADMINS, PODS, PRIVATE, SERVICES, Finding, Path, dotted, placed
from fjordkube.settings.nodes import AnyNodes, ExistingNode, ExistingNodes, LocalNodes

GUEST_NETWORK: Final = IPv4Network("10.0.2.0/24")
"""QEMU's user network, by which the host reaches a local machine (QEMU's default)."""

EVERYBODY: Final = IPv4Network("0.0.0.0/0")

UNUSABLE: Final = {
    IPv4Network("0.0.0.0/8"): '"this network"',
    IPv4Network("127.0.0.0/8"): "loopback",
    IPv4Network("169.254.0.0/16"): "link-local",
    IPv4Network("224.0.0.0/4"): "multicast",
    IPv4Network("240.0.0.0/4"): "reserved (class E)",
}
"""Networks whose addresses no machine can have (IANA's special-purpose registry, RFC 6890)."""

_FAMILIAR: Final = tuple(
    map(
        IPv4Network,
        ("10.244.0.0/16", "10.96.0.0/12", "192.168.77.0/24", "172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8"),
    )
)


def of_cluster(services: str, pods: str, admins: Sequence[str], taken: Sequence[str] = ()) -> Iterator[Finding]:
    """What holds between ranges whatever the nodes are; `admins` are firewall.admin_cidrs, and of `taken` none is
    offered instead."""
    ranges = {SERVICES: IPv4Network(services), PODS: IPv4Network(pods)}
    for path, network in ranges.items():
        yield from _has_usable_addresses(path, network, ranges)
        yield from _no_administrator_lies_in(path, network, admins)
    yield from _do_not_overlap(ranges, [*ranges.values(), *map(IPv4Network, taken)])


def of_nodes(services: str, pods: str, admins: Sequence[str], nodes: AnyNodes) -> Iterator[Finding]:
    """What holds between ranges and nodes."""
    private = IPv4Network(nodes.private_cidr)
    # the later one of two is to change: pods before Services, Services before nodes
    ranges = {PRIVATE: private, SERVICES: IPv4Network(services), PODS: IPv4Network(pods)}
    if isinstance(nodes, LocalNodes):
        for path, network in ranges.items():
            if network.overlaps(GUEST_NETWORK):
                state = f"{network} {_relation(network, GUEST_NETWORK)} {GUEST_NETWORK}, QEMU's own network in each"
                yield Finding((path,), f"{state} machine", f"use {_free(network.prefixlen, list(ranges.values()))}")
    yield from _has_usable_addresses(PRIVATE, private, ranges)
    for path in (SERVICES, PODS):
        yield from _do_not_overlap({PRIVATE: private, path: ranges[path]}, list(ranges.values()))
    yield from _nodes_are_no_administrators(nodes, admins)
    for path in (SERVICES, PODS):
        yield from _no_host_lies_in(path, ranges[path], nodes)


def _do_not_overlap(ranges: Mapping[Path, IPv4Network], every: Sequence[IPv4Network]) -> Iterator[Finding]:
    for first, second in combinations(ranges, 2):
        one, other = ranges[first], ranges[second]
        if one.overlaps(other):
            state = f"{other} {_relation(other, one)} {dotted(first)} {one} ({one[0]} to {one[-1]})"
            taken = [network for network in every if network is not other]
            yield Finding((second, first), state, f"use a range outside it, e.g. {_free(other.prefixlen, taken)}")


def _relation(network: IPv4Network, other: IPv4Network) -> str:
    if network == other:
        return "is the same as"
    return "lies inside" if network.subnet_of(other) else "holds all of"


def _free(prefix: int, taken: Sequence[IPv4Network]) -> str:
    """A private network of that length that overlaps none of `taken`, preferring the familiar defaults."""
    busy = [*taken, GUEST_NETWORK]
    for candidate in _FAMILIAR:
        if candidate.prefixlen > prefix:
            continue
        step = 2 ** (32 - prefix)
        start, end = int(candidate[0]), int(candidate[-1])
        while start + step - 1 <= end:
            network = IPv4Network((start, prefix))
            hit = next((other for other in busy if network.overlaps(other)), None)
            if hit is None:
                return str(network)
            # jump past what is in the way
            start = max(start + step, -(-(int(hit[-1]) + 1) // step) * step)
    return "a smaller range in 10.0.0.0/8"


def _has_usable_addresses(path: Path, network: IPv4Network, ranges: Mapping[Path, IPv4Network]) -> Iterator[Finding]:
    for unusable, what in UNUSABLE.items():
        if network.overlaps(unusable):
            state = f"{network} {_relation(network, unusable)} {unusable}, which is {what}"
            taken = [other for place, other in ranges.items() if place != path]
            yield Finding((path,), state, f"use a private range, e.g. {_free(max(network.prefixlen, 16), taken)}")


def _no_administrator_lies_in(path: Path, network: IPv4Network, admins: Sequence[str]) -> Iterator[Finding]:
    for admin in map(IPv4Network, admins):
        # what is open to everybody was said so, and the policy pack judges it
        if admin != EVERYBODY and admin.overlaps(network):
            why = "so that every pod may enter the nodes by SSH" if path == PODS else "which exists in the cluster only"
            state = f"{admin} {_relation(admin, network)} {dotted(path)} {network}, {why}"
            yield Finding((ADMINS, path), state, "name the administrators' own networks alone, e.g. 203.0.113.0/24")


def _nodes_are_no_administrators(nodes: AnyNodes, admins: Sequence[str]) -> Iterator[Finding]:
    # a pod that talks to another node comes with its own node's address (network.nat_outgoing); an address of the
    # private network that is no node's, such as a bastion's, may well be an administrator's
    addresses = [(node.name, IPv4Address(address)) for _, node in placed(nodes) if (address := nodes.address_of(node))]
    for admin in map(IPv4Network, admins):
        if admin == EVERYBODY:
            continue
        found = next((name for name, address in addresses if address in admin), None)
        if found:
            state = f"{admin} holds the private address of {found}, with which its pods go out: each may enter by SSH"
            fix = f"name networks outside nodes.private_cidr {nodes.private_cidr}, or single addresses that no node has"
            yield Finding((ADMINS, PRIVATE), state, fix)


def _no_host_lies_in(path: Path, network: IPv4Network, nodes: AnyNodes) -> Iterator[Finding]:
    for field, address in _outside(nodes):
        if address in network:
            state = f"{address} lies in {dotted(path)} {network}, and the cluster would keep what is sent there"
            yield Finding((field, path), state, f"use another {dotted(path)}, or the host's own address")


def _outside(nodes: AnyNodes) -> Iterator[tuple[Path, IPv4Address]]:
    """Addresses that the file gives to machines beside their private ones."""
    if not isinstance(nodes, ExistingNodes):
        return
    given: list[tuple[Path, str | None]] = []
    for path, node in placed(nodes):
        assert isinstance(node, ExistingNode)
        given += [((*path, "host"), node.host), ((*path, "public_address"), node.public_address)]
    if nodes.ssh.bastion:
        given.append((("nodes", "ssh", "bastion", "host"), nodes.ssh.bastion.host))
    for field, text in given:
        try:
            yield field, IPv4Address(text or "")
        except AddressValueError:
            continue  # a name, or IPv6
