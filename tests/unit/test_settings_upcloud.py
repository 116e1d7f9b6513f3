"""Settings of source `upcloud`: plans that exist and suffice, one kind of storage, and what is refused with its fix."""

from __future__ import annotations

from typing import Any

import pytest

from fjordkube.errors import SettingsError
from fjordkube.providers.provider import Size
from fjordkube.providers.upcloud import PLANS, smallest
from fjordkube.settings import Stack, load
from fjordkube.settings.nodes.upcloud import CONTROL_PLANE, WORKER, UpcloudNodes

FIREWALL = {"admin_cidrs": ["203.0.113.0/24"]}


def loaded(**nodes: Any) -> Stack:
    return load({"nodes": {"source": "upcloud", **nodes}, "firewall": FIREWALL})


def problems(**nodes: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(**nodes)
    return caught.value.problems


def test_naming_the_source_is_enough_and_stands_in_norway() -> None:
    nodes = loaded().nodes
    assert isinstance(nodes, UpcloudNodes)
    assert nodes.zone == "no-svg1"
    assert [node.name for node in nodes.all_nodes] == ["cp1", "w1", "w2"]
    assert nodes.encrypt
    assert not nodes.load_balancer


def test_a_plan_is_a_nodes_own_or_its_pools_or_its_roles() -> None:
    nodes = loaded(
        control_plane_plan="4xCPU-8GB",
        worker_plan="6xCPU-16GB",
        control_planes=["cp1"],
        workers=["w1", {"name": "w2", "plan": "HIMEM-2xCPU-8GB"}],
        pools=[{"name": "web", "count": 1, "first_address": "10.1.0.120", "plan": "HICPU-8xCPU-12GB"}],
    ).nodes
    assert isinstance(nodes, UpcloudNodes)
    plans = {node.name: nodes.plan_of(node) for node in nodes.all_nodes}  # type: ignore[arg-type]
    assert plans == {"cp1": "4xCPU-8GB", "w1": "6xCPU-16GB", "w2": "HIMEM-2xCPU-8GB", "web1": "HICPU-8xCPU-12GB"}


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ("2xcpu-4gb", "2xcpu-4gb is not a plan of UpCloud's that is known here; use 2xCPU-4GB"),
        ("4xCPU-7GB", "use 4xCPU-8GB"),
        ("4xCPU-9GB", "use 6xCPU-16GB"),
        ("HIMEM-3xCPU-8GB", "use HIMEM-4xCPU-32GB"),
        ("HIMEN-4xCPU-32GB", "use HIMEM-4xCPU-32GB"),
        (" 4xCPU-8GB", "use 4xCPU-8GB"),
        ("m5.large", "use one such as 2xCPU-4GB"),
        ("DEV-2xCPU-4GB", "developer plan, whose storage is not MaxIOPS; use 2xCPU-4GB"),
    ],
)
def test_an_unknown_plan_is_refused_with_the_nearest(plan: str, says: str) -> None:
    (problem,) = problems(worker_plan=plan)
    assert problem.startswith("nodes.worker_plan: ")
    assert says in problem


def test_a_plan_that_is_too_small_for_its_role_is_named_where_it_was_written() -> None:
    found = problems(
        control_planes=[{"name": "cp1", "plan": "1xCPU-2GB"}],
        worker_plan="1xCPU-1GB",
        pools=[{"name": "web", "count": 2, "first_address": "10.1.0.120", "plan": "1xCPU-1GB"}],
    )
    assert found == [
        "nodes.control_planes[cp1].plan: 1xCPU-2GB has 1 core and 2 GiB, and a control plane needs 2 cores and 4 GiB; "
        "use 2xCPU-4GB or a larger one",
        "nodes.worker_plan: 1xCPU-1GB has 1 core and 1 GiB, and a worker needs 1 core and 2 GiB; "
        "use 1xCPU-2GB or a larger one",
        "nodes.pools[web].plan: 1xCPU-1GB has 1 core and 1 GiB, and a worker needs 1 core and 2 GiB; "
        "use 1xCPU-2GB or a larger one",
    ]


def test_many_cores_do_not_make_up_for_memory() -> None:
    assert not Size(8, 2).holds(CONTROL_PLANE)
    assert smallest(CONTROL_PLANE) == "2xCPU-4GB"
    assert smallest(WORKER) == "1xCPU-2GB"
    assert all(size.cores >= 1 and size.memory_gib >= 1 for size in PLANS.values())
    assert PLANS["HICPU-64xCPU-96GB"] == Size(64, 96)


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ({"storage_tier": "standard"}, "nodes.storage_tier: standard is not one of the values; use maxiops"),
        ({"zone": "de-fra1"}, "nodes.zone: de-fra1 is in Frankfurt"),
        ({"zone": " NO-SVG1"}, "write no-svg1"),
        ({"control_planes": [{"name": "cp1", "etcd_disk_gib": 5}]}, "etcd_disk_gib: 5 is too small; use 10 or more"),
        ({"workers": [{"name": "w1", "etcd_disk_gib": 10}]}, "is a key of control planes only"),
        ({"workers": [{"name": "w1", "address": "10.1.0.1"}]}, "10.1.0.1 is UpCloud's own in the network"),
        ({"private_cidr": "10.244.0.0/24"}, "nodes.private_cidr 10.244.0.0/24"),
        ({"anti_affinity": True}, "use strict, preferred or none"),
        ({"load_balancer": "yes"}, "nodes.load_balancer: is the text"),
        ({"accelerator": "kvm"}, "nodes.accelerator: is a key of nodes.source local only"),
    ],
)
def test_what_upcloud_does_not_take_is_refused_before_it_is_asked(nodes: dict[str, Any], says: str) -> None:
    assert any(says in problem for problem in problems(**nodes)), problems(**nodes)
