"""LocalMachines: two resources for each machine, and nothing that waits across machines; in both modes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from fjordkube.helpers import launcher
from fjordkube.helpers.local_vm import computer, keys, record
from fjordkube.helpers.local_vm.record import Made
from fjordkube.helpers.local_vm.spec import Disk, Power, from_environment
from fjordkube.nodes.local.machines import LocalMachines, LocalMachinesArgs
from tests.components.engine_recording import Recording, run
from tests.components.engine_recording import record as recording
from tests.unit.local_nodes import local_nodes

HOST_KEY = "ssh-ed25519 AAAA"
NAMES = ["cp1", "w1", "w2"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path))
    monkeypatch.setenv("FJORDKUBE_CACHE", str(tmp_path / "cache"))
    key = keys.client(tmp_path / "vm" / "test")
    key.parent.mkdir(parents=True)
    key.write_text("PRIVATE")


def answers(inputs: dict[str, Any]) -> dict[str, Any]:
    """What the machine program prints."""
    if inputs["create"].endswith("local-disk"):
        return {"stdout": json.dumps({"host_key": HOST_KEY, "ports": {"ssh": 22001, "api": 26443, "http": 28080}})}
    return {"stdout": json.dumps({"boot": 1, "host_key": HOST_KEY[-16:]})}


def machines(preview: bool, check: Any = lambda _machines: None, **nodes: Any) -> Recording:
    """What is registered for a stack with these nodes."""
    seen = recording(preview, {"command:local:Command": answers})

    def program() -> Any:
        args = LocalMachinesArgs(local_nodes(**nodes), "abc", "test", emulated=True)
        return check(LocalMachines("nodes", args))

    run(program)
    return seen


both = pytest.mark.parametrize("preview", [False, True])


@both
def test_each_machine_is_one_disk_and_one_power(preview: bool) -> None:
    seen = machines(preview)
    commands = seen.of_type("command:local:Command")
    assert {c.name for c in commands} == {f"nodes-{n}-{part}" for n in NAMES for part in ("disk", "power")}
    assert {c.parent for c in commands} == {f"nodes-{name}" for name in NAMES}
    assert {m.parent for m in seen.of_type("fjordkube:nodes:LocalMachine")} == {"nodes"}


@both
def test_nothing_waits_across_machines(preview: bool) -> None:
    seen = machines(preview)
    for name in NAMES:
        assert seen.seen[f"nodes-{name}-disk"].depends_on == []
        assert seen.seen[f"nodes-{name}-power"].depends_on == [f"nodes-{name}-disk"]


@both
def test_new_machine_waits_until_the_old_ones_folder_and_ports_are_free(preview: bool) -> None:
    seen = machines(preview)
    for command in seen.of_type("command:local:Command"):
        assert command.delete_before_replace, command.name
        assert command.inputs["triggers"] == [
            f"computer {computer.here()}",
            "image abc",
            f"address {command.inputs['environment']['MACHINE_ADDRESS']}/24",
            "generation 1",
        ]


@both
def test_commands_are_the_machine_programs_verbs_with_what_it_reads(preview: bool) -> None:
    seen = machines(preview)
    for command in seen.of_type("command:local:Command"):
        noun = command.name.rpartition("-")[2]
        assert command.inputs["create"] == command.inputs["update"] == launcher.command(f"local-{noun}")
        assert command.inputs["delete"] == launcher.command(f"local-{noun}-delete")
        kind: Any = Disk if noun == "disk" else Power
        spec = from_environment(kind, command.inputs["environment"])
        assert spec.name == command.name.split("-")[1]
        assert command.inputs["addPreviousOutputInEnv"] is False


def test_machine_that_is_down_is_started_again_and_one_that_must_shrink_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "vm" / "test" / "w1"
    folder.mkdir(parents=True)
    record.write_made(folder, Made(1, 40, 0, {"ssh": 22001}))
    record.write_started(folder, record.Started(4))
    seen = machines(True).seen
    assert seen["nodes-w1-power"].inputs["environment"]["MACHINE_BOOT"] == "5"
    assert seen["nodes-w2-power"].inputs["environment"]["MACHINE_BOOT"] == "1"
    assert seen["nodes-w1-disk"].inputs["triggers"][-1] == "generation 2"
    assert seen["nodes-w2-disk"].inputs["triggers"][-1] == "generation 1"


def test_node_is_reached_over_its_forwarded_port_with_its_host_key_pinned_and_the_private_key_secret() -> None:
    told: list[Any] = []

    def check(made: LocalMachines) -> Any:
        node = made.nodes[1]
        connection = node.connection
        assert isinstance(connection.private_key, pulumi.Output)

        def look(values: list[Any]) -> None:
            told.extend(values)

        return pulumi.Output.all(
            node.up,
            connection.host,
            connection.port,
            connection.host_key,
            pulumi.Output.unsecret(connection.private_key),
            connection.private_key.is_secret(),
            node.public_address,
            node.ports,
        ).apply(look)

    machines(False, check)
    assert told == [
        json.dumps({"boot": 1, "host_key": HOST_KEY[-16:]}),
        "127.0.0.1",
        22001,
        HOST_KEY,
        "PRIVATE",
        True,
        "127.0.0.1",
        {"ssh": 22001, "api": 26443, "http": 28080},
    ]


@both
def test_no_resource_carries_the_private_key(preview: bool) -> None:
    for found in machines(preview).seen.values():
        assert "PRIVATE" not in json.dumps([found.inputs, found.outputs], default=str)


@both
def test_role_address_and_etcds_disk_are_known_before_anything_runs(preview: bool) -> None:
    told: list[Any] = []

    def check(made: LocalMachines) -> None:
        told.extend((n.name, n.role, n.address, n.prefix_length, n.interface, n.etcd_device) for n in made.nodes)

    seen = machines(preview, check, workers=["w1"])
    assert told == [
        ("cp1", "control-plane", "192.168.77.11", 24, "eth1", "LABEL=etcd"),
        ("w1", "worker", "192.168.77.101", 24, "eth1", None),
    ]
    assert seen.seen["nodes"].outputs == {"addresses": {"cp1": "192.168.77.11", "w1": "192.168.77.101"}}


def test_outputs_are_registered_as_declared() -> None:
    outputs = machines(False).seen["nodes-w1"].outputs
    assert outputs is not None
    assert set(outputs) == {"ports", "host_key", "up"}
    assert outputs["host_key"] == HOST_KEY


def test_keys_that_vanished_while_the_state_knows_the_machines_are_told(tmp_path: Path) -> None:
    keys.client(tmp_path / "vm" / "test").unlink()
    with pytest.raises(Exception, match=r"id_ed25519: gone, although the stack's state knows its machines; run make d"):
        machines(False, lambda made: pulumi.Output.from_input(made.nodes[0].connection.private_key))
