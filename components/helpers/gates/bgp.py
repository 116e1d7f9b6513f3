"""Gate bgp: every node speaks BGP with every other, and no packet is wrapped.

Owns the decision and its figures. Nodes are asked only once calico-node is ready everywhere, of which the API tells;
with the first that is ready, connections to all are opened. BIRD is asked over its own control socket: calico-node's
readiness does not cover it (network/calico_node.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import session
from ..api import Api
from ..watched import Watched
from . import bird, links
from .targets import Target, asked, seconds, sections, targets
from .waiting import NODE_SILENT, Promise, Unmet, until_kept

DAEMON_SETS = "/apis/apps/v1/namespaces/kube-system/daemonsets?fieldSelector=metadata.name%3Dcalico-node"
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
    return [Unmet(f"{target.name}: {len(peers) - len(wrong)} of {len(peers)} sessions", FIX_SESSION, named)]


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


def blocks_of(affinities: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Node by block, from Calico's BlockAffinities."""
    found = {}
    for item in affinities:
        spec = item["spec"]
        if spec.get("state") == "confirmed" and spec.get("deleted") != "true":
            found[str(spec["cidr"])] = str(spec["node"])
    return found


class Mesh:
    """The nodes' BGP, looked at until it is whole."""

    def __init__(
        self, every: Sequence[Target], native: bool, daemon_sets: Watched, blocks: Watched, talk: session.Sessions
    ) -> None:
        """`blocks` are looked at when `daemon_sets` are whole: one connection serves both."""
        self.every, self.native = every, native
        self._daemon_sets, self._affinities, self._talk = daemon_sets, blocks, talk
        self.reports = {target.name: Report() for target in every}
        self.addresses = {target.name: target.address for target in every}
        self._blocks: dict[str, str] = {}
        self._calico_runs = False

    def look(self) -> list[Unmet]:
        """What does not hold; asks only nodes of which something did not before."""
        return self._calico() or self._nodes()

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
        ready = ready_pods(next(iter(self._daemon_sets.items()), None))
        if ready:
            self._talk.greet(ANSWER_SECONDS)
        if ready < len(self.every):
            return [Unmet(f"calico-node is ready on {ready} of {len(self.every)} nodes", FIX_CALICO)]
        self._calico_runs = True
        self._daemon_sets.close()
        return []

    def _nodes(self) -> list[Unmet]:
        question = "network" if self.native else "sessions"
        lacking = [target.name for target in self.every if self._unmet(target)]
        answers, silent = self._talk.ask(dict.fromkeys(lacking, question), ANSWER_SECONDS)
        for name, answer in answers.items():
            self.reports[name] = _report(answer if self.native else f"== sessions\n{answer}")
        whole = not any(session_unmet(target, self.every, self.reports[target.name]) for target in self.every)
        if self.native and whole:
            self._blocks = blocks_of(self._affinities.items())
        found: list[Unmet] = []
        for target in self.every:
            why = silent.get(target.name)
            found += [Unmet(f"{target.name}: {why}", NODE_SILENT)] if why else self._unmet(target)
        return found

    def _unmet(self, target: Target) -> list[Unmet]:
        said = self.reports[target.name]
        unmet = session_unmet(target, self.every, said)
        if unmet or not self.native:
            return unmet
        return network_unmet(target, self.addresses, self._blocks, said)


def _report(answer: str) -> Report:
    parts = sections(answer)
    found = parts.get("sessions", "")
    return Report(
        bird.sessions(found),
        bird.answers(found),
        links.tunnels(parts.get("links", "")),
        links.routes(parts.get("routes", "")),
    )


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
    talk = session.Sessions([target.access for target in every], folder, env["FJORDKUBE_SCRIPT"])
    with talk, Watched(api, DAEMON_SETS) as daemon_sets, Watched(api, BLOCKS) as blocks:
        mesh = Mesh(every, native, daemon_sets, blocks, talk)
        waited = until_kept(Promise("bgp", needed), seconds(env), mesh.look, daemon_sets.rest)
    reports = mesh.reports.values()
    return {
        "nodes": len(every),
        "sessions_established": mesh.established,
        "sessions_expected": len(every) * (len(every) - 1),
        "tunnel_devices": sum(len(report.tunnels or ()) for report in reports) if native else None,
        "routes": sum(len(report.routes) for report in reports) if native else None,
        "waited_seconds": waited,
    }
