"""The firewall's table in the three languages, for the default stack and for one that differs in all that counts."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from fjordkube.firewall import nftables, openstack, upcloud
from fjordkube.settings import Stack
from fjordkube.settings.nodes.node import Role
from tests.golden.bootstrap_cluster import local_policy, policy, stack
from tests.golden.golden import check

STACKS: dict[str, Stack] = {
    "default": stack(),
    "other": stack(
        nodes={"source": "local", "private_cidr": "10.1.0.0/22", "control_planes": ["cp1", "cp2", "cp3"]},
        firewall={
            "admin_cidrs": ["203.0.113.0/25", "203.0.113.128/25", "198.51.100.7/32"],
            "ingress_from": ["198.51.100.0/24"],
            "node_ports_from": ["0.0.0.0/0", "203.0.113.0/24"],
        },
        kubernetes={"service_cidr": "172.20.0.0/16"},
        kube_proxy={"mode": "nftables"},
        network={"pod_cidr": "10.64.0.0/14", "encapsulation": "vxlan-cross-subnet"},
        ingress={"http_port": 8080, "metrics": False},
    ),
}
EACH = pytest.mark.parametrize(
    ("name", "role"), [(name, role) for name in STACKS for role in ("control-plane", "worker")]
)


@EACH
def test_nftables(name: str, role: Role) -> None:
    check(f"firewall/{name}-{role}.nft", nftables.ruleset(local_policy(STACKS[name]), role, "eth1"))


@EACH
def test_upcloud(name: str, role: Role) -> None:
    rules = upcloud.firewall_rules(policy(STACKS[name]), role)
    lines = [" ".join(f"{key}={value}" for key, value in rule.items() if key != "comment") for rule in rules]
    check(f"firewall/{name}-{role}.upcloud.txt", "\n".join(lines) + "\n")


@EACH
def test_openstack(name: str, role: Role) -> None:
    rules = openstack.security_group(policy(STACKS[name]), role)
    check(f"firewall/{name}-{role}.openstack.txt", "\n".join(f"{rule.name}  {astuple(rule)}" for rule in rules) + "\n")
