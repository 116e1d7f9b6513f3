"""What every gate has: a name, a question with its parameters and the nodes' script, and rows for people.

Owns their shapes. Leaves what is promised to the module of each gate, and measuring to helpers/gates/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fjordkube.settings import ClusterSettings, Gates, IpvsProxy, Scheduler
from fjordkube.shell import shell
from fjordkube.timing import Timing

Name = Literal["disk", "bgp", "data-path", "ipvs", "ingress"]
"""disk is asked of each control plane by itself, before there is a cluster; the others of a cluster's nodes."""

Need = Literal["network", "services", "front", "probe"]
"""What must be there before a gate: a field of GatesArgs, or the probe."""

Figures = Mapping[str, Any]
"""What a gate measured."""

Row = dict[str, str]
"""`promise`, `measured` and `needed`."""

IDLE_SECONDS = 600
"""A node's script that nobody asks anything ends by itself; longer than the slowest answer of another node."""


@dataclass(frozen=True)
class Question:
    """What one gate asks of a stack that makes its promise."""

    name: Name
    asked: Mapping[str, Any]
    """Its parameters, as FJORDKUBE_GATE carries them."""
    script: str | None = None
    """What runs on the nodes; None: nothing does."""
    needs: tuple[Need | Name, ...] = ()
    """What must be there before; by its name, a gate that this one builds on."""


@dataclass(frozen=True)
class Promised:
    """What a cluster promises, as far as it depends on settings."""

    encapsulated: bool = False
    """Whether packets between nodes may be wrapped."""
    mtu: int | None = None
    """Of pods, bytes; None: as much as the node's private NIC takes."""
    scheduler: Scheduler | None = "rr"
    """How IPVS chooses an endpoint; None: kube-proxy has another mode."""
    demo_host: str | None = None
    """Host name at which the demo answers through the ingress; None: there is no demo."""
    proxy_protocol: bool = False
    """Whether the front door expects a PROXY header."""
    https_redirect: int | None = None
    """Status with which it sends HTTP to HTTPS; None: it answers HTTP."""

    @staticmethod
    def of(settings: ClusterSettings) -> Promised:
        """What a cluster's settings promise."""
        proxy, demo = settings.kube_proxy, settings.demo
        return Promised(
            encapsulated=settings.network.encapsulated,
            mtu=settings.network.mtu,
            scheduler=proxy.scheduler if isinstance(proxy, IpvsProxy) else None,
            demo_host=str(demo.host) if demo.enabled else None,
            proxy_protocol=bool(settings.ingress.config.use_proxy_protocol),
            https_redirect=settings.ingress.config.https_redirect,
        )


def wait(gates: Gates, timing: Timing) -> int:
    """Seconds that a gate may wait."""
    return gates.timeout_seconds or timing.gate_wait


def script(gate: Name, values: Mapping[str, str] | None = None, before: Sequence[str] = ()) -> str:
    """The text of scripts/gate-`gate`.sh, which answers questions until there are no more; `before`: read before it."""
    return shell([*before, f"gate-{gate}", "questions"], {"IDLE_SECONDS": str(IDLE_SECONDS), **(values or {})})


def row(promise: str, measured: str, needed: str) -> Row:
    """One promise as the table has it."""
    return {"promise": promise, "measured": measured, "needed": needed}


def count(number: int, one: str, more: str | None = None) -> str:
    """The number with its noun, e.g. 2 pairs; `more` is a plural that is not made by an s."""
    return f"{number} {one if number == 1 else more or one + 's'}"
