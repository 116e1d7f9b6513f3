"""Gate bgp: every node speaks BGP with every other, and no packet is wrapped.

Owns the decision and its figures. Nodes are asked only once calico-node is ready everywhere, so that waiting costs the
cluster one small API request per look. BIRD is asked over its own control socket: calico-node's readiness does not
cover it (network/calico_node.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import session
from ..api import Api
from . import bird, links
from .targets import Target, asked, seconds, sections, targets
from .waiting import NODE_SILENT, Promise, Unmet, until_kept

DAEMON_SET = "/apis/apps/v1/namespaces/kube-system/daemonsets/calico-node"
BLOCKS = "/apis/crd.projectcalico.org/v1/blockaffinities"

ANSWER_SECONDS = 90.0
"""How long a node may take for one answer; seconds, of which a starved guest may need a few dozen."""

FIX_CALICO = "kubectl -n kube-system describe daemonset calico-node, and the logs of the pods that are not ready"
FIX_BIRD = "kubectl -n kube-system logs -l k8s-app=calico-node --prefix: BIRD's own words are among them"
FIX_SESSION = (
    "let TCP port 179 pass between the nodes' private addresses (firewall, security group), and compare the node's "
    "annotation projectcalico.org/IPv4Address with its private address"
)
FIX_TUNNEL = (
    "delete what an earlier set-up left (ip link delete NAME, modprobe -r ipip), "
    "or ask for it: network.encapsulation vxlan-cross-subnet"
)
FIX_ROUTE = "kubectl -n kube-system logs -l k8s-app=calico-node --prefix: what BIRD or Felix refuse is among it"


@dataclass
class Report:
    """What one node has said so far."""

    sessions: dict[str, str] = field(default_factory=dict)
    answered: bool = False
    tunnels: list[str] | None = None
    """None: not asked yet."""
    routes: dict[str, links.Route] = field(default_factory=dict)


def session_unmet(target: Target, every: Sequence[Target], report: Report) -> list[Unmet]:
    """What does not hold of the node's BIRD yet."""
    peers = [peer for peer in every if peer.name != target.name]
    if peers and not report.answered:
        return [Unmet(f"{target.name}: BIRD does not answer", FIX_BIRD)]
    states = {peer.name: report.sessions.get(peer.address, "not configured") for peer in peers}
    wrong = {name: state for name, state in states.items() if state != bird.ESTABLISHED}
    if not wrong:
        return []
    named = ", ".join(f"{name}: {state}" for name, state in wrong.items())
    return [Unmet(f"{target.name}: {len(peers) - len(wrong)} of {len(peers)} sessions ({named})", FIX_SESSION)]


def network_unmet(
    target: Target, addresses: Mapping[str, str], blocks: Mapping[str, str], report: Report
) -> list[Unmet]:
    """What is wrong with the node's devices and routes. `addresses` by node, `blocks`: node by block of pods."""
    if report.tunnels is None:
        return [Unmet(f"{target.name}: devices not seen yet", NODE_SILENT)]
    found = [Unmet(f"{target.name}: device {device}", FIX_TUNNEL) for device in report.tunnels]
    for block, owner in blocks.items():
        if owner == target.name or owner not in addresses:
            continue
        wanted, route = links.Route(addresses[owner], target.interface), report.routes.get(block)
        if route is None:
            found.append(Unmet(f"{target.name}: no route of BIRD's to {block} on {owner}", FIX_ROUTE))
        elif route != wanted:
            way = f"via {route.via} on {route.device}, not via {wanted.via} on {wanted.device}"
            found.append(Unmet(f"{target.name}: {block} on {owner} is reached {way}", FIX_ROUTE))
    return found


def blocks_of(answer: Mapping[str, Any] | None) -> dict[str, str]:
    """Node by block, from Calico's BlockAffinities."""
    found = {}
    for item in (answer or {}).get("items") or []:
        spec = item["spec"]
        if spec.get("state") == "confirmed" and spec.get("deleted") != "true":
            found[str(spec["cidr"])] = str(spec["node"])
    return found


