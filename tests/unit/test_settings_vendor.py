"""Settings of source `vendor_cli`: what must be named, what follows from it, and what is refused with its fix."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from fjordkube.roots import CHECKOUT
from fjordkube.settings import Stack, load
from fjordkube.settings.nodes.vendor_cli import VendorControlPlane, VendorNodes
from tests.unit.refusals import problems

FIREWALL = {"admin_cidrs": ["203.0.113.0/24"]}
LEAST: dict[str, Any] = {
    "source": "vendor_cli",
    "command": ["adapters/coolvds.sh"],
    "zone": "no-osl1",
    "image": "debian-13",
    "control_plane_plan": "nvme-4",
    "worker_plan": "nvme-2",
}


def raw(**nodes: Any) -> dict[str, Any]:
    return {"nodes": {**LEAST, **nodes}, "firewall": FIREWALL}


def loaded(**nodes: Any) -> VendorNodes:
    found = load(raw(**nodes)).nodes
    assert isinstance(found, VendorNodes)
    return found


def test_the_least_is_three_machines() -> None:
    nodes = loaded()
    assert nodes.addresses == {"cp1": "10.1.0.11", "w1": "10.1.0.101", "w2": "10.1.0.102"}
    assert (nodes.interface, nodes.call_seconds, nodes.patience_seconds) == ("eth1", 120, 1200)
    (plane,) = nodes.control_planes
    assert plane.etcd_disk == "LABEL=etcd"


def test_the_example_stack_loads() -> None:
    content = yaml.safe_load((CHECKOUT / "stacks" / "Pulumi.vendor.yaml").read_text())
    stack = load(content["config"]["fjordkube:stack"])
    assert isinstance(stack, Stack)
    assert isinstance(stack.nodes, VendorNodes)
    assert [node.name for node in stack.nodes.all_nodes] == ["cp1", "cp2", "cp3", "w1", "w2", "w3"]
    assert (CHECKOUT / stack.nodes.command[0]).exists()


@pytest.mark.parametrize("field", ["command", "zone", "image", "control_plane_plan", "worker_plan"])
def test_what_only_the_user_can_know_must_be_named(field: str) -> None:
    content = raw()
    del content["nodes"][field]
    (problem,) = problems(content)
    assert problem.startswith(f"nodes.{field}: ")


def test_everything_that_is_missing_is_told_at_once() -> None:
    found = problems({"nodes": {"source": "vendor_cli"}, "firewall": FIREWALL})
    assert [line.partition(":")[0] for line in found] == [
        f"nodes.{field}" for field in ("command", "zone", "image", "control_plane_plan", "worker_plan")
    ]


def test_a_plan_is_a_nodes_own_or_its_pools_or_its_roles() -> None:
    pool = {"name": "web", "count": 2, "first_address": "10.1.0.121", "plan": "nvme-16", "labels": {"tier": "web"}}
    nodes = loaded(
        control_planes=["cp1", {"name": "cp2", "plan": "nvme-8"}, "cp3"],
        workers=["w1", {"name": "w2", "plan": "nvme-6"}],
        pools=[pool, {"name": "batch", "count": 1, "first_address": "10.1.0.140"}],
    )
    plans = {node.name: nodes.plan_of(node) for node in nodes.all_nodes}  # type: ignore[arg-type]
    assert plans == {
        "cp1": "nvme-4",
        "cp2": "nvme-8",
        "cp3": "nvme-4",
        "w1": "nvme-2",
        "w2": "nvme-6",
        "web1": "nvme-16",
        "web2": "nvme-16",
        "batch1": "nvme-2",
    }
    assert nodes.addresses["web2"] == "10.1.0.122"
    (web1,) = [node for node in nodes.all_nodes if node.name == "web1"]
    assert getattr(web1, "labels", None) == {"tier": "web"}


def test_a_pool_whose_addresses_are_the_workers_is_refused() -> None:
    found = problems(raw(pools=[{"name": "web", "count": 2}]))
    assert found
    assert all("10.1.0.10" in line for line in found), found


@pytest.mark.parametrize(
    ("nodes", "place"),
    [
        ({"comand": ["x"]}, "nodes.comand"),
        ({"plan": "nvme-4"}, "nodes.plan"),
        ({"api_token": "secret"}, "nodes.api_token"),
        ({"workers": [{"name": "w1", "etcd_disk": "root"}]}, "nodes.workers[w1].etcd_disk"),
        ({"workers": [{"name": "w1", "zone": "no-svg1"}]}, "nodes.workers[w1].zone"),
        ({"pools": [{"name": "web", "count": 1, "image": "x"}]}, "nodes.pools[web].image"),
        ({"control_planes": [{"name": "cp1", "labels": {}}]}, "nodes.control_planes[cp1].labels"),
    ],
)
def test_unknown_keys_are_named_by_place_and_their_values_not_repeated(nodes: dict[str, Any], place: str) -> None:
    found = problems(raw(**nodes))
    assert any(line.startswith(f"{place}: ") for line in found), found
    assert "secret" not in "\n".join(found)


@pytest.mark.parametrize(
    ("nodes", "place"),
    [
        ({"command": []}, "nodes.command"),
        ({"command": "adapters/coolvds.sh"}, "nodes.command"),
        ({"command": ["x", ""]}, "nodes.command"),
        ({"command": ["x", 7]}, "nodes.command"),
        ({"image": ""}, "nodes.image"),
        ({"worker_plan": 4}, "nodes.worker_plan"),
        ({"call_seconds": 0}, "nodes.call_seconds"),
        ({"call_seconds": "120"}, "nodes.call_seconds"),
        ({"patience_seconds": 86401}, "nodes.patience_seconds"),
        ({"workers": []}, "nodes.workers"),
        ({"control_planes": ["cp1", "cp2"]}, "nodes.control_planes"),
        ({"private_cidr": "10.1.0.0/33"}, "nodes.private_cidr"),
        ({"workers": [{"name": "w1", "address": "10.2.0.1"}]}, "nodes.workers[w1].address"),
    ],
)
def test_bad_values_are_refused_at_their_place(nodes: dict[str, Any], place: str) -> None:
    found = problems(raw(**nodes))
    assert any(line.startswith(place) for line in found), found


def test_a_foreign_zone_is_refused_unless_residency_allows_it() -> None:
    (problem,) = problems(raw(zone="se-sto1"))
    assert problem.startswith("nodes.zone: se-sto1 is in SE, not in Norway")
    allowed = load({**raw(zone="se-sto1"), "residency": "eea"}).nodes
    assert isinstance(allowed, VendorNodes)
    (problem,) = problems({**raw(zone="us-nyc1"), "residency": "eea"})
    assert problem.startswith("nodes.zone: us-nyc1 is in US")


@pytest.mark.parametrize("zone", ["oslo", "xx-osl1", "NO-OSL1", "no_osl1"])
def test_a_zone_that_says_no_country_is_refused_whatever_residency_says(zone: str) -> None:
    for residency in ("norway", "any"):
        found = problems({**raw(zone=zone), "residency": residency})
        assert any(line.startswith("nodes.zone: ") for line in found), found


def test_etcd_may_be_on_the_root_disk() -> None:
    (plane,) = loaded(control_planes=[{"name": "cp1", "etcd_disk": "root"}]).control_planes
    assert isinstance(plane, VendorControlPlane)
    assert plane.etcd_disk == "root"
