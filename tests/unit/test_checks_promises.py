"""Figures as rows for people: what was promised, measured and needed."""

from __future__ import annotations

from typing import Any

from components.checks import promises

BGP: dict[str, Any] = {"nodes": 3, "sessions_established": 6, "sessions_expected": 6, "tunnel_devices": 0, "routes": 6}
DATA_PATH: dict[str, Any] = {
    "pairs": 3,
    "mtu": 1500,
    "nic_mtu": 1500,
    "loss_percent": 0.0,
    "rtt_average_ms": 0.812,
    "native_packets": 30,
    "encapsulated_packets": 0,
    "requests_allowed": 3,
    "requests_dropped": 3,
}
IPVS: dict[str, Any] = {
    "nodes": 3,
    "nodes_holding": 3,
    "service": "demo/demo",
    "scheduler": "rr",
    "real_servers": 2,
    "virtual_services": 9,
}
INGRESS: dict[str, Any] = {"nodes": 2, "requests": 40, "failures": 0, "p50_ms": 4.0, "p99_ms": 12.5}


def measured(**figures: dict[str, Any]) -> dict[str, str]:
    named = {gate.replace("_", "-"): found for gate, found in figures.items()}
    return {row["promise"]: row["measured"] for row in promises(named)}


def test_rows_stand_in_the_order_of_what_they_build_on() -> None:
    assert measured(ingress=INGRESS, ipvs=IPVS, data_path=DATA_PATH, bgp=BGP) == {
        "BGP, no encapsulation": "6 of 6 sessions Established, 0 tunnel devices",
        "Pod to pod at full MTU": "1500 bytes over 3 pairs of nodes, 0 % lost, 0.812 ms, 0 of 30 packets encapsulated",
        "NetworkPolicy": "3 of 3 let in, 3 of 3 dropped",
        "Services by IPVS": "demo/demo on 3 of 3 nodes: rr over 2 endpoints; 9 entries",
        "HTTP from outside": "40 requests through 2 nodes, 0 failed, p50 4 ms, p99 12.5 ms",
    }
    assert list(measured(ingress=INGRESS, bgp=BGP)) == ["BGP, no encapsulation", "HTTP from outside"]


def test_every_row_says_what_is_needed() -> None:
    rows = promises({"bgp": BGP, "data-path": DATA_PATH, "ipvs": IPVS, "ingress": INGRESS})
    assert all(set(row) == {"promise", "measured", "needed"} and all(row.values()) for row in rows)
    assert rows[-1]["needed"] == "20 times 200 in a row through every node that takes HTTP"


def test_where_packets_may_be_wrapped_nothing_is_claimed_about_it() -> None:
    wrapped = {**DATA_PATH, "mtu": 1450, "native_packets": None, "encapsulated_packets": None}
    found = measured(bgp={**BGP, "tunnel_devices": None}, data_path=wrapped)
    assert found["BGP"] == "6 of 6 sessions Established"
    assert found["Pod to pod at full MTU"] == "1450 bytes over 3 pairs of nodes, 0 % lost, 0.812 ms"


def test_one_of_a_thing_is_not_plural_and_one_node_alone_promises_little() -> None:
    one = {**IPVS, "nodes": 1, "nodes_holding": 1, "real_servers": 1, "virtual_services": 1}
    assert measured(ipvs=one, data_path={"pairs": 0}) == {
        "Pod to pod": "one node only: nothing to cross",
        "Services by IPVS": "demo/demo on 1 of 1 nodes: rr over 1 endpoint; 1 entry",
    }
