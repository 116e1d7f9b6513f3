"""Instances in an OpenStack cloud, against mocks in both modes: what each is made of, what passes its port, what is
secret, and what the cloud returned."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from fjordkube.cluster import ClusterArgs, KubernetesCluster
from fjordkube.errors import MachineError
from fjordkube.node import Node
from fjordkube.nodes import host_keys
from fjordkube.nodes.openstack import source
from fjordkube.nodes.openstack.machine import public_address, returned_zone
from fjordkube.nodes.source import Machines
from fjordkube.settings import Stack, load
from fjordkube.settings.nodes.openstack import OpenstackNodes
from fjordkube.timing import NATIVE
from tests.components.bootstrap_mocks import KUBECONFIG, opened
from tests.components.engine_recording import HOST_KEY_SEED, Recording, pinned, record, run
from tests.components.images import IMAGES
from tests.components.test_disk_gate import answer
from tests.unit.test_settings_openstack import FIREWALL, IMAGE, OUTSIDE, OWN, ROUTED, SHARED, port

INSTANCE, KEY = "openstack:compute/instance:Instance", "openstack:compute/keypair:Keypair"
APART = "openstack:compute/serverGroup:ServerGroup"
PORT, GROUPS_OF_PORT = (
    "openstack:networking/port:Port",
    "openstack:networking/portSecGroupAssociate:PortSecGroupAssociate",
)
GROUP, RULE = "openstack:networking/secGroup:SecGroup", "openstack:networking/secGroupRule:SecGroupRule"
NETWORK, SUBNET = "openstack:networking/network:Network", "openstack:networking/subnet:Subnet"
ROUTER, ROUTE = "openstack:networking/router:Router", "openstack:networking/routerInterface:RouterInterface"
FLOATING = "openstack:networking/floatingIp:FloatingIp"
LISTENER, MEMBERS = "openstack:loadbalancer/listener:Listener", "openstack:loadbalancer/members:Members"
BALANCER = "openstack:loadbalancer/loadBalancer:LoadBalancer"
SEED = HOST_KEY_SEED
SECOND_NIC: dict[str, Any] = {"floating_ip_pool": None, "external_network": None, "public_network": "ext-net"}

both = pytest.mark.parametrize("preview", [False, True])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path))
    key = tmp_path / "id_ed25519"
    key.touch(mode=0o600)
    key.write_text(host_keys.derive(SEED, "login", "nobody").private)


def settings(tmp_path: Path, base: dict[str, Any], **nodes: Any) -> Stack:
    asked = {**base, "ssh_key_file": str(tmp_path / "id_ed25519"), **nodes}
    return load(
        {
            "nodes": {"source": "openstack", **{key: value for key, value in asked.items() if value is not None}},
            "network": {"encapsulation": "vxlan"} if base is ROUTED else {},
            "firewall": FIREWALL,
        }
    )


def as_openstack_answers(region: str | None = None, zone: str = "nova") -> dict[str, Callable[..., dict[str, Any]]]:
    """Outputs by type: an instance in that region and availability zone, and addresses."""

    def instance(inputs: dict[str, Any]) -> dict[str, Any]:
        number = sum(map(ord, inputs["name"])) % 250 + 1
        nics = [{**nic, "fixedIpV4": f"192.0.2.{number}"} if "name" in nic else nic for nic in inputs["networks"]]
        return {"region": region or inputs["region"], "availabilityZone": zone, "networks": nics}

    return {INSTANCE: instance, FLOATING: lambda _: {"address": "198.51.100.7"}}


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Recording]:
    def make(
        preview: bool,
        base: dict[str, Any] = OWN,
        look: Callable[[Machines], Any] = lambda _: None,
        answers: dict[str, Callable[..., dict[str, Any]]] | None = None,
        **nodes: Any,
    ) -> Recording:
        stack, files = settings(tmp_path, base, **nodes), IMAGES
        seen = record(preview, answers or as_openstack_answers())
        run(lambda: look(source.provide(stack, files, "test")))
        return seen

    return make


Made = Callable[..., Recording]


def by_name(machines: Machines) -> dict[str, Node]:
    return {node.name: node for node in machines.nodes}


# --- Ports -----------------------------------------------------------------------------------------------------------


@both
def test_every_port_lets_pods_and_services_pass_and_keeps_its_own_address_and_its_guard(
    preview: bool, made: Made
) -> None:
    seen = made(preview, control_planes=["cp1", "cp2", "cp3"])
    ports = {found.name: found.inputs for found in seen.of_type(PORT)}
    assert {name: inputs["fixedIps"][0]["ipAddress"] for name, inputs in ports.items()} == {
        "nodes-cp1-port": "10.2.0.11",
        "nodes-cp2-port": "10.2.0.12",
        "nodes-cp3-port": "10.2.0.13",
        "nodes-w1-port": "10.2.0.101",
        "nodes-w2-port": "10.2.0.102",
    }
    for name, inputs in ports.items():
        passed = [pair["ipAddress"] for pair in inputs["allowedAddressPairs"]]
        assert passed == ["10.244.0.0/16", "10.96.0.0/12"], name
        assert inputs["portSecurityEnabled"] is True
    (network,) = seen.of_type(NETWORK)
    assert network.inputs["portSecurityEnabled"] is True


@both
def test_each_instance_waits_for_its_own_port_and_no_other(preview: bool, made: Made) -> None:
    seen = made(preview)
    ports = {found.name for found in seen.of_type(PORT)}
    for name in ("cp1", "w1", "w2"):
        assert ports & set(seen.seen[f"nodes-{name}"].depends_on) == {f"nodes-{name}-port"}


@both
def test_a_port_that_was_made_before_gets_the_groups_and_nothing_else(preview: bool, made: Made) -> None:
    seen = made(preview, ROUTED)
    assert seen.of_type(PORT) == seen.of_type(NETWORK) == seen.of_type(SUBNET) == seen.of_type(ROUTER) == []
    groups = {found.name: found.inputs for found in seen.of_type(GROUPS_OF_PORT)}
    assert {name: inputs["portId"] for name, inputs in groups.items()} == {
        "nodes-cp1-port": port(1),
        "nodes-w1-port": port(2),
    }
    assert all(inputs["enforce"] is True for inputs in groups.values())
    assert seen.seen["nodes-w1"].inputs["networks"] == [{"port": port(2)}]


# --- Security groups -------------------------------------------------------------------------------------------------


@both
def test_the_firewalls_table_is_a_group_for_each_role(preview: bool, made: Made) -> None:
    seen = made(preview)
    assert {group.inputs["name"] for group in seen.of_type(GROUP)} == {"test-control-planes", "test-workers"}
    rules = {rule.name: rule.inputs for rule in seen.of_type(RULE)}
    assert all(inputs["direction"] == "ingress" for inputs in rules.values())
    ssh, api = rules["nodes-workers-tcp-22-203.0.113.0-24"], rules["nodes-control-planes-tcp-6443-203.0.113.0-24"]
    assert (ssh["portRangeMin"], api["portRangeMax"], api["remoteIpPrefix"]) == (22, 6443, "203.0.113.0/24")
    assert "nodes-workers-tcp-80-0.0.0.0-0" in rules
    everybody = [rule for rule in rules.values() if rule.get("remoteIpPrefix") == "0.0.0.0/0"]
    for closed in (22, 179, 2379, 6443, 10250, 30000):
        assert all(not r["portRangeMin"] <= closed <= r["portRangeMax"] for r in everybody if r["protocol"] != "icmp")
    if not preview:
        for role, node in (("control-planes", "cp1"), ("workers", "w1")):
            assert seen.seen[f"nodes-{node}-port"].inputs["securityGroupIds"] == [f"nodes-{role}-id"]


@both
def test_in_a_network_of_strangers_nodes_are_the_members_of_the_groups(preview: bool, made: Made) -> None:
    seen = made(preview, ROUTED)
    rules = {rule.name: rule.inputs for rule in seen.of_type(RULE)}
    prefixes = {rule["remoteIpPrefix"] for rule in rules.values() if "remoteIpPrefix" in rule}
    assert prefixes == {"203.0.113.0/24", "0.0.0.0/0"}
    for role in ("control-planes", "workers"):
        assert {f"nodes-{role}-any-control-planes", f"nodes-{role}-any-workers"} <= set(rules)
    if not preview:
        assert rules["nodes-workers-any-control-planes"]["remoteGroupId"] == "nodes-control-planes-id"


@both
def test_a_second_nic_is_behind_the_same_group(preview: bool, made: Made) -> None:
    seen = made(preview, **SECOND_NIC)
    worker = seen.seen["nodes-w1"].inputs
    assert worker["networks"][1] == {"name": "ext-net"}
    assert worker["securityGroups"] == ["test-workers"]
    (subnet,) = seen.of_type(SUBNET)
    assert subnet.inputs["noGateway"] is True
    assert seen.of_type(ROUTER) == seen.of_type(FLOATING) == []


# --- Network ---------------------------------------------------------------------------------------------------------


@both
def test_a_network_of_ones_own_keeps_nodes_addresses_from_what_openstack_hands_out(preview: bool, made: Made) -> None:
    seen = made(preview)
    (subnet,), (router,) = seen.of_type(SUBNET), seen.of_type(ROUTER)
    assert subnet.inputs["cidr"] == "10.2.0.0/24"
    assert subnet.inputs["allocationPools"] == [{"start": "10.2.0.239", "end": "10.2.0.254"}]
    assert "noGateway" not in subnet.inputs
    assert router.inputs["externalNetworkId"] == OUTSIDE


@both
def test_floating_ips_wait_for_the_way_to_the_world(preview: bool, made: Made) -> None:
    floating = made(preview).of_type(FLOATING)
    assert {found.name for found in floating} == {"nodes-cp1-ip", "nodes-w1-ip", "nodes-w2-ip"}
    for found in floating:
        assert found.inputs["pool"] == "public"
        assert "nodes-route" in found.depends_on


@both
def test_a_network_that_is_there_already_is_used_and_left_alone(preview: bool, made: Made) -> None:
    seen = made(preview, network=SHARED, external_network=None)
    assert [seen.of_type(kind) for kind in (NETWORK, SUBNET, ROUTER, ROUTE)] == [[], [], [], []]
    assert {found.inputs["networkId"] for found in seen.of_type(PORT)} == {SHARED}
    assert len(seen.of_type(FLOATING)) == 3


@both
def test_everything_stands_in_the_region(preview: bool, made: Made) -> None:
    for base, region in ((OWN, "no-osl1"), (ROUTED, "osl2")):
        seen = made(preview, base)
        placed = [thing for thing in seen.seen.values() if thing.type.startswith("openstack:")]
        assert {thing.inputs.get("region") for thing in placed} == {region}
    named = made(preview, region="RegionOne", availability_zone="az1").seen["nodes-w1"].inputs
    assert (named["region"], named["availabilityZone"]) == ("RegionOne", "az1")


# --- Disks and places ------------------------------------------------------------------------------------------------


@both
def test_etcd_has_a_blank_volume_of_its_type_beside_the_flavors_own_disk(preview: bool, made: Made) -> None:
    seen = made(preview, etcd_volume_type="fast", control_planes=[{"name": "cp1", "etcd_volume_gib": 20}])
    root, etcd = seen.seen["nodes-cp1"].inputs["blockDevices"]
    assert (root["sourceType"], root["destinationType"], root["uuid"], root["bootIndex"]) == (
        "image",
        "local",
        IMAGE,
        0,
    )
    assert (etcd["sourceType"], etcd["destinationType"], etcd["bootIndex"]) == ("blank", "volume", -1)
    assert (etcd["volumeSize"], etcd["volumeType"], etcd["deleteOnTermination"]) == (20, "fast", True)
    worker = seen.seen["nodes-w1"].inputs
    assert "blockDevices" not in worker
    assert worker["imageId"] == IMAGE


@both
def test_a_root_volume_is_made_from_the_image(preview: bool, made: Made) -> None:
    seen = made(preview, root_volume_type="fast", workers=[{"name": "w1", "root_volume_gib": 30}])
    (root,) = seen.seen["nodes-w1"].inputs["blockDevices"]
    assert (root["destinationType"], root["volumeSize"], root["volumeType"]) == ("volume", 30, "fast")


@both
def test_without_volumes_an_image_may_be_named_and_etcd_shares_the_root_disk(preview: bool, made: Made) -> None:
    nodes: dict[str, Node] = {}
    seen = made(preview, ROUTED, lambda machines: nodes.update(by_name(machines)))
    plane = seen.seen["nodes-cp1"].inputs
    assert plane["imageName"] == "fjordkube-node"
    assert "blockDevices" not in plane
    assert nodes["cp1"].etcd_device is None
    assert "mkfs" not in str(opened(plane["userData"]))


@both
@pytest.mark.parametrize(("setting", "policy"), [("strict", "anti-affinity"), ("preferred", "soft-anti-affinity")])
def test_control_planes_alone_are_kept_apart(preview: bool, setting: str, policy: str, made: Made) -> None:
    seen = made(preview, control_planes=["cp1", "cp2", "cp3"], anti_affinity=setting)
    (group,) = seen.of_type(APART)
    assert group.inputs["policies"] == policy
    grouped = {found.name for found in seen.of_type(INSTANCE) if group.name in found.depends_on}
    assert grouped == {"nodes-cp1", "nodes-cp2", "nodes-cp3"}
    assert all("schedulerHints" not in seen.seen[f"nodes-{name}"].inputs for name in ("w1", "w2"))


@both
def test_without_anti_affinity_there_is_no_group(preview: bool, made: Made) -> None:
    seen = made(preview, anti_affinity="none")
    assert seen.of_type(APART) == []
    assert "schedulerHints" not in seen.seen["nodes-cp1"].inputs


@both
def test_flavors_and_marks_are_the_settings_own(preview: bool, made: Made) -> None:
    seen = made(preview, control_plane_flavor="cp", workers=[{"name": "w1", "flavor": "own"}])
    assert [seen.seen[f"nodes-{name}"].inputs["flavorName"] for name in ("cp1", "w1")] == ["cp", "own"]
    assert seen.seen["nodes-cp1"].inputs["metadata"] == {
        "fjordkube-stack": "test",
        "fjordkube-node": "cp1",
        "fjordkube-role": "control-plane",
    }


# --- Keys ------------------------------------------------------------------------------------------------------------


@both
def test_host_keys_are_pinned_installed_and_never_in_the_clear(preview: bool, made: Made) -> None:
    pins: dict[str, Any] = {}
    seen = made(preview, OWN, lambda ms: pinned(ms.nodes, pins))
    for name in ("cp1", "w1", "w2"):
        key, instance = host_keys.derive(SEED, "test", name), seen.seen[f"nodes-{name}"]
        assert pins[name] == key.public
        assert "userData" in instance.secret_inputs
        assert key.private.splitlines()[1] in str(opened(instance.inputs["userData"]))
    for thing in seen.seen.values():
        assert "PRIVATE KEY" not in thing.in_the_clear, thing.name
        assert SEED not in thing.in_the_clear, thing.name


@both
def test_the_login_keys_public_line_alone_is_given_away(preview: bool, made: Made) -> None:
    (key,) = made(preview).of_type(KEY)
    assert key.inputs["publicKey"] == host_keys.derive(SEED, "login", "nobody").public
    assert re.fullmatch(r"fjordkube-test-[0-9a-f]{8}", key.inputs["name"])


@both
def test_another_login_key_is_another_pair_beside_the_old_one(preview: bool, made: Made, tmp_path: Path) -> None:
    before = made(preview).of_type(KEY)[0]
    (tmp_path / "id_ed25519").write_text(host_keys.derive(SEED, "login", "another").private)
    after = made(preview).of_type(KEY)[0]
    assert before.inputs["name"] != after.inputs["name"]
    assert not after.delete_before_replace


def test_an_unusable_key_is_refused_before_anything_is_registered(tmp_path: Path) -> None:
    stack = settings(tmp_path, OWN)
    (tmp_path / "id_ed25519").chmod(0o644)
    with pytest.raises(MachineError, match=r"nodes\.ssh_key_file: .*chmod 600"):
        source.check(stack, "test")
    seen = record(True)
    with pytest.raises(MachineError):
        source.provide(stack, IMAGES, "test")
    assert seen.seen == {}


# --- What makes an instance anew -------------------------------------------------------------------------------------


@both
def test_what_makes_an_instance_anew_is_its_nodes_identity(preview: bool, made: Made) -> None:
    nodes: dict[str, Node] = {}
    instance = made(preview, OWN, lambda machines: nodes.update(by_name(machines))).seen["nodes-cp1"]
    same = nodes["cp1"].identity
    assert instance.replacement_trigger == same
    assert instance.delete_before_replace
    assert instance.ignore_changes == ["userData", "keyPair"]

    def identity(**changed: Any) -> str:
        return made(preview, **changed).seen["nodes-cp1"].replacement_trigger

    assert identity(control_plane_flavor="larger", workers=["w9"], anti_affinity="none") == same
    anew: tuple[dict[str, Any], ...] = (
        {"image": OUTSIDE},
        {"availability_zone": "az2"},
        {"etcd_volume_type": "fast"},
        {"control_planes": [{"name": "cp1", "address": "10.2.0.9"}]},
        {"control_planes": [{"name": "cp1", "etcd_volume_gib": 20}]},
        {"control_planes": [{"name": "cp1", "root_volume_gib": 20}]},
    )
    assert len({same, *(identity(**changed) for changed in anew)}) == len(anew) + 1


@both
def test_protection_is_for_instances_and_only_when_asked(preview: bool, made: Made) -> None:
    assert not any(thing.protect for thing in made(preview).seen.values())
    guarded = {thing.name for thing in made(preview, protect=True).seen.values() if thing.protect}
    assert guarded == {"nodes-cp1", "nodes-w1", "nodes-w2"}


@both
def test_a_worker_in_the_middle_that_goes_leaves_every_other_instances_inputs_alone(preview: bool, made: Made) -> None:
    before = made(preview, workers=["w1", "w2", "w3", "w4", "w5"]).seen
    after = made(preview, workers=["w5", "w1", "w3", "w4"]).seen
    assert before.keys() - after.keys() == {"nodes-w2", "nodes-w2-port", "nodes-w2-ip"}
    assert {name: thing.inputs for name, thing in after.items()} == {name: before[name].inputs for name in after}


# --- What OpenStack returns ------------------------------------------------------------------------------------------


def reached(made: Made, base: dict[str, Any], answers: Any = None, **nodes: Any) -> list[Any]:
    """Public address, zone, host of the connection and identity of w1, once they are known."""
    seen: list[Any] = []

    def look(machines: Machines) -> Any:
        w1 = by_name(machines)["w1"]
        return pulumi.Output.all(w1.public_address, w1.zone, w1.connection.host, w1.up).apply(seen.append)

    made(False, base, look, answers, **nodes)
    return list(seen[0])


def test_a_node_is_reached_by_its_floating_ip_its_second_nic_or_its_own_address(made: Made) -> None:
    number = sum(map(ord, "w1")) % 250 + 1
    assert reached(made, OWN) == ["198.51.100.7", "no-osl1", "198.51.100.7", "nodes-w1-id"]
    assert reached(made, OWN, **SECOND_NIC)[:3] == [f"192.0.2.{number}", "no-osl1", f"192.0.2.{number}"]
    assert reached(made, ROUTED)[:3] == ["10.68.3.9", "osl2", "10.68.3.9"]


def test_a_zone_is_the_returned_one_and_not_the_one_asked_for(made: Made) -> None:
    assert reached(made, ROUTED, as_openstack_answers(region="sto2"))[1] == "sto2"
    assert reached(made, OWN, as_openstack_answers(region="RegionOne"), region="RegionOne")[1] == "no-osl1"
    assert reached(made, OWN, as_openstack_answers(region="RegionTwo"), region="RegionOne")[1] == "RegionTwo"


def test_a_zone_is_not_known_before_the_instance_is_made(made: Made) -> None:
    known: list[bool] = []

    def look(machines: Machines) -> Any:
        async def ask() -> None:
            known.append(await pulumi.Output.from_input(machines.nodes[0].zone).is_known())

        return pulumi.Output.from_input(ask())

    made(True, ROUTED, look)
    assert known == [False]


@pytest.mark.parametrize(
    ("region", "zone", "found"),
    [
        ("osl", "osl-default-1", "osl"),
        ("osl", "bgo-default-1", "bgo"),
        ("osl", "nova", "osl"),
        ("elsewhere", "nova", "elsewhere"),
        ("osl", None, "osl"),
        (None, None, ""),
    ],
)
def test_an_availability_zone_that_names_a_zone_outranks_the_region(
    region: str | None, zone: str | None, found: str, tmp_path: Path
) -> None:
    workers = [{"name": "w1", "address": "10.68.3.9", "port": port(2)}]
    nodes = settings(tmp_path, ROUTED, cloud="nrec", zone="osl", workers=workers).nodes
    assert isinstance(nodes, OpenstackNodes)
    assert returned_zone(nodes, region, zone) == found


def test_an_instance_without_a_public_address_is_told_by_its_name() -> None:
    record(False)
    with pytest.raises(MachineError, match=r"w1.*returned no IPv4 address in nodes\.public_network"):
        public_address("w1", [])


@both
def test_a_node_says_all_that_the_rest_of_the_program_asks(preview: bool, made: Made) -> None:
    nodes: dict[str, Node] = {}
    pool = {"name": "web", "count": 2, "first_address": "10.2.0.120", "labels": {"tier": "web"}}
    made(preview, OWN, lambda machines: nodes.update(by_name(machines)), pools=[pool])
    cp1, w1, web2 = nodes["cp1"], nodes["w1"], nodes["web2"]
    assert (cp1.role, cp1.address, cp1.prefix_length, cp1.interface) == ("control-plane", "10.2.0.11", 24, "ens3")
    assert (cp1.ports, w1.ports) == ({"ssh": 22, "api": 6443}, {"ssh": 22, "http": 80, "https": 443})
    assert (cp1.etcd_device, w1.etcd_device) == ("LABEL=etcd", None)
    assert (web2.address, web2.labels) == ("10.2.0.121", {"tier": "web"})
    assert not w1.guarded  # among nodes a group lets everything pass: the host has its own firewall as well
    assert not w1.stays


# --- In front --------------------------------------------------------------------------------------------------------


@both
def test_octavia_where_asked_for_passes_each_use_to_the_nodes_that_answer_it(preview: bool, made: Made) -> None:
    assert made(preview).of_type(BALANCER) == []
    seen = made(preview, octavia=True)
    members = {
        found.name: [(m["name"], m["address"], m["protocolPort"]) for m in found.inputs["members"]]
        for found in seen.of_type(MEMBERS)
    }
    workers = [("w1", "10.2.0.101"), ("w2", "10.2.0.102")]
    assert members == {
        "nodes-front-api-members": [("cp1", "10.2.0.11", 6443)],
        "nodes-front-http-members": [(*who, 80) for who in workers],
        "nodes-front-https-members": [(*who, 443) for who in workers],
    }
    clients = {found.name: found.inputs["allowedCidrs"] for found in seen.of_type(LISTENER)}
    assert clients == {
        "nodes-front-api-listener": ["203.0.113.0/24"],
        "nodes-front-http-listener": ["0.0.0.0/0"],
        "nodes-front-https-listener": ["0.0.0.0/0"],
    }
    if not preview:
        assert (seen.seen["nodes"].outputs or {})["load_balancer"] == "198.51.100.7"


# --- In a whole cluster ----------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("base", [OWN, ROUTED], ids=["floating IPs", "ports made before"])
def test_no_node_has_more_than_nine_resources_in_the_whole_program(
    preview: bool, base: dict[str, Any], tmp_path: Path
) -> None:
    """Those that start the cluster are its own: they exist once, whichever control plane comes first."""
    names = ["cp1", "cp2", "cp3", "w1", "w2"]
    outputs = {
        **as_openstack_answers(),
        "command:local:Command": answer,
        "command:remote:Command": lambda _: {"stdout": KUBECONFIG},
    }
    listed: list[Any] = list(names)
    if base is ROUTED:
        listed = [{"name": name, "address": f"10.68.1.{i + 1}", "port": port(i)} for i, name in enumerate(names)]
        listed = [{**node, "etcd_volume_gib": 0} if "cp" in node["name"] else node for node in listed]
    stack, files = settings(tmp_path, base, control_planes=listed[:3], workers=listed[3:]), IMAGES
    seen = record(preview, outputs)

    def program() -> None:
        machines = source.provide(stack, files, "test")
        KubernetesCluster("fjord", ClusterArgs(stack, machines.nodes, files, NATIVE))

    run(program)
    count = {name: [thing for thing in seen.seen if re.search(rf"-{name}(-|$)", thing)] for name in names}
    assert {"fjord-api", "fjord-joinable", "fjord-addons"} <= set(seen.seen)
    assert {name: len(things) for name, things in count.items() if len(things) > 9} == {}, count
    assert len(count["w1"]) >= 6
