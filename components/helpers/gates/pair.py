"""One pair of nodes in the data path: what was measured between their probes, and what is wrong with it.

Owns reading a node's answers (scripts/gate-data-path.sh) and the decision, all pure. Leaves asking to data_path.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import capture, ping
from .targets import Target, sections
from .waiting import Unmet

VXLAN = 50
"""Bytes that Calico leaves of a NIC's MTU where it may wrap packets."""

TIMED_OUT = 28
"""curl's exit status when nothing came back: a policy drops in silence."""

FIX_PODS = "kubectl -n fjordkube-gates describe pods: why a probe does not run on its node"
FIX_LOSS = (
    "switch off the provider's anti-spoofing and source/destination check for the nodes' private ports (OpenStack: "
    "allowed-address-pairs with the pod range); where that cannot be, network.encapsulation vxlan"
)
FIX_MTU = "set network.mtu to what the private network carries, or raise the MTU of the network and its NICs"
FIX_NARROW = (
    "Felix takes it from the NIC that FelixConfiguration's mtuIfacePattern names, when it starts: "
    "kubectl -n kube-system rollout restart daemonset/calico-node, then make the pods anew; network.mtu sets it by hand"
)
FIX_WRAPPED = "find what wraps the nodes' packets ('ip -d link' on the node); Calico does not with encapsulation none"
FIX_WATCH = "look on the node: 'tcpdump -i' its private NIC shows what leaves; the route to the pod may use another NIC"
FIX_WEB = "kubectl -n fjordkube-gates get networkpolicy,pods -o wide; calico-node's logs tell what Felix programmed"
FIX_POLICY = "kubectl -n kube-system logs -l k8s-app=calico-node --prefix: Felix programs NetworkPolicies on each node"


@dataclass(frozen=True)
class Wire:
    """What the ping and the capture beside it showed."""

    mtu: int
    nic_mtu: int
    echo: ping.Echo
    counts: capture.Counts | None


@dataclass(frozen=True)
class Web:
    """How two requests ended, each as HTTP status (0: none) and curl's exit status."""

    inside: tuple[int, int]
    outside: tuple[int, int]


@dataclass
class Pair:
    """Measuring from one node's probe to the next node's."""

    source: Target
    target: Target
    wire: Wire | None = None
    unmet: list[Unmet] = field(init=False)

    def __post_init__(self) -> None:
        self.unmet = [Unmet(f"{self.way}: not measured yet", FIX_PODS)]

    @property
    def way(self) -> str:
        return f"{self.source.name} to {self.target.name}"


def read_wire(answer: str, pod: str, peer: str) -> Wire | None:
    """What a node's answer says of ping and capture; None when it does not know the pod yet."""
    parts = sections(answer)
    sizes = parts.get("pod", "").split()
    if len(sizes) != 2:
        return None
    return Wire(
        int(sizes[0]),
        int(sizes[1]),
        ping.echo(parts.get("ping", "")),
        capture.count(parts.get("capture", ""), pod, peer),
    )


def read_web(answer: str) -> Web | None:
    """What it says of the requests; None where there were none, since no ping came back."""
    parts = sections(answer)
    try:
        inside, outside = (parts[name].split() for name in ("inside", "outside"))
        return Web((int(inside[0]), int(inside[1])), (int(outside[0]), int(outside[1])))
    except (KeyError, ValueError, IndexError):
        return None


def wire_unmet(way: str, wire: Wire | None, count: int, native: bool, mtu: int | None = None) -> list[Unmet]:
    """What is wrong between two pods; `mtu` is the settings' own for pods, bytes."""
    if wire is None:
        return [Unmet(f"{way}: the probe's interface is not there yet", FIX_PODS)]
    echo, size = wire.echo, wire.mtu
    full = wire.nic_mtu if native else wire.nic_mtu - VXLAN
    if size != (mtu or full):
        why = f"network.mtu is {mtu}" if mtu else f"the private NIC takes {full}"
        return [Unmet(f"{way}: pods have an MTU of {size}, and {why}", FIX_NARROW)]
    if echo.narrowest is not None and echo.received < count:
        return [Unmet(f"{way}: {size} bytes do not fit, a link takes {echo.narrowest}", FIX_MTU)]
    if echo.received < count:
        return [Unmet(f"{way}: {echo.received} of {count} pings of {size} bytes came back", FIX_LOSS)]
    if not native:
        return []
    counts = wire.counts or capture.Counts(0, 0)
    if counts.encapsulated:
        return [Unmet(f"{way}: {counts.encapsulated} encapsulated packets", FIX_WRAPPED)]
    if counts.native < count:
        seen = f"{counts.native} of them seen on the private NIC"
        return [Unmet(f"{way}: {count} pings came back, {seen}", FIX_WATCH)]
    return []


def web_unmet(way: str, web: Web | None) -> list[Unmet]:
    """What is wrong with the policy between two pods."""
    if web is None:
        return [Unmet(f"{way}: no request was sent", FIX_WEB)]
    if web.inside != (200, 0):
        return [Unmet(f"{way}: HTTP from pod to pod: {_ended(web.inside)}, where the policy allows it", FIX_WEB)]
    if web.outside != (0, TIMED_OUT):
        return [
            Unmet(f"{way}: HTTP from the node itself: {_ended(web.outside)}, where the policy drops it", FIX_POLICY)
        ]
    return []


def _ended(request: tuple[int, int]) -> str:
    status, code = request
    if status:
        return f"status {status}"
    return "no answer in time" if code == TIMED_OUT else f"refused or unreachable (curl's status {code})"
