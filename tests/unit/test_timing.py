"""The two timings: what may differ, and in which direction."""

from __future__ import annotations

from dataclasses import fields

from fjordkube.timing import EMULATED, NATIVE, Timeouts, timing


def test_names_find_their_set() -> None:
    assert timing("native", emulated=True) is NATIVE
    assert timing("emulated", emulated=False) is EMULATED


def test_auto_follows_the_machines() -> None:
    assert timing("auto", emulated=True) is EMULATED
    assert timing("auto", emulated=False) is NATIVE


def test_emulation_never_waits_shorter() -> None:
    for field in fields(Timeouts):
        assert getattr(EMULATED.timeouts, field.name) >= getattr(NATIVE.timeouts, field.name)
    assert EMULATED.api_wait >= NATIVE.api_wait
    assert EMULATED.gate_wait >= NATIVE.gate_wait


def test_election_is_several_heartbeats_in_both() -> None:
    for each in (NATIVE, EMULATED):
        assert each.etcd_election_ms >= 5 * each.etcd_heartbeat_ms


def test_a_lost_node_is_declared_lost_only_after_its_lease() -> None:
    lease, grace = EMULATED.kubelet.node_lease_duration, EMULATED.node_monitor_grace
    assert lease is not None
    assert grace is not None
    assert grace > lease
