"""Settings of source `openstack`: what each cloud's network model allows, and what is refused with its fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fjordkube.errors import SettingsError
from fjordkube.settings import Stack, load
from fjordkube.settings.nodes.openstack import OpenstackNodes, spare

FIREWALL = {"admin_cidrs": ["203.0.113.0/24"]}
IMAGE = "11111111-1111-4111-8111-111111111111"
OUTSIDE = "22222222-2222-4222-8222-222222222222"
SHARED = "33333333-3333-4333-8333-333333333333"
OWN: dict[str, Any] = {
    "cloud": "other",
    "zone": "no-osl1",
    "image": IMAGE,
    "control_plane_flavor": "m1.large",
    "worker_flavor": "m1.large",
    "floating_ip_pool": "public",
    "external_network": OUTSIDE,
}
"""A cloud whose projects have networks of their own."""


def port(number: int) -> str:
    return f"44444444-4444-4444-8444-{number:012}"


ROUTED: dict[str, Any] = {
    "cloud": "safespring",
    "zone": "osl2",
    "image": "fjordkube-node",
    "control_plane_flavor": "l2.c2r4.100",
    "worker_flavor": "l2.c4r8.100",
    "network": SHARED,
    "private_cidr": "10.68.0.0/20",
    "control_planes": [{"name": "cp1", "address": "10.68.1.7", "port": port(1), "etcd_volume_gib": 0}],
    "workers": [{"name": "w1", "address": "10.68.3.9", "port": port(2)}],
}
"""A cloud that routes each instance by itself."""


def loaded(base: dict[str, Any], pods: dict[str, Any] | None = None, **nodes: Any) -> Stack:
    wrapped = {"encapsulation": "vxlan"} if base is ROUTED else {}
    kept = {key: value for key, value in {**base, **nodes}.items() if value is not None}
    return load({"nodes": {"source": "openstack", **kept}, "network": pods or wrapped, "firewall": FIREWALL})


def nodes_of(stack: Stack) -> OpenstackNodes:
    assert isinstance(stack.nodes, OpenstackNodes)
    return stack.nodes


def problems(base: dict[str, Any], pods: dict[str, Any] | None = None, **nodes: Any) -> list[str]:
    try:
        loaded(base, pods, **nodes)
    except SettingsError as error:
        return error.problems
    return []


def test_both_network_models_load() -> None:
    own, shared = nodes_of(loaded(OWN)), nodes_of(loaded(ROUTED))
    assert [node.name for node in own.all_nodes] == ["cp1", "w1", "w2"]
    assert (own.provider, own.region_name, own.routed) == ("openstack", "no-osl1", False)
    assert (shared.provider, shared.region_name, shared.routed) == ("safespring", "osl2", True)


def test_a_flavor_is_a_nodes_own_or_its_pools_or_its_roles() -> None:
    nodes = nodes_of(
        loaded(
            OWN,
            control_plane_flavor="cp",
            worker_flavor="w",
            workers=["w1", {"name": "w2", "flavor": "own"}],
            pools=[{"name": "web", "count": 1, "first_address": "10.2.0.120", "flavor": "pool"}],
        )
    )
    flavors = {node.name: nodes.flavor_of(node) for node in nodes.all_nodes}  # type: ignore[arg-type]
    assert flavors == {"cp1": "cp", "w1": "w", "w2": "own", "web1": "pool"}


def test_bad_input_is_refused_all_at_once_with_fixes() -> None:
    found = problems(
        OWN,
        cloud="elastx",
        zone="OSL2",
        image=None,
        network="my-net",
        workers=[{"name": "w1", "port": "short"}],
    )
    assert [line.partition(": ")[0] for line in found[:5]] == [
        "nodes.cloud",
        "nodes.zone",
        "nodes.image",
        "nodes.network",
        "nodes.workers[w1].port",
    ]
    assert found[0].endswith("elastx is not one of the values; use nrec, safespring or other")
    assert "write osl2" in found[1]
    assert "add it, e.g. debian-13" in found[2]
    assert "openstack ... show -f value -c id NAME" in found[3]


def test_a_missing_flavor_is_told_for_each_role_with_the_node_that_needs_it() -> None:
    assert problems(OWN, control_plane_flavor=None, worker_flavor=None) == [
        "nodes.control_plane_flavor: is missing, and cp1 names no flavor of its own; "
        "add one of the cloud's, e.g. m1.large (openstack flavor list names them)",
        "nodes.worker_flavor: is missing, and w1 names no flavor of its own; "
        "add one of the cloud's, e.g. m1.large (openstack flavor list names them)",
    ]
    assert problems(OWN, worker_flavor=None, workers=[{"name": "w1", "flavor": "m1.large"}]) == []


def test_a_node_has_one_public_address() -> None:
    assert problems(OWN, public_network="ext-net") == [
        "nodes.floating_ip_pool: is given beside nodes.public_network, and a node has one public address; "
        "remove one of them"
    ]
    assert problems(OWN, floating_ip_pool=None, external_network=None, public_network="ext-net") == []


def test_a_network_that_is_made_has_a_way_in_and_its_router_a_way_out() -> None:
    (closed,) = problems(OWN, floating_ip_pool=None, external_network=None)
    assert closed.startswith("nodes.network: is create without a way in")
    (lost,) = problems(OWN, external_network=None)
    assert lost.startswith("nodes.external_network: is missing")
    (idle,) = problems(OWN, network=SHARED)
    assert idle.startswith("nodes.external_network: is given, and no router is made")


def test_a_volumes_image_is_named_by_its_id() -> None:
    (named,) = problems(OWN, image="fjordkube-node")
    assert named.startswith("nodes.image: is a name, and instances with volumes take their image by its id alone")
    assert problems(OWN, image="fjordkube-node", control_planes=[{"name": "cp1", "etcd_volume_gib": 0}]) == []


def test_a_volume_type_without_a_volume_is_refused() -> None:
    found = problems(
        OWN,
        root_volume_type="fast",
        etcd_volume_type="fast",
        control_planes=[{"name": "cp1", "etcd_volume_gib": 0}],
    )
    assert [line.partition(";")[0] for line in found] == [
        "nodes.root_volume_type: is given, and no node has a root volume",
        "nodes.etcd_volume_type: is given, and no control plane has a volume",
    ]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("10.2.0.1", "10.2.0.1 is the gateway's"),
        ("10.2.0.240", "10.2.0.240 lies in 10.2.0.239 to 10.2.0.254, which OpenStack hands out by itself"),
    ],
)
def test_addresses_that_openstack_needs_in_a_network_made_here_are_refused(address: str, says: str) -> None:
    (found,) = problems(OWN, workers=[{"name": "w1", "address": address}])
    assert found.startswith(f"nodes.workers[w1].address: {says}")
    assert problems(OWN, network=SHARED, external_network=None, workers=[{"name": "w1", "address": address}]) == []


def test_spare_addresses_are_the_last_and_at_most_a_quarter() -> None:
    assert [str(address) for address in spare("10.2.0.0/24")] == ["10.2.0.239", "10.2.0.254"]
    assert [str(address) for address in spare("10.2.0.0/28")] == ["10.2.0.11", "10.2.0.14"]


def test_ports_belong_to_one_node_and_bring_their_address() -> None:
    doubled = [{"name": "w1", "address": "10.68.3.9", "port": port(2)}, {"name": "w2", "port": port(2)}]
    assert any(
        line.startswith("nodes.workers[w2].port: is also the port of w1") for line in problems(ROUTED, workers=doubled)
    )
    (bare,) = problems(ROUTED, private_cidr="10.68.0.0/20", workers=[{"name": "w1", "port": port(2)}])
    assert bare.startswith("nodes.workers[w1].address: is missing, and a port has an address of its own")
    (early,) = problems(OWN, workers=[{"name": "w1", "port": port(2)}])
    assert early.startswith("nodes.workers[w1].port: is given, and a network that is made now has no ports yet")


def test_what_a_cloud_of_routed_instances_has_not_is_refused_by_name_all_at_once() -> None:
    found = problems(
        ROUTED,
        pods={"encapsulation": "none"},
        public_network="public",
        octavia=True,
        workers=[{"name": "w1", "address": "10.68.3.9"}],
        pools=[{"name": "web", "count": 2, "first_address": "10.68.4.1"}],
    )
    assert [line.partition(", and")[0] for line in found] == [
        "network.encapsulation: none needs nodes that share a network",
        "nodes.public_network: is given",
        "nodes.octavia: is true",
        "nodes.workers[w1].port: is missing",
        "nodes.pools[web].count: is 2",
    ]
    assert "openstack port create --network ... w1" in found[3]
    assert found[0].endswith("write network.encapsulation: vxlan, or use a cloud with networks of your own")
    (made,) = [line for line in problems(ROUTED, network=None) if line.startswith("nodes.network")]
    assert made.startswith("nodes.network: is create, and projects at Safespring make no networks")


def test_wrapping_between_subnets_is_not_enough_where_nodes_have_no_neighbours() -> None:
    (found,) = problems(ROUTED, pods={"encapsulation": "vxlan-cross-subnet"})
    assert found.startswith("network.encapsulation: vxlan-cross-subnet needs nodes that share a network")
    assert problems(OWN) == []


@pytest.mark.parametrize(
    ("base", "zone", "says"),
    [
        (ROUTED, "sto2", "sto2 is in Stockholm (SE), not in Norway; use osl2"),
        (ROUTED, "osl3", "osl3 is not a zone of Safespring; use osl"),
        (OWN, "osl2", "osl2 does not say in which country it is; write country-dash-place"),
        (OWN, "se-sto1", "se-sto1 is in SE, not in Norway"),
    ],
)
def test_a_zone_outside_norway_is_refused(base: dict[str, Any], zone: str, says: str) -> None:
    (found,) = problems(base, zone=zone)
    assert found.startswith(f"nodes.zone: {says}")


def test_octavia_in_a_network_that_is_there_needs_its_subnet() -> None:
    there: dict[str, Any] = {"network": SHARED, "external_network": None}
    (found,) = problems(OWN, octavia=True, **there)
    assert found.startswith("nodes.subnet: is missing, and nodes.octavia needs it")
    assert problems(OWN, octavia=True, subnet=OUTSIDE, **there) == []


@pytest.mark.parametrize("name", ["nrec", "safespring"])
def test_the_example_stack_loads_and_stands_in_norway(name: str) -> None:
    file = Path(__file__).resolve().parents[2] / "stacks" / f"Pulumi.{name}.yaml"
    stack = load(yaml.safe_load(file.read_text())["config"]["fjordkube:stack"])
    assert nodes_of(stack).cloud == name
    assert stack.residency == "norway"
