"""Figures as rows for people: what was promised, measured and needed."""

from __future__ import annotations

from typing import Any

from fjordkube.gates.gates import promises

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
DISK: dict[str, Any] = {
    "file_system": "ext4",
    "device": "vdb",
    "refused": "",
    "fdatasync_p99_ms": 3.2,
    "iops": 1210.4,
    "dd_mb_per_s": 480.2,
    "kept": True,
    "reported_only": "",
    "needed": {"fdatasync_p99_ms": 10, "iops": 50, "recommended_iops": 500},
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


def disk_row(*changes: dict[str, Any]) -> dict[str, str]:
    """The row about as many control planes as there are changes."""
    (row,) = promises({"disk": {f"cp{n}": {**DISK, **each} for n, each in enumerate(changes, 1)}})
    return row


def test_etcds_disk_is_the_first_row() -> None:
    assert list(measured(bgp=BGP, disk={"cp1": DISK})) == ["etcd's disk", "BGP, no encapsulation"]
    assert disk_row({}) == {
        "promise": "etcd's disk",
        "measured": "p99 3.2 ms, 1210 IOPS, dd 480 MB/s (cp1, ext4 on vdb)",
        "needed": "p99 <= 10 ms, >= 50 IOPS (500 recommended)",
    }


def test_of_several_disks_the_worst_is_shown() -> None:
    slowest = disk_row({}, {"fdatasync_p99_ms": 9.91}, {"iops": 700})["measured"]
    assert slowest == "worst of 3: p99 9.91 ms, 1210 IOPS, dd 480 MB/s (cp2, ext4 on vdb)"
    fewest = disk_row({"iops": 700}, {})["measured"]
    assert fewest.startswith("worst of 2: p99 3.2 ms, 700 IOPS")
    failing = {"kept": False, "iops": 20.0, "reported_only": "emulated"}
    assert "(cp2, " in disk_row({"fdatasync_p99_ms": 9.9}, failing)["measured"]
    refused = {"kept": False, "refused": "network file system", "fdatasync_p99_ms": None, "iops": None}
    assert "(cp2, " in disk_row({"fdatasync_p99_ms": 9.9}, refused, failing)["measured"]


def test_a_disk_that_suffices_but_not_for_a_busy_cluster_is_told() -> None:
    assert disk_row({"iops": 499.9})["measured"].endswith("(cp1, ext4 on vdb); enough, but not for a busy cluster")
    assert disk_row({"iops": 500.0})["measured"].endswith("(cp1, ext4 on vdb)")


def test_where_nothing_is_enforced_the_row_says_why() -> None:
    emulated = {"reported_only": "emulated"}
    assert disk_row(emulated)["measured"].endswith("(cp1, ext4 on vdb); reported only: emulated")
    slow = {**emulated, "kept": False, "fdatasync_p99_ms": 83.0, "iops": 11.0, "dd_mb_per_s": None}
    assert disk_row(slow)["measured"] == ("p99 83 ms, 11 IOPS (cp1, ext4 on vdb); too slow; reported only: emulated")
    refused = {"refused": "network file system", "file_system": "nfs4", "device": "nas:/etcd", "kept": False}
    never = {**refused, "fdatasync_p99_ms": None, "iops": None, "reported_only": "gates.disk.enforce is never"}
    assert disk_row(never)["measured"] == (
        "not measured: network file system (cp1, nfs4 on nas:/etcd); reported only: gates.disk.enforce is never"
    )
