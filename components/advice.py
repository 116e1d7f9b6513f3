"""What a preview warns of: choices that end, run short later, or reach beyond Norway.

Owns the warnings about a whole stack. Leaves what is refused to settings/, what ends with which version to versions.py,
and how a version was proved to artifacts/upstream.toml.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Final

from fjordkube import images, versions
from fjordkube.artifacts import upstream
from fjordkube.settings import Stack

_MAX_PODS: Final = 110
"""kubelet's default maxPods."""

INGRESS_NGINX_WARNING: Final = (
    "ingress.controller: ingress-nginx was archived in March 2026 and gets no more fixes from Kubernetes; "
    "Chainguard maintains a fork (set ingress.image and ingress.digest to a build of it), "
    "and the way out is the Gateway API"
)


def warnings(stack: Stack) -> list[str]:
    """Lines `field: state; what to do` about choices that end, run short later, or reach beyond Norway."""
    lines = []
    if stack.kube_proxy.mode == "ipvs" and (line := versions.ipvs_warning(stack.kubernetes.version)):
        lines.append(line)
    if stack.ingress.controller == "nginx":
        lines.append(INGRESS_NGINX_WARNING)
    lines += _public_range_warnings(stack)
    for line in (_proof_warning(stack), _residency_warning(stack), _pod_room_warning(stack), _mesh_warning(stack)):
        if line:
            lines.append(line)
    return lines


def _proof_warning(stack: Stack) -> str | None:
    ingress = images.of(stack).references["ingress-nginx-controller"].rpartition(":")[2]
    told = upstream.not_run(stack.kubernetes.version, stack.network.version, None if stack.ingress.image else ingress)
    if not told:
        return None
    return f"artifacts: not run here: {', '.join(told)}; try them first on a stack that nobody would miss"


def _residency_warning(stack: Stack) -> str | None:
    if stack.residency == "norway":
        return None
    where = "the European Economic Area" if stack.residency == "eea" else "any country"
    return (
        f"residency: {stack.residency} lets nodes and data be in {where}, and not in Norway alone; "
        "norway is the default, and the policy pack takes nothing else in production"
    )


PRIVATE_USE: Final = tuple(
    map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15"))
)
"""Addresses that nobody has in the public Internet: RFC 1918, shared (RFC 6598), benchmarking (RFC 2544)."""


def _public_range_warnings(stack: Stack) -> Iterator[str]:
    ranges = {
        "nodes.private_cidr": stack.nodes.private_cidr,
        "kubernetes.service_cidr": stack.kubernetes.service_cidr,
        "network.pod_cidr": stack.network.pod_cidr,
    }
    for field, text in ranges.items():
        if not any(IPv4Network(text).subnet_of(private) for private in PRIVATE_USE):
            yield (
                f"{field}: {text} holds public addresses, and the cluster keeps what is sent there; unless they are "
                "yours, take a private range such as 10.0.0.0/8 has"
            )


MESH_ADVISED: Final = 100
"""Nodes up to which Calico's documentation advises a full mesh."""


def _mesh_warning(stack: Stack) -> str | None:
    nodes = len(stack.nodes.all_nodes)
    if nodes <= MESH_ADVISED:
        return None
    return (
        f"network.node_mesh: {nodes} nodes in a full BGP mesh, {nodes - 1} sessions on each; Calico advises it up to "
        f"about {MESH_ADVISED}, and route reflectors are not offered yet"
    )


def _pod_room_warning(stack: Stack) -> str | None:
    network, nodes = stack.network, len(stack.nodes.all_nodes)
    per_node = -(-_MAX_PODS // 2 ** (32 - network.block_size))
    if network.block_count >= nodes * per_node:
        return None
    return (
        f"network.pod_cidr: {network.pod_cidr} holds {network.block_count} blocks of /{network.block_size}, and "
        f"{nodes} full nodes ({_MAX_PODS} pods each) need {nodes * per_node}; nodes will borrow single addresses "
        "from each other's blocks, which costs a route each: a larger range avoids it"
    )
