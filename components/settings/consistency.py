"""What must hold between the fields of a stack, each of which is valid by itself.

Owns every check that reads more than one field. A check yields findings; a finding names all fields that it read, so
that `loading.py` can drop one that rests on a field whose value was already refused. Leaves checks of this machine
(ports in use, memory, disk) to `components/nodes/local/`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Final

from fjordkube import versions
from fjordkube.settings import residency
from fjordkube.settings.network import VXLAN_MODES
from fjordkube.settings.nodes import LocalNode, LocalNodes, NodeSettings, OpenstackNodes
from fjordkube.settings.types import memory_mib

if TYPE_CHECKING:
    from fjordkube.settings.stack import Stack

Path = tuple[str | int, ...]
"""Where a field is, e.g. ("nodes", "workers", 0, "name")."""

GUEST_NETWORK: Final = IPv4Network("10.0.2.0/24")
"""QEMU's user network, by which the host reaches a local machine (QEMU's default)."""

MESH_LIMIT: Final = 200
"""Nodes beyond which a full BGP mesh is refused. Calico's documentation calls it fit for about 100 (advice.py warns
from there on); each node then holds 199 sessions, and nothing but that number grows."""

MOST_BLOCK: Final = 29
"""Longest prefix of a block: see network.block_size."""

NODE_PORTS: Final = range(30000, 32768)
"""Kubernetes's default NodePort range."""

TAKEN_PORTS: Final = {
    22: "SSH",
    179: "BGP (Calico)",
    8181: "ingress-nginx's default backend",
    8443: "ingress-nginx's admission webhook",
    9099: "Calico's health check",
    10245: "ingress-nginx's profiler",
    10246: "nginx's status",
    10247: "nginx's stream status",
    10248: "kubelet's health check",
    10249: "kube-proxy's metrics",
    10250: "kubelet",
    10254: "ingress-nginx's health check and metrics",
    10256: "kube-proxy's health check",
}
"""TCP ports that something else on a worker listens on."""


@dataclass(frozen=True)
class Finding:
    """Fields that do not go together."""

    fields: tuple[Path, ...]
    """Every field that was read; the first is the one to change."""
    state: str
    """What is wrong, with numbers."""
    fix: str
    """What to write instead."""


class Inconsistent(ValueError):
    """The fields of a stack contradict each other; carries every finding."""

    def __init__(self, found: Sequence[Finding]) -> None:
        self.findings = tuple(found)
        super().__init__("; ".join(f"{_dotted(f.fields[0])}: {f.state}; {f.fix}" for f in found))


def findings(stack: Stack) -> list[Finding]:
    """Every contradiction in the stack; empty when it holds."""
    return [finding for check in CHECKS for finding in check(stack)]


# --- Fields, as checks name them -------------------------------------------------------------------------------------

PRIVATE: Final[Path] = ("nodes", "private_cidr")
SERVICES: Final[Path] = ("kubernetes", "service_cidr")
PODS: Final[Path] = ("network", "pod_cidr")
BLOCK: Final[Path] = ("network", "block_size")
CONTROL_PLANES: Final[Path] = ("nodes", "control_planes")
WORKERS: Final[Path] = ("nodes", "workers")


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)


POOLS: Final[Path] = ("nodes", "pools")


def _nodes(stack: Stack) -> Iterator[tuple[Path, NodeSettings]]:
    for place, node in stack.nodes.placed():
        yield ("nodes", *place), node


def _field(path: Path, name: str) -> Path:
    """A node's field; of a pool's member, the pool's field that it follows from."""
    pooled = path[: len(POOLS)] == POOLS
    return (*path, {"address": "first_address"}.get(name, name) if pooled else name)


# --- Ranges ----------------------------------------------------------------------------------------------------------


def _ranges_do_not_overlap(stack: Stack) -> Iterator[Finding]:
    ranges = {
        PRIVATE: IPv4Network(stack.nodes.private_cidr),
        SERVICES: IPv4Network(stack.kubernetes.service_cidr),
        PODS: IPv4Network(stack.network.pod_cidr),
    }
    for path, network in ranges.items() if isinstance(stack.nodes, LocalNodes) else ():
        if network.overlaps(GUEST_NETWORK):
            state = f"{network} {_relation(network, GUEST_NETWORK)} {GUEST_NETWORK}, QEMU's own network in each machine"
            yield Finding((path,), state, f"use {_free(network.prefixlen, list(ranges.values()))}")
    paths = list(ranges)
    for index, first in enumerate(paths):
        for second in paths[index + 1 :]:
            one, other = ranges[first], ranges[second]
            if one.overlaps(other):
                # the later one is to change: pods before Services, Services before nodes
                state = f"{other} {_relation(other, one)} {_dotted(first)} {one} ({one[0]} to {one[-1]})"
                free = _free(other.prefixlen, [n for p, n in ranges.items() if p != second])
                yield Finding((second, first), state, f"use a range outside it, e.g. {free}")