class Mesh:
    """The nodes' BGP, looked at until it is whole."""

    def __init__(self, every: Sequence[Target], native: bool, api: Api, talk: session.Sessions) -> None:
        self.every, self.native, self._api, self._talk = every, native, api, talk
        self.reports = {target.name: Report() for target in every}
        self.addresses = {target.name: target.address for target in every}
        self._calico_runs = False

    def look(self) -> list[Unmet]:
        """What does not hold; asks only nodes of which something did not before."""
        return self._calico() or self._sessions() or (self._network() if self.native else [])

    @property
    def established(self) -> int:
        """Sessions, each counted at both ends."""
        states = [
            self.reports[target.name].sessions.get(peer.address)
            for target in self.every
            for peer in self.every
            if peer.name != target.name
        ]
        return states.count(bird.ESTABLISHED)

    def _calico(self) -> list[Unmet]:
        if self._calico_runs:
            return []
        ready = ready_pods(self._api.get(DAEMON_SET))
        if ready < len(self.every):
            return [Unmet(f"calico-node is ready on {ready} of {len(self.every)} nodes", FIX_CALICO)]
        self._calico_runs = True
        return []

    def _sessions(self) -> list[Unmet]:
        unmet = [target for target in self.every if session_unmet(target, self.every, self.reports[target.name])]
        answers, silent = self._talk.ask({target.name: "sessions" for target in unmet}, ANSWER_SECONDS)
        for name, answer in answers.items():
            self._note_sessions(name, answer)
        return self._unmet(silent, lambda target: session_unmet(target, self.every, self.reports[target.name]))

    def _network(self) -> list[Unmet]:
        blocks = blocks_of(self._api.get(BLOCKS))

        def unmet(target: Target) -> list[Unmet]:
            report = self.reports[target.name]
            return session_unmet(target, self.every, report) or network_unmet(target, self.addresses, blocks, report)

        answers, silent = self._talk.ask(
            {target.name: "network" for target in self.every if unmet(target)}, ANSWER_SECONDS
        )
        for name, answer in answers.items():
            parts = sections(answer)
            self._note_sessions(name, parts.get("sessions", ""))  # again: all of a node holds at one moment
            self.reports[name].tunnels = links.tunnels(parts.get("links", ""))
            self.reports[name].routes = links.routes(parts.get("routes", ""))
        return self._unmet(silent, unmet)

    def _note_sessions(self, name: str, answer: str) -> None:
        self.reports[name].sessions, self.reports[name].answered = bird.sessions(answer), bird.answers(answer)

    def _unmet(self, silent: Mapping[str, str], of: Callable[[Target], list[Unmet]]) -> list[Unmet]:
        found: list[Unmet] = []
        for target in self.every:
            why = silent.get(target.name)
            found += [Unmet(f"{target.name}: {why}", NODE_SILENT)] if why else of(target)
        return found


def ready_pods(daemon_set: Mapping[str, Any] | None) -> int:
    """Pods of the DaemonSet's present version that are ready; 0 while its controller has not seen the last edit."""
    if daemon_set is None:
        return 0
    status = daemon_set.get("status") or {}
    if status.get("observedGeneration", 0) < daemon_set["metadata"].get("generation", 0):
        return 0
    return min(int(status.get("numberReady", 0)), int(status.get("updatedNumberScheduled", 0)))


def bgp(env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Waits until the mesh is whole; its figures."""
    every, native = targets(env), not asked(env)["encapsulated"]
    needed = "every node has an Established BGP session with every other node"
    if native:
        needed += ", no device of kind " + ", ".join(links.TUNNELS) + ", and BIRD's routes leave by the private NIC"
    api = Api(env["FJORDKUBE_KUBECONFIG"], folder)
    with session.Sessions([target.access for target in every], folder, env["FJORDKUBE_SCRIPT"]) as talk:
        mesh = Mesh(every, native, api, talk)
        waited = until_kept(Promise("bgp", needed), seconds(env), mesh.look)
    reports = mesh.reports.values()
    return {
        "nodes": len(every),
        "sessions_established": mesh.established,
        "sessions_expected": len(every) * (len(every) - 1),
        "tunnel_devices": sum(len(report.tunnels or ()) for report in reports) if native else None,
        "routes": sum(len(report.routes) for report in reports) if native else None,
        "waited_seconds": waited,
    }
