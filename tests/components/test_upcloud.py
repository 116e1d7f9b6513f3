"""Servers at UpCloud, against mocks in both modes: what each is made of, what is secret, and what UpCloud returned."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from fjordkube.cluster import ClusterArgs, KubernetesCluster
from fjordkube.errors import MachineError
from fjordkube.images import Images
from fjordkube.node import Node
from fjordkube.nodes import host_keys
from fjordkube.nodes.source import Machines
from fjordkube.nodes.upcloud import source
from fjordkube.nodes.upcloud.machine import public_address
from fjordkube.settings import Stack, load
from fjordkube.timing import NATIVE
from tests.components.bootstrap_mocks import KUBECONFIG, opened
from tests.components.engine_recording import HOST_KEY_SEED, Recording, pinned, record, run
from tests.components.images import IMAGES
from tests.components.test_disk_gate import answer

SERVER, STORAGE = "upcloud:index/server:Server", "upcloud:index/storage:Storage"
RULES, GROUP = "upcloud:index/serverFirewallRules:ServerFirewallRules", "upcloud:index/serverGroup:ServerGroup"
NETWORK, BALANCER = "upcloud:index/network:Network", "upcloud:index/loadbalancer:Loadbalancer"
MEMBER = "upcloud:index/loadbalancerStaticBackendMember:LoadbalancerStaticBackendMember"
SEED = HOST_KEY_SEED

both = pytest.mark.parametrize("preview", [False, True])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path))
    key = tmp_path / "id_ed25519"
    key.touch(mode=0o600)
    key.write_text(host_keys.derive(SEED, "login", "nobody").private)


def settings(tmp_path: Path, more: dict[str, Any] | None = None, **nodes: Any) -> Stack:
    return load(
        {
            "nodes": {"source": "upcloud", "ssh_key_file": str(tmp_path / "id_ed25519"), **nodes},
            "firewall": {"admin_cidrs": ["203.0.113.0/24"]},
            **(more or {}),
        }
    )


def as_upcloud_answers(zone: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def answer(inputs: dict[str, Any]) -> dict[str, Any]:
        number = sum(map(ord, inputs["hostname"])) % 250 + 1
        nics = [
            {**nic, "ipAddress": f"198.51.100.{number}"} if nic["type"] == "public" else nic
            for nic in inputs["networkInterfaces"]
        ]
        return {"zone": zone, "networkInterfaces": nics}

    return answer


def provided(
    preview: bool, stack: Stack, images: Images, look: Callable[[Machines], Any] = lambda _: None, zone: str = "no-svg1"
) -> Recording:
    """What is registered for the stack's servers; `look` may await what they return."""
    seen = record(preview, {SERVER: as_upcloud_answers(zone)})
    run(lambda: look(source.provide(stack, images, "test")))
    return seen


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Recording]:
    def make(
        preview: bool, look: Callable[[Machines], Any] = lambda _: None, zone: str = "no-svg1", **nodes: Any
    ) -> Any:
        return provided(preview, settings(tmp_path, **nodes), IMAGES, look, zone)

    return make


Made = Callable[..., Recording]


def by_name(machines: Machines) -> dict[str, Node]:
    return {node.name: node for node in machines.nodes}


# --- What is made ----------------------------------------------------------------------------------------------------


@both
def test_each_node_is_a_server_with_rules_and_a_control_plane_has_a_disk_for_etcd(preview: bool, made: Made) -> None:
    seen = made(preview)
    assert {s.name for s in seen.of_type(SERVER)} == {"nodes-cp1", "nodes-w1", "nodes-w2"}
    assert {s.name for s in seen.of_type(RULES)} == {f"nodes-{n}-firewall" for n in ("cp1", "w1", "w2")}
    assert {s.name for s in seen.of_type(STORAGE)} == {"nodes-cp1-etcd"}
    assert {s.parent for kind in (SERVER, RULES, STORAGE) for s in seen.of_type(kind)} == {"nodes"}
    assert seen.of_type(BALANCER) == []