def _relation(network: IPv4Network, other: IPv4Network) -> str:
    if network == other:
        return "is the same as"
    return "lies inside" if network.subnet_of(other) else "holds all of"


def _free(prefix: int, taken: Sequence[IPv4Network]) -> str:
    """A private network of that length that overlaps none of `taken`, preferring the familiar defaults."""
    candidates = [IPv4Network("10.244.0.0/16"), IPv4Network("10.96.0.0/12"), IPv4Network("192.168.77.0/24")]
    candidates += [IPv4Network("172.16.0.0/12"), IPv4Network("192.168.0.0/16"), IPv4Network("10.0.0.0/8")]
    busy = [*taken, GUEST_NETWORK]
    for candidate in candidates:
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


def _private_network_has_neighbours(stack: Stack) -> Iterator[Finding]:
    network = IPv4Network(stack.nodes.private_cidr)
    if network.prefixlen > 30:
        far = " (and with a /32 Calico takes every neighbour for a far one, calico#2375)"
        state = f"{network} has no room for two nodes{far * (network.prefixlen == 32)}"
        fix = "write the network with the length that the nodes' NICs have on it, e.g. 10.1.0.0/24"
        yield Finding((PRIVATE,), state, fix)


def _service_range_has_a_size_that_the_api_takes(stack: Stack) -> Iterator[Finding]:
    network = IPv4Network(stack.kubernetes.service_cidr)
    if network.prefixlen < 12:
        state = f"{network} is larger than a /12, the API server's limit"
        yield Finding((SERVICES,), state, f"use a part of it, e.g. {network[0]}/12")
    elif network.prefixlen > 28:
        state = f"{network} has {network.num_addresses} addresses, and the cluster's DNS has the 10th"
        yield Finding((SERVICES,), state, "use /28 or larger, e.g. 10.96.0.0/12")


def _every_node_has_a_block_of_pods(stack: Stack) -> Iterator[Finding]:
    network, nodes = stack.network, len(stack.nodes.all_nodes)
    pods = IPv4Network(network.pod_cidr)
    if not 8 <= pods.prefixlen <= 24:
        state = f"{pods} is not a /8 to /24, which kubeadm asks for: its node mask is /24 (kubernetes#111425)"
        yield Finding((PODS,), state, "use a larger range, e.g. 10.244.0.0/16" if pods.prefixlen > 24 else "use a /8")
        return
    if network.block_count >= nodes:
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
    yield Finding((PODS, BLOCK, CONTROL_PLANES, WORKERS, POOLS), state, fix)


# --- Nodes -----------------------------------------------------------------------------------------------------------


def _control_planes_are_odd(stack: Stack) -> Iterator[Finding]:
    count = len(stack.nodes.control_planes)
    if count % 2 == 0:
        state = f"{count} control planes tolerate no more failures than {count - 1}, because etcd needs a majority"
        yield Finding((CONTROL_PLANES,), state, f"use {count - 1} or {count + 1}")


def _node_names_are_unique(stack: Stack) -> Iterator[Finding]:
    seen: dict[str, Path] = {}
    for path, node in _nodes(stack):
        if node.name in seen:
            earlier = seen[node.name]
            state = f"{node.name} is also the name of {_place(earlier)}"
            yield Finding((_field(path, "name"), _field(earlier, "name")), state, "give each node its own name")
        seen.setdefault(node.name, path)


def _place(path: Path) -> str:
    kind, index = path[1], path[2]
    return f"{str(kind)[:-1].replace('_', ' ')} number {int(index) + 1}"


def _nodes_have_addresses_of_their_own(stack: Stack) -> Iterator[Finding]:
    private = IPv4Network(stack.nodes.private_cidr)
    names = Counter(node.name for node in stack.nodes.all_nodes)
    seen: dict[str, tuple[Path, NodeSettings]] = {}
    for path, node in _nodes(stack):
        address = stack.nodes.address_of(node)
        fields: tuple[Path, ...] = (_field(path, "address"), _field(path, "name"), PRIVATE)
        if address is None:
            state = f"is missing, and the name {node.name} has no trailing number to derive it from"
            fix = f"add an address in {private}, or a name such as {node.name[:60]}1"
            yield Finding(fields, state, fix)
            continue
        if node.address:
            fields = (_field(path, "address"), PRIVATE)
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
                yield Finding((*fields, _field(other_path, "address"), _field(other_path, "name")), state, fix)
        seen.setdefault(address, (path, node))


