"""Which gates a stack has, and what each asks."""

from __future__ import annotations

from typing import Any

import pytest

from fjordkube.gates import disk
from fjordkube.gates.common import IDLE_SECONDS, Promised, wait
from fjordkube.gates.data_path import DROP_SECONDS, WEB_SECONDS
from fjordkube.gates.gates import ROWS, questions
from fjordkube.gates.ingress import http_ports
from fjordkube.helpers.gates import bgp, data_path, ipvs
from fjordkube.timing import EMULATED, NATIVE
from tests.golden.bootstrap_cluster import stack


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["bgp", "data-path", "ipvs", "ingress"]),
        ({"kube_proxy": {"mode": "nftables"}}, ["bgp", "data-path", "ingress"]),
        ({"kube_proxy": {"mode": "iptables"}, "demo": {"enabled": False}}, ["bgp", "data-path"]),
        ({"demo": {"enabled": False}}, ["bgp", "data-path", "ipvs"]),
    ],
)
def test_a_stack_is_asked_for_what_it_promises(changes: dict[str, Any], names: list[str]) -> None:
    assert [question.name for question in questions(Promised.of(stack(**changes)), NATIVE)] == names


def test_encapsulation_is_looked_for_unless_it_is_asked_for() -> None:
    for encapsulation, asked in (("none", False), ("vxlan-cross-subnet", True)):
        found = questions(Promised.of(stack(network={"encapsulation": encapsulation})), NATIVE)
        assert [question.asked["encapsulated"] for question in found[:2]] == [asked, asked]


def test_the_wait_is_by_timing_unless_the_settings_say() -> None:
    assert (wait(stack().gates, NATIVE), wait(stack().gates, EMULATED)) == (300, 1200)
    assert wait(stack(gates={"timeout_seconds": 77}).gates, EMULATED) == 77


def test_bounds_fit_into_each_other() -> None:
    for timing in WEB_SECONDS:
        assert WEB_SECONDS[timing] + DROP_SECONDS[timing] < data_path.ANSWER_SECONDS
    assert max(bgp.ANSWER_SECONDS, data_path.ANSWER_SECONDS, ipvs.ANSWER_SECONDS) < IDLE_SECONDS


def test_only_nodes_with_a_port_for_it_take_http() -> None:
    nodes = [
        {"name": "cp1", "address": "127.0.0.1", "ports": {"ssh": 2201}},
        {"name": "w1", "address": "127.0.0.1", "ports": {"ssh": 2202, "http": 8080.0}},
    ]
    assert http_ports(nodes) == [{"name": "w1", "address": "127.0.0.1", "port": 8080}]


def test_the_disk_is_no_gate_of_the_cluster_but_has_a_row_with_the_others() -> None:
    asked = [question.name for question in questions(Promised.of(stack()), NATIVE)]
    assert list(ROWS) == ["disk", *asked]


def test_the_disk_is_asked_for_what_the_settings_say() -> None:
    settings = stack(gates={"disk": {"fdatasync_p99_ms": 5, "iops": 100, "recommended_iops": 900, "measurement": 7}})
    asked = disk.question(settings.gates, NATIVE, "cp1")
    assert asked.asked == {"fdatasync_p99_ms": 5, "iops": 100, "recommended_iops": 900, "reported_only": ""}
    assert asked.script is not None
    assert "\nMEASUREMENT=7\n" in asked.script
    assert "\nNODE_NAME=cp1\n" in asked.script


def test_another_request_or_bound_is_another_request_on_the_node_only_where_it_matters() -> None:
    usual = disk.question(stack().gates, NATIVE, "cp1").script
    assert disk.question(stack(gates={"disk": {"iops": 100, "enforce": "never"}}).gates, NATIVE, "cp1").script == usual
    assert disk.question(stack(gates={"disk": {"measurement": 2}}).gates, NATIVE, "cp1").script != usual


def test_a_disk_at_the_bound_has_time_enough_for_a_percentile() -> None:
    assert stack().gates.disk.iops * disk.LIMIT_SECONDS["native"] >= 5000
    assert disk.DD_MIB["native"] == 1024


@pytest.mark.parametrize(
    ("config", "more"),
    [
        ({}, {}),
        ({"use-proxy-protocol": True}, {"proxy": True}),
        ({"force-ssl-redirect": True}, {"redirect": 308}),
        ({"force-ssl-redirect": True, "http-redirect-code": 301}, {"redirect": 301}),
        ({"http-redirect-code": 301, "use-proxy-protocol": False}, {}),
    ],
)
def test_the_front_door_is_asked_in_the_way_that_it_is_configured(config: dict[str, Any], more: dict[str, Any]) -> None:
    asked = questions(Promised.of(stack(ingress={"config": config})), NATIVE)[-1].asked
    assert asked == {"host": "demo.fjord.internal", "requests": 20, **more}


def test_ports_for_https_are_told_where_http_is_sent_there() -> None:
    node = {"name": "w1", "address": "127.0.0.1", "ports": {"http": 8080.0, "https": 8443.0}}
    without = {"name": "w2", "address": "127.0.0.1", "ports": {"http": 8081}}
    found = http_ports([node, without], https=True)
    assert [port.get("https_port") for port in found] == [8443, None]
    assert all("https_port" not in port for port in http_ports([node]))


def test_a_row_says_that_http_was_sent_to_https() -> None:
    figures = {"requests": 40, "nodes": 2, "failures": 0, "p50_ms": 4.0, "p99_ms": 9.5, "redirect": 308}
    (found,) = ROWS["ingress"](figures)
    assert found["needed"].endswith(", by HTTPS, where HTTP sends with 308")
