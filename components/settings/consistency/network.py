"""The pod network: the pool's size, tunnels, the BGP mesh."""

from __future__ import annotations

import math
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Final

from fjordkube.settings.consistency.finding import CONTROL_PLANES, PODS, POOLS, PRIVATE, WORKERS, Finding, Path
from fjordkube.settings.network import VXLAN_MODES, Calico
from fjordkube.settings.nodes import AnyNodes, OpenstackNodes

MESH_LIMIT: Final = 200
"""Nodes beyond which a full BGP mesh is refused. Calico's documentation calls it fit for about 100 (advice.py warns
from there on); each node then holds 199 sessions, and nothing but that number grows."""

MOST_BLOCK: Final = 29
"""Longest prefix of a block: see network.block_size."""

MESH: Final[Path] = ("network", "node_mesh")


def of_cluster(network: Calico) -> Iterator[Finding]:
    """What holds whatever the nodes are."""
    pods = IPv4Network(network.pod_cidr)
    if not _fits_kubeadm(pods):
        state = f"{pods} is not a /8 to /24, which kubeadm asks for: its node mask is /24 (kubernetes#111425)"
        yield Finding((PODS,), state, "use a larger range, e.g. 10.244.0.0/16" if pods.prefixlen > 24 else "use a /8")
    yield from _tunnels_are_as_encapsulation_says(network)
    if not network.node_mesh:
        state = "false leaves every node without BGP peers, because reflectors and outside peers are not offered yet"
        yield Finding((MESH,), state, "remove it, or write true")


def of_nodes(network: Calico, nodes: AnyNodes) -> Iterator[Finding]:
    """What holds between the pod network and nodes."""
    yield from _private_network_has_neighbours(nodes.private_cidr)
    yield from _every_node_has_a_block_of_pods(network, len(nodes.all_nodes))
    yield from _pods_are_wrapped_where_machines_are_routed(network, nodes)
    count = len(nodes.all_nodes)
    if network.node_mesh and count > MESH_LIMIT:
        state = f"{count} nodes in a full mesh are more than {MESH_LIMIT}, and reflectors are not offered yet"
        yield Finding((MESH, CONTROL_PLANES, WORKERS, POOLS), state, "use fewer nodes")


def _fits_kubeadm(pods: IPv4Network) -> bool:
    return 8 <= pods.prefixlen <= 24


def _tunnels_are_as_encapsulation_says(network: Calico) -> Iterator[Finding]:
    wrapped: Path = ("network", "encapsulation")
    expected = VXLAN_MODES[network.encapsulation]
    if network.vxlan_mode != expected:
        state = f"{network.vxlan_mode} contradicts network.encapsulation {network.encapsulation}"
        fix = f"remove it (it follows as {expected})"
        if expected == "Never":
            other = next(name for name, mode in VXLAN_MODES.items() if mode == network.vxlan_mode)
            fix += f", or set network.encapsulation: {other}"
        yield Finding((("network", "vxlan_mode"), wrapped), state, fix)
    if network.ipip_mode != "Never":
        state = f"{network.ipip_mode} contradicts network.encapsulation {network.encapsulation}"
        yield Finding((("network", "ipip_mode"), wrapped), state, "remove it (IP-in-IP is not offered)")


def _private_network_has_neighbours(private_cidr: str) -> Iterator[Finding]:
    network = IPv4Network(private_cidr)
    if network.prefixlen > 30:
        far = " (and with a /32 Calico takes every neighbour for a far one, calico#2375)"
        state = f"{network} has no room for two nodes{far * (network.prefixlen == 32)}"
        fix = "write the network with the length that the nodes' NICs have on it, e.g. 10.1.0.0/24"
        yield Finding((PRIVATE,), state, fix)


def _every_node_has_a_block_of_pods(network: Calico, nodes: int) -> Iterator[Finding]:
    pods = IPv4Network(network.pod_cidr)
    if not _fits_kubeadm(pods) or network.block_count >= nodes:
        return
    fits = network.block_size - math.ceil(math.log2(nodes))
    options = []
    if fits >= 8:
        options.append(f"a /{min(fits, 24)} or larger")
    smaller = pods.prefixlen + math.ceil(math.log2(nodes))
    if smaller <= MOST_BLOCK:
        options.append(f"network.block_size {smaller} or more ({2 ** (32 - smaller)} addresses to a block)")
    options.append("fewer nodes")
    state = (
        f"{pods} has room for {network.block_count} block{'s' * (network.block_count != 1)} of /{network.block_size}, "
        f"and each of the {nodes} nodes needs one"
    )
    fix = f"use {', '.join(options[:-1])} or {options[-1]}"
    yield Finding((PODS, ("network", "block_size"), CONTROL_PLANES, WORKERS, POOLS), state, fix)


def _pods_are_wrapped_where_machines_are_routed(network: Calico, nodes: AnyNodes) -> Iterator[Finding]:
    mode = network.encapsulation
    if isinstance(nodes, OpenstackNodes) and nodes.routed and mode != "vxlan":
        state = f"{mode} needs nodes that share a network, and {nodes.cloud} routes each instance by itself, pods not"
        fields: tuple[Path, ...] = (("network", "encapsulation"), ("nodes", "cloud"))
        yield Finding(fields, state, "write network.encapsulation: vxlan, or use a cloud with networks of your own")