def _nodes_keep_memory_for_workloads(stack: Stack) -> Iterator[Finding]:
    kube, system = stack.kubernetes.kube_reserved.memory, stack.kubernetes.system_reserved.memory
    reserved = memory_mib(kube) + memory_mib(system)
    for path, node in _nodes(stack):
        if isinstance(node, LocalNode) and reserved >= node.memory_mib:
            state = f"{node.memory_mib} MiB is no more than what kubernetes.*_reserved keeps ({reserved:.0f} MiB)"
            fields: tuple[Path, ...] = (
                (*path, "memory_mib"),
                ("kubernetes", "kube_reserved", "memory"),
                ("kubernetes", "system_reserved", "memory"),
            )
            yield Finding(fields, state, f"give the node more than {reserved + 512:.0f} MiB, or reserve less")


def _taints_are_told_apart(stack: Stack) -> Iterator[Finding]:
    told: set[Path] = set()
    for path, node in _nodes(stack):
        field = (*path, "taints")
        taints = getattr(node, "taints", ())
        counts = Counter((taint.partition("=")[0].partition(":")[0], taint.rpartition(":")[2]) for taint in taints)
        doubled = [f"{key}:{effect}" for (key, effect), count in counts.items() if count > 1]
        if doubled and field not in told:
            told.add(field)
            yield Finding((field,), f"{', '.join(doubled)} stands there twice, and a node has it once", "keep one")


def _some_worker_takes_any_pod(stack: Stack) -> Iterator[Finding]:
    workers = [(path, node) for path, node in _nodes(stack) if node.role == "worker"]
    keep_away = [[t for t in getattr(node, "taints", ()) if not t.endswith(":PreferNoSchedule")] for _, node in workers]
    if workers and all(keep_away):
        fields = tuple(dict.fromkeys((*path, "taints") for path, _ in workers))
        state = "with it every worker has a taint, so that nothing is left for the ingress controller and the demo"
        yield Finding((*fields, WORKERS, POOLS), state, "leave at least one worker without, or with PreferNoSchedule")


def _pinned_ports_are_unique(stack: Stack) -> Iterator[Finding]:
    seen: dict[int, tuple[Path, str]] = {}
    for path, node in _nodes(stack):
        for use, port in node.ports if isinstance(node, LocalNode) else ():
            if port is None:
                continue
            field = (*path, "ports", use)
            if port in seen:
                other, who = seen[port]
                state = f"{port} is already pinned for {who}"
                yield Finding((field, other), state, "use another port, or remove it to have a free one chosen")
            seen.setdefault(port, (field, f"{node.name}'s {use}"))


def _source_holds_in_itself(stack: Stack) -> Iterator[Finding]:
    for places, state, fix in stack.nodes.contradictions():
        yield Finding(tuple(("nodes", *place) for place in places), state, fix)


# --- Places ----------------------------------------------------------------------------------------------------------


def _everything_is_where_residency_allows(stack: Stack) -> Iterator[Finding]:
    places: list[tuple[Path, str, str]] = [(("nodes", *at), who, zone) for at, who, zone in stack.nodes.zones()]
    places += [(("data", *at), "data", zone) for at, zone in stack.data.locations()]
    for path, provider, zone in places:
        problem = residency.refused(provider, zone, stack.residency)
        if problem:
            # an unknown zone is unknown whatever residency says
            fields: tuple[Path, ...] = (path, ("residency",)) if problem.placed else (path,)
            yield Finding(fields, problem.state, problem.fix)


def _somebody_may_enter(stack: Stack) -> Iterator[Finding]:
    # whoever runs `up` on local machines comes by QEMU's user network, which is let in by itself
    if isinstance(stack.nodes, LocalNodes) or stack.firewall.admin_cidrs:
        return
    state = "is empty, so that nobody could enter the nodes by SSH or reach the Kubernetes API"
    fix = (
        "write your own range, e.g. 203.0.113.0/24; 0.0.0.0/0 opens them to everybody, which the policy pack refuses "
        "in production"
    )
    yield Finding((("firewall", "admin_cidrs"), ("nodes", "source")), state, fix)


# --- Versions, proxy, network, ingress, demo -------------------------------------------------------------------------


def _versions_go_together(stack: Stack) -> Iterator[Finding]:
    for line in versions.check(stack.kubernetes.version, stack.network.version):
        field, _, message = line.partition(": ")
        state, _, fix = message.partition("; ")
        first: Path = tuple(field.split("."))
        yield Finding((first, ("kubernetes", "version"), ("network", "version")), state, fix)


def _kubernetes_still_has_the_proxy_mode(stack: Stack) -> Iterator[Finding]:
    problem = versions.ipvs_problem(stack.kubernetes.version) if stack.kube_proxy.mode == "ipvs" else None
    if problem:
        state, _, fix = problem.partition("; ")
        yield Finding((("kube_proxy", "mode"), ("kubernetes", "version")), state, fix)


def _tunnels_are_as_encapsulation_says(stack: Stack) -> Iterator[Finding]:
    network = stack.network
    wrapped = ("network", "encapsulation")
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


