"""Machines of a vendor's command, against mocks in both modes: what is ordered, and what becomes of the answer."""

from __future__ import annotations

import gc
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest

from fjordkube.cluster import ClusterArgs, KubernetesCluster
from fjordkube.errors import MachineError
from fjordkube.helpers import launcher
from fjordkube.node import Node
from fjordkube.nodes import host_keys
from fjordkube.nodes.source import Machines
from fjordkube.nodes.vendor_cli import source
from fjordkube.nodes.vendor_cli.machines import ANEW
from fjordkube.residency import asserted
from fjordkube.settings import Stack, load
from fjordkube.timing import NATIVE
from tests.components.bootstrap_mocks import KUBECONFIG, opened
from tests.components.engine_recording import Recording, Registered, record, run
from tests.components.images import IMAGES
from tests.components.test_disk_gate import answer as gate_answer
from tests.vendor.fake_vendor import PAPER_KEY

COMMAND = "command:local:Command"
SEED = "a seed that is used by tests alone, 43 letters"
MACHINES = ("nodes-cp1", "nodes-w1", "nodes-w2")

both = pytest.mark.parametrize("preview", [False, True])


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path))
    key = tmp_path / "id_ed25519"
    key.touch(mode=0o600)
    key.write_text(host_keys.derive(SEED, "login", "nobody").private)
    vendor = tmp_path / "vendor"
    vendor.write_text("#!/bin/sh\nexit 1\n")
    vendor.chmod(0o755)


@pytest.fixture
def quiet() -> Iterator[None]:
    """The run's error is the test's; what else waited for the zone would report it once more at the end."""
    logger = logging.getLogger("asyncio")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    gc.collect()
    logger.setLevel(level)


def settings(tmp_path: Path, more: dict[str, Any] | None = None, **nodes: Any) -> Stack:
    vendor = {
        "source": "vendor_cli",
        "command": [str(tmp_path / "vendor"), "--account", "7"],
        "zone": "no-osl1",
        "image": "debian-13",
        "control_plane_plan": "nvme-4",
        "worker_plan": "nvme-2",
        "ssh_key_file": str(tmp_path / "id_ed25519"),
    }
    return load({"nodes": {**vendor, **nodes}, "firewall": {"admin_cidrs": ["203.0.113.0/24"]}, **(more or {})})