@both
def test_every_disk_is_maxiops_and_encrypted_and_everything_stands_in_the_zone(preview: bool, made: Made) -> None:
    seen = made(preview)
    roots = [server.inputs["template"] for server in seen.of_type(SERVER)]
    disks = [*roots, *(storage.inputs for storage in seen.of_type(STORAGE))]
    assert {(disk["tier"], disk["encrypt"]) for disk in disks} == {("maxiops", True)}
    placed = [thing for kind in (SERVER, STORAGE, NETWORK) for thing in seen.of_type(kind)]
    assert {thing.inputs["zone"] for thing in placed} == {"no-svg1"}


@both
def test_pods_addresses_pass_the_private_nic_which_has_the_nodes_own(preview: bool, made: Made) -> None:
    seen = made(preview)
    nics = {server.inputs["hostname"]: server.inputs["networkInterfaces"] for server in seen.of_type(SERVER)}
    assert {name: private["ipAddress"] for name, (_, private) in nics.items()} == {
        "cp1": "10.1.0.11",
        "w1": "10.1.0.101",
        "w2": "10.1.0.102",
    }
    assert all(private["sourceIpFiltering"] is False for _, private in nics.values())
    assert all(public["type"] == "public" for public, _ in nics.values())
    (network,) = seen.of_type(NETWORK)
    assert network.inputs["ipNetwork"]["address"] == "10.1.0.0/24"
    assert network.inputs["ipNetwork"]["dhcpDefaultRoute"] is False


@both
def test_plans_sizes_and_labels_are_the_settings_own(preview: bool, made: Made) -> None:
    seen = made(preview, control_plane_plan="4xCPU-8GB", workers=[{"name": "w1", "root_disk_gib": 80}])
    plane, worker = seen.seen["nodes-cp1"].inputs, seen.seen["nodes-w1"].inputs
    assert (plane["plan"], worker["plan"]) == ("4xCPU-8GB", "2xCPU-4GB")
    assert worker["template"]["size"] == 80
    assert plane["labels"] == {"fjordkube-stack": "test", "fjordkube-node": "cp1", "fjordkube-role": "control-plane"}
    assert seen.seen["nodes-cp1-etcd"].inputs["labels"]["fjordkube-stack"] == "test"


@both
@pytest.mark.parametrize(("setting", "policy"), [("strict", "strict"), ("preferred", "yes"), ("none", "no")])
def test_control_planes_alone_are_kept_apart(preview: bool, setting: str, policy: str, made: Made) -> None:
    seen = made(preview, control_planes=["cp1", "cp2", "cp3"], anti_affinity=setting)
    (group,) = seen.of_type(GROUP)
    assert group.inputs["antiAffinityPolicy"] == policy
    assert group.inputs["trackMembers"] is False
    grouped = {s.inputs["hostname"] for s in seen.of_type(SERVER) if s.depends_on and group.name in s.depends_on}
    assert grouped == {"cp1", "cp2", "cp3"}


@both
def test_every_server_is_behind_its_firewall_which_goes_with_it(preview: bool, made: Made) -> None:
    seen = made(preview)
    assert all(server.inputs["firewall"] is True for server in seen.of_type(SERVER))
    for rules in seen.of_type(RULES):
        assert rules.inputs["firewallRules"], rules.name
        assert rules.deleted_with == rules.name.removesuffix("-firewall")
    last = seen.seen["nodes-w1-firewall"].inputs["firewallRules"]
    assert any(rule["action"] == "drop" and rule["direction"] == "in" for rule in last)
    assert seen.seen["nodes-cp1-firewall"].inputs["firewallRules"] != last


# --- Keys ------------------------------------------------------------------------------------------------------------


@both
def test_host_keys_are_pinned_installed_and_never_in_the_clear(preview: bool, made: Made) -> None:
    pins: dict[str, Any] = {}

    seen = made(preview, lambda machines: pinned(machines.nodes, pins))
    for name in ("cp1", "w1", "w2"):
        key, server = host_keys.derive(SEED, "test", name), seen.seen[f"nodes-{name}"]
        assert pins[name] == key.public
        assert "userData" in server.secret_inputs
        user_data = str(opened(server.inputs["userData"]))
        assert key.private.splitlines()[1] in user_data
        assert key.public in user_data
    for thing in seen.seen.values():
        assert "PRIVATE KEY" not in thing.in_the_clear, thing.name
        assert SEED not in thing.in_the_clear, thing.name


