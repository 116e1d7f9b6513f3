"""Gate data-path: pods of different nodes reach each other at full MTU, unwrapped, and NetworkPolicy is enforced.

Owns its question and its rows. Leaves the pods between which it is measured to probe.py, and measuring to
helpers/gates/data_path.py and scripts/gate-data-path.sh.
"""

from __future__ import annotations

from fjordkube import demo
from fjordkube.gates import probe
from fjordkube.gates.common import Figures, Promised, Question, Row, count, row, script
from fjordkube.timing import Timing

PINGS = 5

WEB_SECONDS = {"native": 5, "emulated": 30}
"""For a request that NetworkPolicy allows."""

DROP_SECONDS = {"native": 3, "emulated": 10}
"""Without an answer for so long, a request counts as dropped: far longer than one that is allowed takes."""


def question(promised: Promised, timing: Timing) -> Question:
    """Asked of every cluster."""
    asked = {
        "namespace": probe.NAMESPACE,
        "selector": probe.SELECTOR,
        "count": PINGS,
        "encapsulated": promised.encapsulated,
        "mtu": promised.mtu,
    }
    values = {
        "COUNT": str(PINGS),
        "PORT": str(demo.PORT),
        "WEB_SECONDS": str(WEB_SECONDS[timing.name]),
        "DROP_SECONDS": str(DROP_SECONDS[timing.name]),
    }
    return Question("data-path", asked, script("data-path", values), needs=("network", "probe", "bgp"))


def rows(found: Figures) -> list[Row]:
    """One row for packets and one for NetworkPolicy; a single one where there is one node only."""
    pairs = found["pairs"]
    if not pairs:
        return [row("Pod to pod", "one node only: nothing to cross", "full MTU between nodes, nothing lost")]
    measured = f"{found['mtu']} bytes over {count(pairs, 'pair')} of nodes, {found['loss_percent']:g} % lost"
    measured += f", {found['rtt_average_ms']:.3g} ms"
    needed = f"unfragmented ({found['nic_mtu']} on the NIC), nothing lost"
    if found["encapsulated_packets"] is not None:
        packets = found["encapsulated_packets"] + found["native_packets"]
        measured += f", {found['encapsulated_packets']} of {packets} packets encapsulated"
        needed += ", none encapsulated"
    let_in, dropped = f"{found['requests_allowed']} of {pairs}", f"{found['requests_dropped']} of {pairs}"
    return [
        row("Pod to pod at full MTU", measured, needed),
        row("NetworkPolicy", f"{let_in} let in, {dropped} dropped", "the namespace's pods let in, nodes dropped"),
    ]
