"""The firewall's table and what it means for an address, and that its renderings fit the programs that read them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, get_args

import pytest

from fjordkube.firewall import admits, networks, nftables, openstack, page, table, upcloud
from fjordkube.firewall.__main__ import main
from fjordkube.firewall.table import RESERVED_PORTS, Source, reserved_ports
from fjordkube.host import firewall, sysctls
from fjordkube.settings import Stack, load
from fjordkube.settings.consistency import findings
from fjordkube.settings.nodes.node import Role
from tests.golden.bootstrap_cluster import local_policy, nodes, policy, stack

ROLES: tuple[Role, ...] = ("control-plane", "worker")
OUTSIDE, HERE = "198.51.100.9", "10.0.2.2"
"""Somebody on the internet, and this machine as local nodes see it."""
CONTROL_PLANE, WORKER, POD = "192.168.77.11", "192.168.77.101", "10.244.3.4"
LISTENERS = (22, 80, 179, 443, 2379, 2380, 4789, 6443, 8443, 10249, 10250, 10254, 10256, 30000, 31000, 32767)


def opened(settings: Stack, role: Role, address: str) -> set[int]:
    """Of the ports on which anything may listen, those that the address reaches."""
    return {port for port in LISTENERS if admits(local_policy(settings), role, address, port)}


# --- The table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "address", "ports"),
    [
        ("control-plane", OUTSIDE, set()),
        ("worker", OUTSIDE, {80, 443}),
        ("control-plane", HERE, {22, 6443}),
        ("worker", HERE, {22, 80, 443}),
        ("control-plane", WORKER, {179, 6443, 10250, 30000, 31000, 32767}),
        ("worker", WORKER, {80, 179, 443, 10250, 10254, 30000, 31000, 32767}),
        ("control-plane", CONTROL_PLANE, {179, 2379, 2380, 6443, 10250, 30000, 31000, 32767}),
        ("worker", CONTROL_PLANE, {80, 179, 443, 8443, 10250, 10254, 30000, 31000, 32767}),
        ("control-plane", POD, {6443, 10250, 30000, 31000, 32767}),
        ("worker", POD, {80, 443, 10250, 10254, 30000, 31000, 32767}),
    ],
)
def test_default_stack_opens_exactly(role: Role, address: str, ports: set[int]) -> None:
    assert opened(stack(), role, address) == ports


def everybody() -> Stack:
    """As open as settings can make it."""
    wide = ["0.0.0.0/0"]
    return stack(firewall={"admin_cidrs": wide, "ingress_from": wide, "node_ports_from": wide})


@pytest.mark.parametrize("port", [179, 2379, 2380, 8443, 10250, 10254])
def test_no_setting_opens_what_belongs_to_nodes_to_the_outside(port: int) -> None:
    assert not any(admits(local_policy(everybody()), role, OUTSIDE, port) for role in ROLES)


def test_etcd_is_for_control_planes_alone() -> None:
    for rule in table(policy(everybody())):
        if rule.ports and {2379, 2380} & set(rule.ports):
            assert (rule.sources, rule.roles) == (("control-planes",), ("control-plane",))


def test_bgp_is_for_nodes_alone() -> None:
    assert {rule.sources for rule in table(policy(everybody())) if rule.ports and 179 in rule.ports} == {("nodes",)}


def test_every_ports_have_one_rule_for_a_role_and_protocol() -> None:
    for role in ROLES:
        rules = [rule for rule in table(policy(stack())) if role in rule.roles and rule.ports]
        for one, other in itertools.combinations(rules, 2):
            assert one.protocol != other.protocol or not set(one.ports or ()) & set(other.ports or ())


def test_outsiders_are_let_in_where_settings_name_them() -> None:
    settings = stack(firewall={"admin_cidrs": ["203.0.113.0/24"], "ingress_from": ["198.51.100.0/24"]})
    assert opened(settings, "control-plane", "203.0.113.9") == {22, 6443}
    # the gate of the ingress is asked by whoever runs `up`
    assert opened(settings, "worker", "203.0.113.9") == {22, 80, 443}
    assert opened(settings, "worker", OUTSIDE) == {80, 443}
    assert opened(settings, "worker", "192.0.2.1") == set()
    assert opened(stack(firewall={"node_ports_from": ["192.0.2.0/24"]}), "worker", "192.0.2.1") == {
        80,
        443,
        30000,
        31000,
        32767,
    }


def test_ports_follow_the_ingress_and_the_network() -> None:
    settings = stack(ingress={"http_port": 8080, "metrics": False}, network={"encapsulation": "vxlan-cross-subnet"})
    assert admits(local_policy(settings), "worker", OUTSIDE, 8080)
    assert not admits(local_policy(settings), "worker", OUTSIDE, 80)
    assert not admits(local_policy(settings), "worker", WORKER, 10254)
    assert admits(local_policy(settings), "worker", WORKER, 4789, "udp")
    assert not admits(local_policy(stack()), "worker", WORKER, 4789, "udp")
    assert not admits(local_policy(settings), "worker", OUTSIDE, 4789, "udp")


def test_reasons_fit_into_comments_of_every_firewall() -> None:
    for rule in table(policy(everybody())):
        assert rule.reason.isascii()
        assert len(rule.reason) <= 120
        assert '"' not in rule.reason


def test_networks_are_merged_and_this_machine_is_an_administrator_of_local_nodes() -> None:
    settings = stack(firewall={"admin_cidrs": ["203.0.113.128/25", "203.0.113.0/25", "203.0.113.7/32"]})
    assert networks(local_policy(settings), "admins") == ("10.0.2.0/24", "203.0.113.0/24")
    assert networks(local_policy(everybody()), "admins") == ("0.0.0.0/0",)
    assert networks(local_policy(stack()), "node-port-clients") == ()


def test_front_runs_on_workers() -> None:
    assert admits(local_policy(stack()), "worker", HERE, 80)
    assert not admits(local_policy(stack()), "control-plane", HERE, 80)


def test_a_node_that_answers_ssh_on_another_port_opens_it_for_administrators() -> None:
    from dataclasses import replace

    settings = stack(firewall={"admin_cidrs": ["203.0.113.0/24"]})
    found = policy(settings).of_node(replace(nodes()[1], ssh_port=2222))
    assert [admits(found, "worker", "203.0.113.7", port) for port in (22, 2222, 2223)] == [True, True, False]
    assert not admits(found, "worker", OUTSIDE, 2222)
    assert not admits(policy(settings), "worker", "203.0.113.7", 2222)


# --- Renderings ------------------------------------------------------------------------------------------------------


def test_nftables_name_every_port_of_the_table() -> None:
    for role in ROLES:
        text = nftables.ruleset(local_policy(stack()), role, "eth1")
        for rule in table(policy(stack())):
            if role in rule.roles and rule.to == "node" and rule.ports and rule.protocol == "tcp":
                assert f"tcp dport {rule.port_text} accept" in text


def test_nftables_mark_changes_with_the_rules_and_only_with_them() -> None:
    marks = {
        nftables.mark(nftables.ruleset(local_policy(settings), role, interface))
        for settings in (stack(), everybody())
        for role in ROLES
        for interface in ("eth1", "eth2")
    }
    assert len(marks) == 8
    again = nftables.ruleset(local_policy(stack()), "worker", "eth1")
    assert again == nftables.ruleset(local_policy(stack()), "worker", "eth1")
    assert f"chain {nftables.mark(again)} {{" in again


def test_nftables_of_a_node_do_not_change_with_a_worker_more() -> None:
    more = stack(nodes={"source": "local", "workers": ["w1", "w2", "w3"]})
    for role in ROLES:
        assert nftables.ruleset(local_policy(more), role, "eth1") == nftables.ruleset(
            local_policy(stack()), role, "eth1"
        )


def test_nftables_believe_private_addresses_only_behind_the_private_nic() -> None:
    lines = nftables.ruleset(local_policy(stack()), "worker", "eth1").splitlines()
    jumps = [line.strip() for line in lines if "jump from_" in line]
    for name in ("control_planes", "nodes", "pods"):
        found = [line for line in jumps if line.endswith(f"jump from_{name}")]
        assert found
        assert all(line.startswith(('iifname "eth1" ', 'iifname "cali*" ')) for line in found)


@pytest.mark.parametrize("settings", [stack(), everybody()], ids=["default", "everybody"])
@pytest.mark.parametrize("role", ROLES)
def test_upcloud_rules_are_arguments_of_the_sdk_and_end_with_a_drop(settings: Stack, role: Role) -> None:
    from pulumi_upcloud import ServerFirewallRulesFirewallRuleArgs

    rules: list[Any] = upcloud.firewall_rules(policy(settings), role)
    assert all(ServerFirewallRulesFirewallRuleArgs(**rule) for rule in rules)
    assert rules[-1] == {"direction": "in", "action": "drop"}
    assert len(rules) <= 1000
    assert len({tuple(rule.items()) for rule in rules}) == len(rules)


def passed(rules: list[dict[str, str]], address: str, port: int) -> bool:
    """What UpCloud's firewall does with a TCP packet, by the first rule that matches."""
    for rule in rules:
        low, high = rule.get("destination_port_start", "0"), rule.get("destination_port_end", "65535")
        first, last = rule.get("source_address_start", "0.0.0.0"), rule.get("source_address_end", "255.255.255.255")
        number = [tuple(map(int, text.split("."))) for text in (first, address, last)]
        if rule.get("protocol", "tcp") == "tcp" and int(low) <= port <= int(high) and number == sorted(number):
            return rule["action"] == "accept"
    raise AssertionError("no last rule")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("address", [OUTSIDE, "203.0.113.9"])