@both
def test_the_login_keys_public_line_alone_is_given_away(preview: bool, made: Made) -> None:
    seen = made(preview)
    public = host_keys.derive(SEED, "login", "nobody").public
    for server in seen.of_type(SERVER):
        assert server.inputs["login"]["keys"] == [public]
        assert server.inputs["login"]["createPassword"] is False


@both
def test_a_changed_user_data_or_login_key_costs_no_living_server(preview: bool, made: Made) -> None:
    for server in made(preview).of_type(SERVER):
        assert server.ignore_changes == ["userData", "login"]


def test_an_unusable_key_is_refused_before_anything_is_registered(tmp_path: Path) -> None:
    stack = settings(tmp_path)
    (tmp_path / "id_ed25519").chmod(0o644)
    with pytest.raises(MachineError, match=r"nodes\.ssh_key_file: .*chmod 600"):
        source.check(stack, "test")
    seen = record(True)
    with pytest.raises(MachineError):
        source.provide(stack, IMAGES, "test")
    assert seen.seen == {}


# --- What makes a server anew ----------------------------------------------------------------------------------------


@both
def test_what_makes_a_server_anew_is_one_identity_for_it_its_etcd_disk_and_its_node(preview: bool, made: Made) -> None:
    nodes: dict[str, Node] = {}
    seen = made(preview, lambda machines: nodes.update(by_name(machines)))
    server, disk = seen.seen["nodes-cp1"], seen.seen["nodes-cp1-etcd"]
    assert server.replacement_trigger == disk.replacement_trigger == nodes["cp1"].identity
    assert server.delete_before_replace
    assert json.loads(nodes["cp1"].identity)["zone"] == "no-svg1"

    def identity(**changed: Any) -> str:
        return made(preview, **changed).seen["nodes-cp1"].replacement_trigger

    same = nodes["cp1"].identity
    assert identity(control_plane_plan="4xCPU-8GB", workers=["w9"]) == same
    for anew in (
        {"template": "other"},
        {"encrypt": False},
        {"control_planes": [{"name": "cp1", "address": "10.1.0.9"}]},
    ):
        assert identity(**anew) != same


@both
def test_protection_is_for_servers_and_etcds_disks_and_only_when_asked(preview: bool, made: Made) -> None:
    assert not any(thing.protect for thing in made(preview).seen.values())
    guarded = {thing.name for thing in made(preview, protect=True).seen.values() if thing.protect}
    assert guarded == {"nodes-cp1", "nodes-w1", "nodes-w2", "nodes-cp1-etcd"}


@both
def test_a_worker_in_the_middle_that_goes_leaves_every_other_servers_inputs_alone(preview: bool, made: Made) -> None:
    before = made(preview, workers=["w1", "w2", "w3", "w4", "w5"]).seen
    after = made(preview, workers=["w5", "w1", "w3", "w4"]).seen
    assert before.keys() - after.keys() == {"nodes-w2", "nodes-w2-firewall"}
    assert {name: thing.inputs for name, thing in after.items()} == {name: before[name].inputs for name in after}


# --- What UpCloud returns --------------------------------------------------------------------------------------------


def test_address_and_zone_are_those_that_upcloud_returned(made: Made) -> None:
    seen: list[Any] = []

    def look(machines: Machines) -> Any:
        w1 = by_name(machines)["w1"]
        host = w1.connection.host
        return pulumi.Output.all(w1.public_address, w1.zone, host, w1.up).apply(seen.append)

    made(False, look, zone="fi-hel1")
    (found,) = seen
    number = sum(map(ord, "w1")) % 250 + 1
    assert found == [f"198.51.100.{number}", "fi-hel1", f"198.51.100.{number}", "nodes-w1-id"]


def test_a_server_without_a_public_address_is_told_by_its_name(made: Made) -> None:
    record(False)
    with pytest.raises(MachineError, match=r"w1.*returned no public address"):
        public_address("w1", [])


