"""Nodes: names, addresses, what they keep for workloads, taints, pinned ports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from fjordkube.settings.consistency.finding import (
    CONTROL_PLANES,
    POOLS,
    PRIVATE,
    WORKERS,
    Finding,
    Path,
    field_of,
    placed,
)
from fjordkube.settings.kubernetes import Kubernetes
from fjordkube.settings.nodes import AnyNodes, LocalNode, NodeSettings
from fjordkube.settings.nodes.node import Role
from fjordkube.settings.types import cpu_millis, memory_mib

REQUESTED: Final[dict[Role, int]] = {"control-plane": 900, "worker": 350}
"""Thousandths of a core that a node's own pods ask for: Calico's 250; of a control plane kubeadm's API server 250,
controller manager 200, scheduler 100 and etcd 100 (kubernetes, cmd/kubeadm/app); of a worker the ingress controller's
100."""


def of_nodes(kubernetes: Kubernetes, nodes: AnyNodes, timing: str) -> Iterator[Finding]:
    """What holds between nodes, and between them and what Kubernetes takes of each; `timing` is cluster.timing."""
    yield from _control_planes_are_odd(nodes)
    yield from _names_are_unique(nodes)
    yield from _each_has_an_address_of_its_own(nodes)
    yield from _memory_is_left_for_workloads(kubernetes, nodes)
    # on emulated machines less is reserved than what the settings say
    if timing != "emulated":
        yield from _cpu_is_left_for_workloads(kubernetes, nodes)
    yield from _taints_are_told_apart(nodes)
    yield from _some_worker_takes_any_pod(nodes)
    yield from _pinned_ports_are_unique(nodes)
    for places, state, fix in nodes.contradictions():
        yield Finding(tuple(("nodes", *place) for place in places), state, fix)


def _control_planes_are_odd(nodes: AnyNodes) -> Iterator[Finding]:
    count = sum(node.role == "control-plane" for node in nodes.all_nodes)
    if count % 2 == 0:
        state = f"{count} control planes tolerate no more failures than {count - 1}, because etcd needs a majority"
        yield Finding((CONTROL_PLANES,), state, f"use {count - 1} or {count + 1}")


def _names_are_unique(nodes: AnyNodes) -> Iterator[Finding]:
    seen: dict[str, Path] = {}
    for path, node in placed(nodes):
        if node.name in seen:
            earlier = seen[node.name]
            state = f"{node.name} is also the name of {_place(earlier)}"
            yield Finding((field_of(path, "name"), field_of(earlier, "name")), state, "give each node its own name")
        seen.setdefault(node.name, path)


def _place(path: Path) -> str:
    kind, index = path[1], path[2]
    return f"{str(kind)[:-1].replace('_', ' ')} number {int(index) + 1}"


def _each_has_an_address_of_its_own(nodes: AnyNodes) -> Iterator[Finding]:
    private = IPv4Network(nodes.private_cidr)
    names = Counter(node.name for node in nodes.all_nodes)
    seen: dict[str, tuple[Path, NodeSettings]] = {}
    for path, node in placed(nodes):
        address = nodes.address_of(node)
        fields: tuple[Path, ...] = (field_of(path, "address"), field_of(path, "name"), PRIVATE)
        if address is None:
            state = f"is missing, and the name {node.name} has no trailing number to derive it from"
            fix = f"add an address in {private}, or a name such as {node.name[:60]}1"
            yield Finding(fields, state, fix)
            continue
        if node.address:
            fields = (field_of(path, "address"), PRIVATE)
        origin = "" if node.address else f" (derived from the name {node.name})"
        if IPv4Address(address) not in private:
            fix = f"use one from {private[1]} to {private[-2]}" if private.prefixlen < 31 else "use a larger range"
            yield Finding(fields, f"{address}{origin} lies outside nodes.private_cidr {private}", fix)
        elif IPv4Address(address) in {private.network_address, private.broadcast_address}:
            state = f"{address}{origin} is the network's or the broadcast address of nodes.private_cidr {private}"
            yield Finding(fields, state, "use another address or a larger range")
        elif address in seen:
            other_path, other = seen[address]
            # two nodes of one name are told once, by the name
            if names[node.name] == 1 or node.name != other.name:
                state = f"{address}{origin} is also the address of {other.name}"
                fix = "give it an address of its own" if node.address else "add an address, or change the name's number"
                yield Finding((*fields, field_of(other_path, "address"), field_of(other_path, "name")), state, fix)
        seen.setdefault(address, (path, node))


def _memory_is_left_for_workloads(kubernetes: Kubernetes, nodes: AnyNodes) -> Iterator[Finding]:
    kube, system = kubernetes.kube_reserved.memory, kubernetes.system_reserved.memory
    reserved = memory_mib(kube) + memory_mib(system)
    for path, node in placed(nodes):
        if isinstance(node, LocalNode) and reserved >= node.memory_mib:
            state = f"{node.memory_mib} MiB is no more than what kubernetes.*_reserved keeps ({reserved:.0f} MiB)"
            fields: tuple[Path, ...] = (
                (*path, "memory_mib"),
                ("kubernetes", "kube_reserved", "memory"),
                ("kubernetes", "system_reserved", "memory"),
            )
            yield Finding(fields, state, f"give the node more than {reserved + 512:.0f} MiB, or reserve less")


def _cpu_is_left_for_workloads(kubernetes: Kubernetes, nodes: AnyNodes) -> Iterator[Finding]:
    reserved = cpu_millis(kubernetes.kube_reserved.cpu) + cpu_millis(kubernetes.system_reserved.cpu)
    short: dict[Path, str] = {}
    for place, node, cores in nodes.cores():
        if 1000 * cores - reserved < REQUESTED[node.role]:
            asked = f"{node.name} has {1000 * cores}m, of which its own pods ask for {REQUESTED[node.role]}m"
            short.setdefault(("nodes", *place), asked)
    if short:
        read: tuple[Path, ...] = (("kubernetes", "system_reserved", "cpu"), ("kubernetes", "kube_reserved", "cpu"))
        state = f"with kube_reserved {reserved}m are kept, and {next(iter(short.values()))}"
        if len(short) > 1:
            state += f" ({len(short) - 1} more are as short)"
        yield Finding((*read, ("cluster", "timing"), *short), state, "reserve less, or give nodes more CPUs")


def _taints_are_told_apart(nodes: AnyNodes) -> Iterator[Finding]:
    told: set[Path] = set()
    for path, node in placed(nodes):
        field = (*path, "taints")
        taints = getattr(node, "taints", ())
        counts = Counter((taint.partition("=")[0].partition(":")[0], taint.rpartition(":")[2]) for taint in taints)
        doubled = [f"{key}:{effect}" for (key, effect), count in counts.items() if count > 1]
        if doubled and field not in told:
            told.add(field)
            yield Finding((field,), f"{', '.join(doubled)} stands there twice, and a node has it once", "keep one")


def _some_worker_takes_any_pod(nodes: AnyNodes) -> Iterator[Finding]:
    workers = [(path, node) for path, node in placed(nodes) if node.role == "worker"]
    keep_away = [[t for t in getattr(node, "taints", ()) if not t.endswith(":PreferNoSchedule")] for _, node in workers]
    if workers and all(keep_away):
        fields = tuple(dict.fromkeys((*path, "taints") for path, _ in workers))
        state = "with it every worker has a taint, so that nothing is left for the ingress controller and the demo"
        yield Finding((*fields, WORKERS, POOLS), state, "leave at least one worker without, or with PreferNoSchedule")


def _pinned_ports_are_unique(nodes: AnyNodes) -> Iterator[Finding]:
    seen: dict[int, tuple[Path, str]] = {}
    for path, node in placed(nodes):
        for use, port in node.ports if isinstance(node, LocalNode) else ():
            if port is None:
                continue
            field = (*path, "ports", use)
            if port in seen:
                other, who = seen[port]
                state = f"{port} is already pinned for {who}"
                yield Finding((field, other), state, "use another port, or remove it to have a free one chosen")
            seen.setdefault(port, (field, f"{node.name}'s {use}"))
