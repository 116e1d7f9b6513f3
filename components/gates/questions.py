"""What each gate asks, from settings: which promises a stack makes, and with which figures they are measured.

Owns the choice of gates and their parameters, all pure. Leaves measuring to helpers/gates/ and wiring to gates.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fjordkube import demo
from fjordkube.bootstrap.paths import ETCD_DATA
from fjordkube.gates import probe
from fjordkube.host.preparation import ETCD_MOUNT
from fjordkube.remote import shell
from fjordkube.settings import IpvsProxy, Stack
from fjordkube.timing import Timing

Name = Literal["disk", "bgp", "data-path", "ipvs", "ingress"]
"""disk is asked of each control plane by itself, before there is a cluster; the others of a cluster's nodes."""

PINGS = 5
REQUESTS = 20
"""In a row and without a failure, through every node that takes HTTP."""

IDLE_SECONDS = 600
"""A node's script that nobody asks anything ends by itself; longer than the slowest answer of another node."""

WEB_SECONDS = {"native": 5, "emulated": 30}
"""For a request that NetworkPolicy allows."""

DROP_SECONDS = {"native": 3, "emulated": 10}
"""Without an answer for so long, a request counts as dropped: far longer than one that is allowed takes."""

DISK_CACHE = "/var/lib/fjordkube/disk.json"
"""On the node; outlives a reset, as the disk does."""

DISK_DD_MIB = {"native": 1024, "emulated": 64}
"""What dd writes: the article's 1 GiB, and less where nothing is decided by it."""

DISK_SECONDS = {"native": 120, "emulated": 10}
"""That each of the two checks may take: at 50 IOPS, 6000 of fio's 10029 writes."""


@dataclass(frozen=True)
class Question:
    """One gate."""

    name: Name
    asked: Mapping[str, Any]
    """Its parameters, as FJORDKUBE_GATE carries them."""
    script: str | None = None
    """What runs on the nodes; None: nothing does."""


def wait(settings: Stack, timing: Timing) -> int:
    """Seconds that a gate may wait."""
    return settings.gates.timeout_seconds or timing.gate_wait


def questions(settings: Stack, timing: Timing) -> Sequence[Question]:
    """The gates of a stack's cluster, in the order of what they build on."""
    found = [bgp(settings), data_path(settings, timing)]
    if isinstance(settings.kube_proxy, IpvsProxy):
        found.append(ipvs(settings, settings.kube_proxy))
    if settings.demo.enabled:
        found.append(ingress(settings))
    return found


def disk(settings: Stack, timing: Timing, node: str) -> Question:
    """The disk under etcd on control plane `node`."""
    bounds = settings.gates.disk
    asked = {
        "fdatasync_p99_ms": bounds.fdatasync_p99_ms,
        "iops": bounds.iops,
        "recommended_iops": bounds.recommended_iops,
        "reported_only": _reported_only(settings, timing),
    }
    values = {
        "NODE_NAME": node,
        "ETCD_MOUNT": ETCD_MOUNT,
        "ETCD_DATA": ETCD_DATA,
        "CACHE": DISK_CACHE,
        "MEASUREMENT": str(bounds.measurement),
        "DD_MIB": str(DISK_DD_MIB[timing.name]),
        "LIMIT_SECONDS": str(DISK_SECONDS[timing.name]),
    }
    return Question("disk", asked, shell(["gate-disk"], values))


def _reported_only(settings: Stack, timing: Timing) -> str:
    """Why a slow disk does not fail `up`; empty where it does."""
    match settings.gates.disk.enforce:
        case "never":
            return "gates.disk.enforce is never"
        case "auto" if timing.name == "emulated":
            return "emulated"
    return ""


def bgp(settings: Stack) -> Question:
    """Every node with every other, and no tunnel unless one is asked for."""
    return Question("bgp", {"encapsulated": _encapsulated(settings)}, _script("bgp"))


def data_path(settings: Stack, timing: Timing) -> Question:
    """Pod to pod at full MTU, and NetworkPolicy."""
    asked = {
        "namespace": probe.NAMESPACE,
        "selector": probe.SELECTOR,
        "count": PINGS,
        "encapsulated": _encapsulated(settings),
    }
    values = {
        "COUNT": str(PINGS),
        "PORT": str(demo.PORT),
        "WEB_SECONDS": str(WEB_SECONDS[timing.name]),
        "DROP_SECONDS": str(DROP_SECONDS[timing.name]),
    }
    return Question("data-path", asked, _script("data-path", values))


def ipvs(settings: Stack, proxy: IpvsProxy) -> Question:
    """The demo's Service in every table, or the cluster's DNS where there is no demo."""
    namespace, service = (demo.NAMESPACE, demo.NAME) if settings.demo.enabled else ("kube-system", "kube-dns")
    asked = {"namespace": namespace, "service": service, "scheduler": proxy.scheduler}
    return Question("ipvs", asked, _script("ipvs"))


def ingress(settings: Stack) -> Question:
    """The demo from outside; which doors there are is known only when the nodes are (`targets`)."""
    return Question("ingress", {"host": str(settings.demo.host), "requests": REQUESTS})


def targets(doors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Doors for HTTP from outside, of nodes given as name, address and ports by use; nodes without one are left out."""
    return [
        {"name": door["name"], "address": door["address"], "port": int(door["ports"]["http"])}
        for door in doors
        if "http" in door["ports"]
    ]


def _encapsulated(settings: Stack) -> bool:
    return settings.network.encapsulation != "none"


def _script(gate: str, values: Mapping[str, str] | None = None) -> str:
    return shell([f"gate-{gate}", "questions"], {"IDLE_SECONDS": str(IDLE_SECONDS), **(values or {})})