def test_upcloud_passes_what_the_table_says_to_ports_of_listeners(role: Role, address: str) -> None:
    settings = stack(firewall={"admin_cidrs": ["203.0.113.0/24"]}, ingress={"http_port": 8080})
    rules = upcloud.firewall_rules(policy(settings), role)
    reserved = {int(port) for span in RESERVED_PORTS.split(",") for port in span.split("-")}
    for port in {*LISTENERS, *reserved, 8080} - {4789}:
        assert passed(rules, address, port) == admits(policy(settings), role, address, port), port
    # answers to a node's own questions: it keeps no state
    assert passed(rules, address, 50000)
    assert not passed(rules, address, 1000)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("address", [OUTSIDE, "203.0.113.9", "192.0.2.1"])
def test_openstack_admits_from_outside_what_the_table_says(role: Role, address: str) -> None:
    from ipaddress import IPv4Address, IPv4Network

    settings = stack(firewall={"admin_cidrs": ["203.0.113.0/24"], "ingress_from": ["192.0.2.0/24"]})
    for port in LISTENERS:
        group = any(
            rule.protocol in (None, "tcp")
            and (rule.port_range_min or 0) <= port <= (rule.port_range_max or 65535)
            and IPv4Address(address) in IPv4Network(rule.remote_ip_prefix)
            for rule in openstack.security_group(policy(settings), role)
        )
        assert group == admits(policy(settings), role, address, port), port