@both
def test_a_node_says_all_that_the_rest_of_the_program_asks(preview: bool, made: Made) -> None:
    nodes: dict[str, Node] = {}
    made(
        preview,
        lambda machines: nodes.update(by_name(machines)),
        workers=[{"name": "w1", "labels": {"tier": "web"}, "taints": ["dedicated=web:PreferNoSchedule"]}],
    )
    cp1, w1 = nodes["cp1"], nodes["w1"]
    assert (cp1.role, cp1.address, cp1.prefix_length, cp1.interface) == ("control-plane", "10.1.0.11", 24, "eth1")
    assert (cp1.ports, w1.ports) == ({"ssh": 22, "api": 6443}, {"ssh": 22, "http": 80, "https": 443})
    assert (cp1.etcd_device, w1.etcd_device) == ("LABEL=etcd", None)
    assert (w1.labels, list(w1.taints)) == ({"tier": "web"}, ["dedicated=web:PreferNoSchedule"])
    assert not w1.guarded  # a firewall without state is not enough: the host has its own as well
    assert not w1.stays


# --- In front --------------------------------------------------------------------------------------------------------


@both
def test_a_load_balancer_where_asked_for_passes_each_use_to_the_nodes_that_answer_it(preview: bool, made: Made) -> None:
    seen = made(preview, load_balancer=True, load_balancer_plan="development")
    (balancer,) = seen.of_type(BALANCER)
    assert balancer.inputs["plan"] == "development"
    assert balancer.inputs["zone"] == "no-svg1"
    members = {m.name: (m.inputs["ip"], m.inputs["port"]) for m in seen.of_type(MEMBER)}
    assert members == {
        "nodes-front-api-cp1": ("10.1.0.11", 6443),
        "nodes-front-http-w1": ("10.1.0.101", 80),
        "nodes-front-http-w2": ("10.1.0.102", 80),
        "nodes-front-https-w1": ("10.1.0.101", 443),
        "nodes-front-https-w2": ("10.1.0.102", 443),
    }


def test_the_load_balancers_name_is_the_one_that_upcloud_gave_its_public_side(tmp_path: Path) -> None:
    def named(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"networks": [{**side, "dnsName": f"{side['name']}.example"} for side in inputs["networks"]]}

    seen = record(False, {SERVER: as_upcloud_answers("no-svg1"), BALANCER: named})
    stack = settings(tmp_path, load_balancer=True)

    told: list[str] = []

    def program() -> Any:
        front = source.provide(stack, IMAGES, "test").load_balancer
        assert front is not None
        return front.apply(told.append)

    run(program)
    assert told == ["public.example"]
    assert (seen.seen["nodes-front"].outputs or {})["address"] == "public.example"
    assert (seen.seen["nodes"].outputs or {})["load_balancer"] == "public.example"


# --- In a whole cluster ----------------------------------------------------------------------------------------------


@both
def test_no_node_has_more_than_nine_resources_in_the_whole_program(preview: bool, tmp_path: Path) -> None:
    """Those that start the cluster are its own: they exist once, whichever control plane comes first."""
    names = ["cp1", "cp2", "cp3", "w1", "w2"]
    outputs = {
        SERVER: as_upcloud_answers("no-svg1"),
        "command:local:Command": answer,
        "command:remote:Command": lambda _: {"stdout": KUBECONFIG},
    }
    seen = record(preview, outputs)
    stack, files = settings(tmp_path, control_planes=names[:3], workers=names[3:]), IMAGES

    def program() -> None:
        machines = source.provide(stack, files, "test")
        KubernetesCluster("fjord", ClusterArgs(stack, machines.nodes, files, NATIVE))

    run(program)
    count = {name: [thing for thing in seen.seen if re.search(rf"-{name}(-|$)", thing)] for name in names}
    assert {"fjord-api", "fjord-joinable", "fjord-addons"} <= set(seen.seen)
    assert {name: len(things) for name, things in count.items() if len(things) > 9} == {}, count
    assert len(count["w1"]) >= 6