def as_the_driver_prints(**changed: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def answer(inputs: dict[str, Any]) -> dict[str, Any]:
        name = inputs["environment"]["VENDOR_NAME"]
        facts = {
            "id": f"vm-{name}",
            "zone": "no-osl1",
            "public_address": "203.0.113.7",
            "host_key": PAPER_KEY,
            "ports": {},
        }
        return {"stdout": json.dumps(facts | changed)}

    return answer


Look = Callable[[Machines], Any]
Made = Callable[..., Recording]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """What is registered for the vendor's machines; `look` may await what they return."""

    def make(
        preview: bool,
        look: Look = lambda _: None,
        says: dict[str, Any] | None = None,
        more: dict[str, Any] | None = None,
        **nodes: Any,
    ) -> Recording:
        seen = record(preview, {COMMAND: as_the_driver_prints(**(says or {}))})
        stack = settings(tmp_path, more, **nodes)
        run(lambda: look(source.provide(stack, IMAGES, "test")))
        return seen

    return make


def by_name(machines: Machines) -> dict[str, Node]:
    return {node.name: node for node in machines.nodes}


def environment(thing: Registered) -> dict[str, str]:
    found: dict[str, str] = thing.inputs["environment"]
    return found


def orders(seen: Recording) -> list[Registered]:
    return [command for command in seen.of_type(COMMAND) if command.name != "nodes-key"]


# --- What is ordered -------------------------------------------------------------------------------------------------


@both
def test_each_node_is_one_command_that_depends_on_nothing(preview: bool, made: Made) -> None:
    seen = made(preview)
    commands = orders(seen)
    assert sorted(command.name for command in commands) == list(MACHINES)
    assert seen.seen.keys() - {"fjordkube-test"} == {
        "nodes",
        "nodes-key",
        *MACHINES,
    }  # the stack itself, which some runs register
    # the key alone, which was there before
    assert {(command.parent, tuple(command.depends_on)) for command in commands} == {("nodes", ("nodes-key",))}


@both
def test_create_and_update_are_the_same_question_and_delete_takes_it_back(preview: bool, made: Made) -> None:
    for command in orders(made(preview)):
        assert command.inputs["create"] == command.inputs["update"] == launcher.command("vendor-create")
        assert command.inputs["delete"] == launcher.command("vendor-delete")
        assert command.inputs["addPreviousOutputInEnv"] is False
        assert command.inputs["logging"] == "stderr"


@both
def test_the_order_says_all_that_the_settings_say(preview: bool, made: Made, tmp_path: Path) -> None:
    seen = made(preview, workers=["w1", {"name": "w2", "plan": "nvme-8"}], call_seconds=77, patience_seconds=88)
    plane, worker = environment(seen.seen["nodes-cp1"]), environment(seen.seen["nodes-w2"])
    assert plane == {
        "VENDOR_COMMAND": json.dumps([str(tmp_path / "vendor"), "--account", "7"]),
        "VENDOR_CALL_SECONDS": "77",
        "VENDOR_PATIENCE_SECONDS": "88",
        "VENDOR_NAME": "test-cp1",
        "VENDOR_HOSTNAME": "cp1",
        "VENDOR_ROLE": "control-plane",
        "VENDOR_ZONE": "no-osl1",
        "VENDOR_PLAN": "nvme-4",
        "VENDOR_IMAGE": "debian-13",
        "VENDOR_PRIVATE_NETWORK": "10.1.0.0/24",
        "VENDOR_PRIVATE_ADDRESS": "10.1.0.11",
        "VENDOR_ETCD_DISK": "yes",
        "VENDOR_SSH_PUBLIC_KEY": host_keys.derive(SEED, "login", "nobody").public,
    }
    changed = {key: value for key, value in worker.items() if plane[key] != value}
    assert changed == {
        "VENDOR_NAME": "test-w2",
        "VENDOR_HOSTNAME": "w2",
        "VENDOR_ROLE": "worker",
        "VENDOR_PLAN": "nvme-8",
        "VENDOR_PRIVATE_ADDRESS": "10.1.0.102",
        "VENDOR_ETCD_DISK": "no",
    }


@both
def test_no_private_key_is_in_the_order_or_in_the_clear(preview: bool, made: Made) -> None:
    seen = made(preview)
    for thing in seen.seen.values():
        assert "PRIVATE KEY" not in thing.in_the_clear, thing.name


def test_unusable_key_or_command_is_refused_before_anything_is_registered(tmp_path: Path) -> None:
    stack = settings(tmp_path)
    (tmp_path / "vendor").chmod(0o644)
    (tmp_path / "id_ed25519").unlink()
    seen = record(False)
    with pytest.raises(MachineError, match=r"(?s)2 problems.*nodes\.command: .*nodes\.ssh_key_file: "):
        source.provide(stack, IMAGES, "test")
    assert seen.seen == {}


# --- What orders a machine anew --------------------------------------------------------------------------------------


@both
def test_triggers_are_what_cannot_change_and_the_old_machine_goes_first(preview: bool, made: Made) -> None:
    nodes: dict[str, Node] = {}
    seen = made(preview, lambda machines: nodes.update(by_name(machines)))
    for command in orders(seen):
        order = environment(command)
        assert command.inputs["triggers"] == [order[key] for key in ANEW]
        assert command.delete_before_replace
        identity = json.loads(nodes[order["VENDOR_HOSTNAME"]].identity)
        assert identity == {key: order[key] for key in ANEW}


@both
@pytest.mark.parametrize(
    ("changed", "anew"),
    [
        ({}, False),
        ({"command": ["/bin/true"]}, False),
        ({"call_seconds": 99, "patience_seconds": 99}, False),
        ({"worker_plan": "nvme-9", "workers": ["w9"]}, False),
        ({"image": "debian-14"}, True),
        ({"zone": "no-svg1"}, True),
        ({"control_plane_plan": "nvme-8"}, True),
        ({"private_cidr": "10.1.0.0/23"}, True),
        ({"control_planes": [{"name": "cp1", "address": "10.1.0.9"}]}, True),
        ({"control_planes": [{"name": "cp1", "etcd_disk": "root"}]}, True),
        ({"control_planes": [{"name": "cp1", "etcd_disk": "/dev/vdb1"}]}, False),
    ],
)
def test_what_orders_a_machine_anew_and_what_does_not(
    preview: bool, changed: dict[str, Any], anew: bool, made: Made
) -> None:
    before, after = (made(preview, **nodes).seen["nodes-cp1"].inputs["triggers"] for nodes in ({}, changed))
    assert (before != after) is anew


@both
def test_another_login_key_is_no_other_machine(preview: bool, made: Made, tmp_path: Path) -> None:
    before = made(preview).seen["nodes-w1"].inputs
    (tmp_path / "id_ed25519").write_text(host_keys.derive(SEED, "login", "another").private)
    after = made(preview).seen["nodes-w1"].inputs
    assert before["environment"] != after["environment"]
    assert before["triggers"] == after["triggers"]


@both
def test_a_worker_in_the_middle_that_goes_leaves_every_other_machines_inputs_alone(preview: bool, made: Made) -> None:
    before = made(preview, workers=["w1", "w2", "w3", "w4", "w5"]).seen
    after = made(preview, workers=["w5", "w1", "w3", "w4"]).seen
    assert before.keys() - after.keys() == {"nodes-w2"}
    assert {name: thing.inputs for name, thing in after.items()} == {name: before[name].inputs for name in after}


@both
def test_pools_are_ordered_by_number(preview: bool, made: Made) -> None:
    pool = {"name": "web", "count": 2, "first_address": "10.1.0.121", "plan": "nvme-8"}
    seen = made(preview, pools=[pool])
    orders = [environment(seen.seen[f"nodes-web{number}"]) for number in (1, 2)]
    assert [(order["VENDOR_PRIVATE_ADDRESS"], order["VENDOR_PLAN"]) for order in orders] == [
        ("10.1.0.121", "nvme-8"),
        ("10.1.0.122", "nvme-8"),
    ]


# --- What the vendor returned ----------------------------------------------------------------------------------------


def test_address_zone_host_key_and_identity_are_those_of_the_answer(made: Made) -> None:
    seen: list[Any] = []

    def look(machines: Machines) -> Any:
        w1 = by_name(machines)["w1"]
        connection = w1.connection
        return pulumi.Output.all(
            w1.public_address, connection.host, connection.host_key, connection.port, w1.zone, w1.up
        ).apply(seen.append)

    made(False, look, says={"public_address": "198.51.100.9", "zone": "no-svg1", "ports": {"ssh": 2202}})
    assert seen == [
        ["198.51.100.9", "198.51.100.9", PAPER_KEY, 2202, "no-svg1", f"vm-test-w1 {PAPER_KEY}"],
    ]


def test_ports_of_the_answer_override_the_usual_ones_of_the_role(made: Made) -> None:
    usual: list[Any] = []
    forwarded: list[Any] = []

    def looking(into: list[Any]) -> Look:
        def look(machines: Machines) -> Any:
            nodes = by_name(machines)
            return pulumi.Output.all(nodes["cp1"].ports, nodes["w1"].ports).apply(into.append)

        return look

    more = {"ingress": {"http_port": 8080}}
    made(False, looking(usual), more=more)
    assert usual == [[{"ssh": 22, "api": 6443}, {"ssh": 22, "http": 8080, "https": 443}]]
    made(False, looking(forwarded), says={"ports": {"ssh": 2211, "api": 16443, "https": 8443}}, more=more)
    assert forwarded == [[{"ssh": 2211, "api": 16443}, {"ssh": 2211, "http": 8080, "https": 8443}]]


def test_nothing_of_the_answer_is_known_in_a_preview(made: Made) -> None:
    known: list[Any] = []

    def look(machines: Machines) -> None:
        for node in machines.nodes:
            for value in (node.zone, node.up, node.public_address, node.ports, node.connection.host_key):
                assert isinstance(value, pulumi.Output)
                value.apply(known.append)

    made(True, look)
    assert known == []


@both
def test_a_node_says_all_that_is_known_before(preview: bool, made: Made) -> None:
    nodes: dict[str, Node] = {}
    made(
        preview,
        lambda machines: nodes.update(by_name(machines)),
        interface="ens4",
        workers=[{"name": "w1", "labels": {"tier": "web"}, "taints": ["dedicated=web:PreferNoSchedule"]}],
    )
    cp1, w1 = nodes["cp1"], nodes["w1"]
    assert (cp1.role, cp1.address, cp1.prefix_length, cp1.interface) == ("control-plane", "10.1.0.11", 24, "ens4")
    assert (cp1.etcd_device, w1.etcd_device) == ("LABEL=etcd", None)
    assert (w1.labels, list(w1.taints)) == ({"tier": "web"}, ["dedicated=web:PreferNoSchedule"])
    assert not w1.guarded  # nobody knows of a firewall at the vendor: the host has its own
    assert not w1.stays


@both
def test_etcd_on_the_root_disk_mounts_nothing(preview: bool, made: Made) -> None:
    nodes: dict[str, Node] = {}
    planes = [{"name": "cp1", "etcd_disk": "root"}]
    seen = made(preview, lambda machines: nodes.update(by_name(machines)), control_planes=planes)
    assert nodes["cp1"].etcd_device is None
    assert environment(seen.seen["nodes-cp1"])["VENDOR_ETCD_DISK"] == "no"


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("se-sto1", "se-sto1 is in SE, not in Norway; take the machine down (make down), and "),
        ("", "the provider returned none; ask the provider where it is"),
    ],
)
@pytest.mark.usefixtures("quiet")
def test_a_foreign_returned_zone_fails_the_run(made: Made, zone: str, words: str) -> None:
    """The driver refuses it before; this is what holds were the driver wrong."""

    def look(machines: Machines) -> Any:
        node = asserted(by_name(machines)["w1"], "vendor_cli", "norway")
        return pulumi.Output.from_input(node.connection.host)

    with pytest.raises(pulumi.RunError) as caught:
        made(False, look, says={"zone": zone})
    assert str(caught.value).startswith("nodes[w1].zone: ")
    assert words in str(caught.value)