def test_openstack_lets_routed_pod_packets_arrive() -> None:
    every = {
        rule.remote_ip_prefix for rule in openstack.security_group(policy(stack()), "worker") if rule.protocol is None
    }
    assert every == {"192.168.77.0/24", "10.244.0.0/16"}


def test_openstack_rules_are_arguments_of_the_sdk_with_names_of_their_own() -> None:
    from dataclasses import asdict

    from pulumi_openstack.networking import SecGroupRuleArgs

    for settings, role in itertools.product((stack(), everybody()), ROLES):
        rules = openstack.security_group(policy(settings), role)
        assert len({rule.name for rule in rules}) == len(rules)
        for rule in rules:
            assert SecGroupRuleArgs(direction="ingress", ethertype="IPv4", security_group_id="g", **asdict(rule))


# --- On the host -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "guarded", "expected"),
    [("auto", False, True), ("auto", True, False), ("always", True, True), ("never", False, False)],
)
def test_node_guards_itself_unless_somebody_else_does(host: str, guarded: bool, expected: bool) -> None:
    from dataclasses import replace

    settings = stack(firewall={"host": host})
    node = replace(nodes()[1], guarded=guarded)
    assert firewall.guards_itself(node, settings.firewall.host) is expected
    values = firewall.values(node, policy(settings) if expected else None)
    assert bool(values["FIREWALL_RULES"]) is expected
    assert set(values) == set(firewall.values(nodes()[0], policy()))


