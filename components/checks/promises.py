"""Figures as sentences: what was promised, what was measured, what is needed; one row each, for people.

Owns the words. Leaves figures to the gates and the table's look to who prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Figures = Mapping[str, Any]
Row = dict[str, str]


def promises(figures: Mapping[str, Figures]) -> list[Row]:
    """Rows of `promise`, `measured` and `needed` for the gates that were run, in their order."""
    return [row for gate, rows in _ROWS.items() if gate in figures for row in rows(figures[gate])]


def _row(promise: str, measured: str, needed: str) -> Row:
    return {"promise": promise, "measured": measured, "needed": needed}


def _bgp(found: Figures) -> list[Row]:
    sessions = f"{found['sessions_established']} of {found['sessions_expected']} sessions Established"
    if found["tunnel_devices"] is None:
        return [_row("BGP", sessions, "every node with every other")]
    devices = _count(found["tunnel_devices"], "tunnel device")
    return [_row("BGP, no encapsulation", f"{sessions}, {devices}", "every node with every other; no tunnel device")]


def _data_path(found: Figures) -> list[Row]:
    pairs = found["pairs"]
    if not pairs:
        return [_row("Pod to pod", "one node only: nothing to cross", "full MTU between nodes, nothing lost")]
    measured = f"{found['mtu']} bytes over {_count(pairs, 'pair')} of nodes, {found['loss_percent']:g} % lost"
    measured += f", {found['rtt_average_ms']:.3g} ms"
    needed = f"unfragmented ({found['nic_mtu']} on the NIC), nothing lost"
    if found["encapsulated_packets"] is not None:
        packets = found["encapsulated_packets"] + found["native_packets"]
        measured += f", {found['encapsulated_packets']} of {packets} packets encapsulated"
        needed += ", none encapsulated"
    let_in, dropped = f"{found['requests_allowed']} of {pairs}", f"{found['requests_dropped']} of {pairs}"
    return [
        _row("Pod to pod at full MTU", measured, needed),
        _row("NetworkPolicy", f"{let_in} let in, {dropped} dropped", "the namespace's pods let in, nodes dropped"),
    ]


def _ipvs(found: Figures) -> list[Row]:
    held, real = f"{found['nodes_holding']} of {found['nodes']} nodes", _count(found["real_servers"], "endpoint")
    measured = f"{found['service']} on {held}: {found['scheduler']} over {real}"
    needed = f"{found['scheduler']} over exactly the ready endpoints, on every node"
    return [_row("Services by IPVS", f"{measured}; {_count(found['virtual_services'], 'entry', 'entries')}", needed)]


def _ingress(found: Figures) -> list[Row]:
    through = f"{_count(found['requests'], 'request')} through {_count(found['nodes'], 'node')}"
    times = f"p50 {found['p50_ms']:g} ms, p99 {found['p99_ms']:g} ms"
    needed = f"{found['requests'] // found['nodes']} times 200 in a row through every node that takes HTTP"
    return [_row("HTTP from outside", f"{through}, {found['failures']} failed, {times}", needed)]


_ROWS: Mapping[str, Callable[[Figures], list[Row]]] = {
    "bgp": _bgp,
    "data-path": _data_path,
    "ipvs": _ipvs,
    "ingress": _ingress,
}


def _count(number: int, one: str, more: str | None = None) -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"