def _pods_are_wrapped_where_machines_are_routed(stack: Stack) -> Iterator[Finding]:
    nodes, mode = stack.nodes, stack.network.encapsulation
    if isinstance(nodes, OpenstackNodes) and nodes.routed and mode != "vxlan":
        state = f"{mode} needs nodes that share a network, and {nodes.cloud} routes each instance by itself, pods not"
        fields: tuple[Path, ...] = (("network", "encapsulation"), ("nodes", "cloud"))
        yield Finding(fields, state, "write network.encapsulation: vxlan, or use a cloud with networks of your own")


def _bgp_has_a_mesh_it_can_carry(stack: Stack) -> Iterator[Finding]:
    field: Path = ("network", "node_mesh")
    nodes = len(stack.nodes.all_nodes)
    if not stack.network.node_mesh:
        state = "false leaves every node without BGP peers, because reflectors and outside peers are not offered yet"
        yield Finding((field,), state, "remove it, or write true")
    elif nodes > MESH_LIMIT:
        state = f"{nodes} nodes in a full mesh are more than {MESH_LIMIT}, and reflectors are not offered yet"
        yield Finding((field, CONTROL_PLANES, WORKERS, POOLS), state, "use fewer nodes")


def _ingress_ports_are_free(stack: Stack) -> Iterator[Finding]:
    ingress = stack.ingress
    http: Path = ("ingress", "http_port")
    https: Path = ("ingress", "https_port")
    if ingress.http_port == ingress.https_port:
        state = f"{ingress.https_port} is also ingress.http_port"
        yield Finding((https, http), state, "use two ports, e.g. 80 and 443")
    for field, port in ((http, ingress.http_port), (https, ingress.https_port)):
        if port in TAKEN_PORTS:
            yield Finding((field,), f"{port} is taken on every node by {TAKEN_PORTS[port]}", "use another port")
        elif port in NODE_PORTS:
            state = f"{port} lies in the NodePort range {NODE_PORTS[0]} to {NODE_PORTS[-1]}"
            yield Finding((field,), state, "use a port outside it")


def _image_is_pinned(stack: Stack) -> Iterator[Finding]:
    image, digest = stack.ingress.image, stack.ingress.digest
    image_field: Path = ("ingress", "image")
    digest_field: Path = ("ingress", "digest")
    if digest and not image:
        state = "is given without ingress.image, and the bundle's image is pinned already"
        yield Finding((digest_field, image_field), state, "add the image, or remove the digest")
    elif image and not digest and ":" not in image.rsplit("/", 1)[-1]:
        state = "has neither a tag nor a digest, so it could change unseen"
        yield Finding((image_field, digest_field), state, "add a tag, or better ingress.digest")


def _workers_may_open_their_connections(stack: Stack) -> Iterator[Finding]:
    config = stack.ingress.config
    files, connections = config.max_worker_open_files, config.max_worker_connections
    if files and files < connections:
        state = f"{files} open files are fewer than max-worker-connections {connections}, each of which is one"
        key: Path = ("ingress", "config", "max-worker-open-files")
        fields: tuple[Path, ...] = (key, ("ingress", "config", "max-worker-connections"))
        yield Finding(fields, state, f"use {2 * connections} (a client and an upstream each), or remove it")


def _demo_has_its_own_name(stack: Stack) -> Iterator[Finding]:
    if stack.demo.enabled and stack.demo.host == stack.cluster.api_host:
        state = f"{stack.demo.host} is the Kubernetes API's name"
        fields: tuple[Path, ...] = (("demo", "host"), ("cluster", "domain"), ("demo", "enabled"))
        yield Finding(fields, state, "use another, e.g. demo.fjord.internal")


CHECKS: Final[tuple[Callable[[Stack], Iterator[Finding]], ...]] = (
    _ranges_do_not_overlap,
    _private_network_has_neighbours,
    _service_range_has_a_size_that_the_api_takes,
    _every_node_has_a_block_of_pods,
    _control_planes_are_odd,
    _node_names_are_unique,
    _nodes_have_addresses_of_their_own,
    _nodes_keep_memory_for_workloads,
    _taints_are_told_apart,
    _some_worker_takes_any_pod,
    _pinned_ports_are_unique,
    _somebody_may_enter,
    _source_holds_in_itself,
    _everything_is_where_residency_allows,
    _versions_go_together,
    _kubernetes_still_has_the_proxy_mode,
    _tunnels_are_as_encapsulation_says,
    _pods_are_wrapped_where_machines_are_routed,
    _bgp_has_a_mesh_it_can_carry,
    _ingress_ports_are_free,
    _image_is_pinned,
    _workers_may_open_their_connections,
    _demo_has_its_own_name,
)
"""Every check, in the order in which their findings are told."""