def test_values_name_the_mark_and_the_administrators_of_the_rules() -> None:
    values = firewall.values(nodes()[1], policy())
    assert f"chain {values['FIREWALL_MARK']} {{" in values["FIREWALL_RULES"]
    assert values["FIREWALL_ADMINS"] == "10.0.2.0/24"
    assert "192.168.77.11/32" in values["FIREWALL_RULES"]


# --- Settings and page -----------------------------------------------------------------------------------------------


def test_local_nodes_need_no_administrator() -> None:
    assert load({"firewall": {"admin_cidrs": []}}).firewall.admin_cidrs == []


def test_other_nodes_without_an_administrator_are_refused() -> None:
    # whatever their source: local ones are the only exception
    other = stack().nodes.model_construct(**dict(stack().nodes))
    settings = stack().model_copy(update={"nodes": _Foreign(other)})
    found = [finding for finding in findings(settings) if finding.fields[0] == ("firewall", "admin_cidrs")]
    assert [finding.state for finding in found] == [
        "is empty, so that nobody could enter the nodes by SSH or reach the Kubernetes API"
    ]
    assert found[0].fix.startswith("write your own range, e.g. 203.0.113.0/24; 0.0.0.0/0 opens them to everybody")


class _Foreign:
    """Local nodes that are not LocalNodes."""

    def __init__(self, nodes: Any) -> None:
        self._nodes = nodes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._nodes, name)


def test_page_in_the_checkout_is_current() -> None:
    assert page.FILE.read_text() == page.page(), "run python -m fjordkube.firewall --write"


def test_page_explains_every_source() -> None:
    written = page.FILE.read_text()
    assert all(f"| {source} |" in written.partition(page.END)[2] for source in get_args(Source))


def test_write_changes_only_what_is_between_the_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "firewall.md"
    target.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    monkeypatch.setattr(page, "FILE", target)
    main([])
    assert capsys.readouterr().out == page.text()
    main(["--write"])
    assert target.read_text() == f"before\n{page.BEGIN}\n\n{page.text()}\n{page.END}\nafter\n"
    target.write_text("no marks")
    with pytest.raises(ValueError, match="is missing; put it back"):
        page.page()


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ((80, 443), RESERVED_PORTS),
        ((8080, 8182), "2379-2381,5473,6443-6444,8080,8181-8182,8443,9091,9099,9253,10245-10260,30000-32767"),
        ((65535, 2382), RESERVED_PORTS.replace("2379-2381", "2379-2382") + ",65535"),
    ],
)
def test_no_program_is_given_a_port_of_the_front_door_by_chance(front: tuple[int, int], expected: str) -> None:
    """As the kernel writes them, so that a node that has them is not written to again."""
    assert reserved_ports(front) == expected
    assert f"exact net.ipv4.ip_local_reserved_ports {expected}\n" in sysctls.sysctl_rules(front)
