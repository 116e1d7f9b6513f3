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
from .targets import Place, asked, places, seconds, sections
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


def session_lacks(place: Place, every: Sequence[Place], report: Report) -> list[Unmet]:
    """What the node's BIRD still lacks."""
    peers = [peer for peer in every if peer.name != place.name]
    if peers and not report.answered:
        return [Unmet(f"{place.name}: BIRD does not answer", FIX_BIRD)]
    states = {peer.name: report.sessions.get(peer.address, "not configured") for peer in peers}
    wrong = {name: state for name, state in states.items() if state != bird.ESTABLISHED}
    if not wrong:
        return []
    named = ", ".join(f"{name}: {state}" for name, state in wrong.items())
    return [Unmet(f"{place.name}: {len(peers) - len(wrong)} of {len(peers)} sessions ({named})", FIX_SESSION)]


def network_lacks(place: Place, addresses: Mapping[str, str], blocks: Mapping[str, str], report: Report) -> list[Unmet]:
    """What is wrong with the node's devices and routes. `addresses` by node, `blocks`: node by block of pods."""
    if report.tunnels is None:
        return [Unmet(f"{place.name}: devices not seen yet", NODE_SILENT)]
    found = [Unmet(f"{place.name}: device {device}", FIX_TUNNEL) for device in report.tunnels]
    for block, owner in blocks.items():
        if owner == place.name or owner not in addresses:
            continue
        wanted, route = links.Route(addresses[owner], place.interface), report.routes.get(block)
        if route is None:
            found.append(Unmet(f"{place.name}: no route of BIRD's to {block} on {owner}", FIX_ROUTE))
        elif route != wanted:
            way = f"via {route.via} on {route.device}, not via {wanted.via} on {wanted.device}"
            found.append(Unmet(f"{place.name}: {block} on {owner} is reached {way}", FIX_ROUTE))
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

    def __init__(self, every: Sequence[Place], native: bool, api: Api, talk: session.Sessions) -> None:
        self.every, self.native, self._api, self._talk = every, native, api, talk
        self.reports = {place.name: Report() for place in every}
        self.addresses = {place.name: place.address for place in every}
        self._calico_runs = False

    def look(self) -> list[Unmet]:
        """What lacks; asks only nodes that lacked something before."""
        return self._calico() or self._sessions() or (self._network() if self.native else [])

    @property
    def established(self) -> int:
        """Sessions, each counted at both ends."""
        states = [
            self.reports[place.name].sessions.get(peer.address)
            for place in self.every
            for peer in self.every
            if peer.name != place.name
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
        lacking = [place for place in self.every if session_lacks(place, self.every, self.reports[place.name])]
        answers, silent = self._talk.ask({place.name: "sessions" for place in lacking}, ANSWER_SECONDS)
        for name, answer in answers.items():
            self._note_sessions(name, answer)
        return self._lacks(silent, lambda place: session_lacks(place, self.every, self.reports[place.name]))

    def _network(self) -> list[Unmet]:
        blocks = blocks_of(self._api.get(BLOCKS))

        def lacks(place: Place) -> list[Unmet]:
            report = self.reports[place.name]
            return session_lacks(place, self.every, report) or network_lacks(place, self.addresses, blocks, report)

        answers, silent = self._talk.ask(
            {place.name: "network" for place in self.every if lacks(place)}, ANSWER_SECONDS
        )
        for name, answer in answers.items():
            parts = sections(answer)
            self._note_sessions(name, parts.get("sessions", ""))  # again: all of a node holds at one moment
            self.reports[name].tunnels = links.tunnels(parts.get("links", ""))
            self.reports[name].routes = links.routes(parts.get("routes", ""))
        return self._lacks(silent, lacks)

    def _note_sessions(self, name: str, answer: str) -> None:
        self.reports[name].sessions, self.reports[name].answered = bird.sessions(answer), bird.answers(answer)

    def _lacks(self, silent: Mapping[str, str], of: Callable[[Place], list[Unmet]]) -> list[Unmet]:
        found: list[Unmet] = []
        for place in self.every:
            why = silent.get(place.name)
            found += [Unmet(f"{place.name}: {why}", NODE_SILENT)] if why else of(place)
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
    every, native = places(env), not asked(env)["encapsulated"]
    needed = "every node has an Established BGP session with every other node"
    if native:
        needed += ", no device of kind " + ", ".join(links.TUNNELS) + ", and BIRD's routes leave by the private NIC"
    api = Api(env["FJORDKUBE_KUBECONFIG"], folder)
    with session.Sessions([place.access for place in every], folder, env["FJORDKUBE_SCRIPT"]) as talk:
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
