"""Gate data-path: pods of different nodes reach each other as they are, at full MTU, and NetworkPolicy is enforced.

Owns the decision and its figures. From each node's probe to the next node's: pings as large as the pod's MTU, which is
the private NIC's unless settings say otherwise, that must not be cut (DF), while that NIC is watched; then HTTP from
the probe, which the policy allows, and from the node itself, which it must drop. BGP can be Established while none of
this works (calico#8751, #9138): a provider's anti-spoofing drops pod addresses.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import session
from ..api import Api
from ..watched import Watched
from . import capture, ping
from .pair import FIX_PODS, Pair, read_web, read_wire, web_unmet, wire_unmet
from .probes import ProbePod, probes, ring
from .targets import Target, asked, seconds, targets
from .waiting import NODE_SILENT, Promise, Unmet, until_kept

ANSWER_SECONDS = 180.0
"""Ping, capture and both requests of a starved guest; each is bounded on the node."""


class Ring:
    """All pairs, measured until each is as promised."""

    def __init__(self, every: Sequence[Target], ask: Mapping[str, Any], pods: Watched, talk: session.Sessions) -> None:
        self.pairs = [Pair(source, target) for source, target in ring(every)]
        self._every, self._pods, self._talk = every, pods, talk
        self._count, self._native, self._mtu = int(ask["count"]), not ask["encapsulated"], ask["mtu"]

    def look(self) -> list[Unmet]:
        """Measures the pairs that are not as promised; what does not hold."""
        self._talk.greet(ANSWER_SECONDS)
        found = probes(self._pods.items())
        without = [target.name for target in self._every if target.name not in found]
        if without:
            return [Unmet(f"no probe runs on {name}", FIX_PODS) for name in without]
        self._measure([pair for pair in self.pairs if pair.unmet], found)
        return [unmet for pair in self.pairs for unmet in pair.unmet]

    def _measure(self, pairs: Sequence[Pair], found: Mapping[str, ProbePod]) -> None:
        questions = {}
        for pair in pairs:
            pod, peer = found[pair.source.name].address, found[pair.target.name].address
            watched = capture.tcpdump_filter(pod, peer, pair.target.address)
            questions[pair.source.name] = f"measure {pod} {peer} {pair.source.interface} {watched}"
        answers, silent = self._talk.ask(questions, ANSWER_SECONDS)
        for pair in pairs:
            name = pair.source.name
            if name in silent:
                pair.unmet = [Unmet(f"{name}: {silent[name]}", NODE_SILENT)]
                continue
            pair.wire = read_wire(answers[name], found[name].address, found[pair.target.name].address)
            unmet = wire_unmet(pair.way, pair.wire, self._count, self._native, self._mtu)
            pair.unmet = unmet or web_unmet(pair.way, read_web(answers[name]))


def pair_figures(pair: Pair, native: bool) -> dict[str, Any]:
    """Of a pair that is as promised."""
    assert pair.wire is not None
    wire = pair.wire
    return {
        "from": pair.source.name,
        "to": pair.target.name,
        "mtu": wire.mtu,
        "nic_mtu": wire.nic_mtu,
        "payload_bytes": wire.mtu - ping.OVERHEAD,
        "sent": wire.echo.sent,
        "received": wire.echo.received,
        "loss_percent": wire.echo.loss_percent,
        "rtt_average_ms": wire.echo.average_ms,
        "native_packets": wire.counts.native if wire.counts and native else None,
        "encapsulated_packets": wire.counts.encapsulated if wire.counts and native else None,
    }


def figures(pairs: Sequence[Pair], native: bool, waited: float) -> dict[str, Any]:
    """Of all pairs, and each one's own. With one node alone there are no pairs, and no numbers."""
    each = [pair_figures(pair, native) for pair in pairs]

    def of(key: str) -> list[float]:
        return [entry[key] for entry in each if entry[key] is not None]

    return {
        "pairs": len(each),
        "mtu": min(of("mtu"), default=None),
        "nic_mtu": min(of("nic_mtu"), default=None),
        "loss_percent": max(of("loss_percent"), default=None),
        "rtt_average_ms": round(statistics.fmean(of("rtt_average_ms")), 3) if of("rtt_average_ms") else None,
        "native_packets": sum(of("native_packets")) if native else None,
        "encapsulated_packets": sum(of("encapsulated_packets")) if native else None,
        "requests_allowed": len(each),
        "requests_dropped": len(each),
        "by_pair": each,
        "waited_seconds": waited,
    }


def data_path(env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Waits until every pair is as promised; its figures."""
    every, ask = targets(env), asked(env)
    native = not ask["encapsulated"]
    needed = f"{ask['count']} of {ask['count']} pings of the pod's MTU with DF between neighbouring nodes"
    if native:
        needed += ", seen on the private NIC with no packet wrapped"
    needed += "; HTTP 200 from pod to pod, and from the node itself nothing, as the NetworkPolicy says"
    path = f"/api/v1/namespaces/{quote(ask['namespace'])}/pods?labelSelector={quote(ask['selector'], safe='')}"
    api = Api(env["FJORDKUBE_KUBECONFIG"], folder)
    talk = session.Sessions([target.access for target in every], folder, env["FJORDKUBE_SCRIPT"])
    with talk, Watched(api, path) as pods:
        measured = Ring(every, ask, pods, talk)
        waited = until_kept(Promise("data-path", needed), seconds(env), measured.look, pods.rest)
    return figures(measured.pairs, native, waited)
