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


def _disk(found: Figures) -> list[Row]:
    """The worst of all control planes: one that was refused, else the slowest."""
    node, worst = max(found.items(), key=lambda each: _slowness(each[1]))
    bounds = worst["needed"]
    needed = f"p99 <= {bounds['fdatasync_p99_ms']} ms, >= {bounds['iops']} IOPS"
    needed += f" ({bounds['recommended_iops']} recommended)"
    where = f"{node}, {worst['file_system']} on {worst['device']}"
    if worst["refused"]:
        measured = f"not measured: {worst['refused']} ({where})"
    else:
        measured = f"p99 {worst['fdatasync_p99_ms']:.3g} ms, {worst['iops']:.0f} IOPS"
        if worst["dd_mb_per_s"] is not None:
            measured += f", dd {worst['dd_mb_per_s']:.0f} MB/s"
        measured += f" ({where})"
    if len(found) > 1:
        measured = f"worst of {len(found)}: {measured}"
    if not (worst["kept"] or worst["refused"]):
        measured += "; too slow"
    elif worst["kept"] and worst["iops"] < bounds["recommended_iops"]:
        measured += "; enough, but not for a busy cluster"
    if worst["reported_only"]:
        measured += f"; reported only: {worst['reported_only']}"
    return [_row("etcd's disk", measured, needed)]


def _slowness(found: Figures) -> tuple[bool, bool, float, float]:
    if found["refused"]:
        return True, True, 0.0, 0.0
    return False, not found["kept"], found["fdatasync_p99_ms"], -found["iops"]


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
    "disk": _disk,
    "bgp": _bgp,
    "data-path": _data_path,
    "ipvs": _ipvs,
    "ingress": _ingress,
}


def _count(number: int, one: str, more: str | None = None) -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"