# --- In a whole cluster ----------------------------------------------------------------------------------------------


def whole(preview: bool, tmp_path: Path, **nodes: Any) -> Recording:
    """The whole program's resources."""

    def local(inputs: dict[str, Any]) -> dict[str, Any]:
        of_a_machine = "VENDOR_NAME" in (inputs.get("environment") or {})
        return as_the_driver_prints()(inputs) if of_a_machine else gate_answer(inputs)

    seen = record(preview, {COMMAND: local, "command:remote:Command": lambda _: {"stdout": KUBECONFIG}})
    stack, files = settings(tmp_path, **nodes), IMAGES

    def program() -> None:
        machines = source.provide(stack, files, "test")
        KubernetesCluster("fjord", ClusterArgs(stack, machines.nodes, files, NATIVE))

    run(program)
    return seen


@both
def test_no_node_has_more_than_nine_resources_in_the_whole_program(preview: bool, tmp_path: Path) -> None:
    """Those that start the cluster are its own: they exist once, whichever control plane comes first."""
    names = ["cp1", "cp2", "cp3", "w1", "w2"]
    seen = whole(preview, tmp_path, control_planes=names[:3], workers=names[3:])
    count = {name: [thing for thing in seen.seen if re.search(rf"-{name}(-|$)", thing)] for name in names}
    assert {"fjord-api", "fjord-joinable", "fjord-addons"} <= set(seen.seen)
    assert {name: len(things) for name, things in count.items() if len(things) > 9} == {}, count
    assert len(count["w1"]) >= 4


def test_every_connection_into_a_machine_has_the_vendors_host_key(tmp_path: Path) -> None:
    seen = whole(False, tmp_path)
    connections = [opened(command.inputs["connection"]) for command in seen.of_type("command:remote:Command")]
    assert len(connections) >= 3
    assert {(connection["host"], connection["hostKey"]) for connection in connections} == {("203.0.113.7", PAPER_KEY)}
