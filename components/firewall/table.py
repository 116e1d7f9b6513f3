"""The firewall's one table: who may reach what of a node, and why. What is not in it is closed.

Owns the rules. Leaves which addresses a source stands for to `sources.py`, and every firewall's own language to the
renderer of that name. True for this stack:
- A pod's packet to a Service goes through the node's own INPUT with IPVS, because the Services' addresses are the
  node's (device kube-ipvs0): it is judged before IPVS has chosen an endpoint. What leaves the node is addressed to the
  endpoint.
- A pod that talks to its own node has its pod address there; to every other node it has its node's address
  (network.nat_outgoing), or its own where that is off. So what pods may reach, nodes may reach.
- Pods of different nodes talk with their own addresses, unwrapped: a firewall between the nodes sees pod addresses.
- A node talks to itself over loopback, whatever address it uses: no rule for that.
- The node's proxy of the API (6444) listens on loopback alone.
- etcd's, the scheduler's, the controller manager's, kube-proxy's and Calico's own health and metrics ports listen on
  loopback alone, kube-proxy's 10256 on all addresses: nobody here needs it, so it is closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args

from fjordkube.firewall.policy import FirewallPolicy
from fjordkube.ingress.ports import HEALTH_PORT, WEBHOOK_PORT
from fjordkube.settings import API_PORT
from fjordkube.settings.consistency.ingress import NODE_PORTS
from fjordkube.settings.nodes.node import Role

Source = Literal["control-planes", "nodes", "pods", "admins", "ingress-clients", "node-port-clients", "anyone"]
"""Who asks: control planes by their private addresses, nodes (the whole private network, so that a node more changes no
other's rules), pods (the pod range), and three kinds of outsiders that the settings name."""

Protocol = Literal["tcp", "udp", "icmp", "any"]

Target = Literal["node", "services", "pods"]
"""What is addressed: the node itself; Services' addresses, which the node holds with IPVS; or pods, whose packets the
node passes on. The last is for firewalls outside the node: on it, that is Calico's."""

ETCD: Final = range(2379, 2381)
"""2379 for clients (API servers), 2380 between members."""
KUBELET: Final = range(10250, 10251)
BGP: Final = range(179, 180)
VXLAN: Final = range(4789, 4790)
DHCP_CLIENT: Final = range(68, 69)
RESERVED_PORTS: Final = "2379-2381,5473,6443-6444,8181,8443,9091,9099,9253,10245-10260,30000-32767"
"""Ports of listeners on every node, allowed or not; `reserved_ports` adds the front door's."""
FIRST_LOCAL_PORT: Final = 1024
"""Where the ports begin that the kernel may give to a program that asks for any (host/sysctls.py)."""

EVERY_ROLE: Final[tuple[Role, ...]] = get_args(Role)
FRONT: Final[tuple[Role, ...]] = ("worker",)
"""Nodes that ingress-nginx runs on; every stack has one."""
INSIDE: Final[tuple[Source, ...]] = ("nodes", "pods")


@dataclass(frozen=True)
class Rule:
    """One thing that is allowed."""

    roles: tuple[Role, ...]
    """Nodes that it holds for."""
    protocol: Protocol
    ports: range | None
    """Ports that are addressed, e.g. range(2379, 2381) for 2379 and 2380; None: the protocol has none, or all."""
    sources: tuple[Source, ...]
    reason: str
    """At most 120 ASCII characters without quotes: it becomes a comment in every firewall."""
    to: Target = "node"

    @property
    def port_text(self) -> str:
        """e.g. 179 or 30000-32767; empty without ports."""
        if self.ports is None:
            return ""
        return str(self.ports[0]) if len(self.ports) == 1 else f"{self.ports[0]}-{self.ports[-1]}"


def reserved_ports(front: Iterable[int]) -> str:
    """Ports of listeners, which the kernel gives to no program that asks for any; as the kernel itself writes them,
    e.g. 2379-2381,6443. `front` are the front door's."""
    ports = {port for port in front if port >= FIRST_LOCAL_PORT}
    for span in RESERVED_PORTS.split(","):
        first, _, last = span.partition("-")
        ports |= set(range(int(first), int(last or first) + 1))
    starts = sorted(port for port in ports if port - 1 not in ports)
    ends = sorted(port for port in ports if port + 1 not in ports)
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))


def table(policy: FirewallPolicy) -> tuple[Rule, ...]:
    """Everything that is allowed in this cluster."""
    return (*_control_plane(), *_every_node(policy), *_front(policy), *_pods(policy))


def _control_plane() -> Iterator[Rule]:
    plane: tuple[Role, ...] = ("control-plane",)
    api = range(API_PORT, API_PORT + 1)
    yield Rule(plane, "tcp", api, (*INSIDE, "admins"), "Kubernetes API: kubelets, controllers in pods, kubectl and up")
    yield Rule(plane, "tcp", ETCD, ("control-planes",), "etcd: its members and the API servers, nobody else")


def _every_node(policy: FirewallPolicy) -> Iterator[Rule]:
    for port in policy.ssh_ports:
        ssh = range(port, port + 1)
        yield Rule(EVERY_ROLE, "tcp", ssh, ("admins",), "SSH: people and up; no node ever enters another")
    yield Rule(EVERY_ROLE, "tcp", KUBELET, INSIDE, "kubelet: API servers for logs and exec, metrics-server from a pod")
    yield Rule(EVERY_ROLE, "tcp", BGP, ("nodes",), "BGP: Calico tells nodes each other's pods; never from outside")
    if policy.encapsulated:
        yield Rule(EVERY_ROLE, "udp", VXLAN, ("nodes",), "VXLAN: pod packets, wrapped, between nodes")
    clients: tuple[Source, ...] = ("node-port-clients", *INSIDE)
    yield Rule(EVERY_ROLE, "tcp", NODE_PORTS, clients, "NodePorts: who asks for them; inside, Kubernetes promises them")
    yield Rule(EVERY_ROLE, "udp", NODE_PORTS, clients, "the same for Services over UDP")
    yield Rule(EVERY_ROLE, "icmp", None, ("anyone",), "errors such as fragmentation needed (full MTU), and ping")
    yield Rule(EVERY_ROLE, "udp", DHCP_CLIENT, ("anyone",), "answers of the DHCP server that leases the node's address")


def _front(policy: FirewallPolicy) -> Iterator[Rule]:
    clients: tuple[Source, ...] = ("ingress-clients", "admins", *INSIDE)
    for name, port in (("HTTP", policy.http_port), ("HTTPS", policy.https_port)):
        reason = f"ingress over {name}: its clients, the gate of up, pods that use a public name"
        yield Rule(FRONT, "tcp", range(port, port + 1), clients, reason)
    webhook = range(WEBHOOK_PORT, WEBHOOK_PORT + 1)
    yield Rule(FRONT, "tcp", webhook, ("control-planes",), "admission webhook of ingress-nginx, for API servers alone")
    if policy.ingress_metrics:
        metrics = range(HEALTH_PORT, HEALTH_PORT + 1)
        yield Rule(FRONT, "tcp", metrics, INSIDE, "metrics of ingress-nginx, for a Prometheus in a pod")


def _pods(policy: FirewallPolicy) -> Iterator[Rule]:
    if policy.ipvs:
        reason = "pods ask Services; with IPVS the node holds their addresses, and nobody outside may use them"
        yield Rule(EVERY_ROLE, "any", None, ("pods",), reason, to="services")
    reason = "pods of other nodes, unwrapped, and nodes that ask pods; who may is Calico's NetworkPolicy"
    yield Rule(EVERY_ROLE, "any", None, INSIDE, reason, to="pods")
