"""From settings to machines: names, roots, sizes, and the two numbers that make Pulumi see what it cannot know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fjordkube import roots
from fjordkube.errors import MachineError
from fjordkube.helpers.local_vm import computer as computers
from fjordkube.helpers.local_vm import disk, places, power
from fjordkube.helpers.local_vm.record import Made
from fjordkube.nodes.local import plan
from fjordkube.nodes.local.plan import Found, Machine
from tests.unit.local_machine import Computer, computer
from tests.unit.local_nodes import local_nodes

MADE = Made(generation=3, disk_gib=12, etcd_disk_gib=4, ports={})


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FJORDKUBE_CACHE", str(tmp_path / "cache"))


def machines(emulated: bool = True, stack: str = "local", **nodes: Any) -> list[Machine]:
    return plan.machines(local_nodes(**nodes), stack, emulated)


def test_default_machines_have_roles_and_addresses_by_name(tmp_path: Path) -> None:
    found = [(m.name, m.role, m.address, m.memory_mib, m.disk_gib, m.etcd_disk_gib) for m in machines()]
    assert found == [
        ("cp1", "control-plane", "192.168.77.11", 4096, 12, 4),
        ("w1", "worker", "192.168.77.101", 2048, 12, 0),
        ("w2", "worker", "192.168.77.102", 2048, 12, 0),
    ]
    assert machines()[1].files.directory == tmp_path / "home" / "vm" / "local" / "w1"


def test_given_address_is_the_machines() -> None:
    assert machines(workers=[{"name": "edge", "address": "192.168.77.50"}])[1].address == "192.168.77.50"


def test_emulated_workers_have_one_processor_unless_the_file_says_otherwise() -> None:
    assert [m.cpus for m in machines(emulated=True)] == [2, 1, 1]
    assert [m.cpus for m in machines(emulated=False)] == [2, 2, 2]
    assert [m.cpus for m in machines(workers=[{"name": "w1", "cpus": 3}])] == [2, 3]


def test_ports_are_asked_by_role_and_pins_are_kept() -> None:
    control_plane, worker, _ = machines(
        control_planes=[{"name": "cp1", "ports": {"api": 16443}}],
        workers=[{"name": "w1", "ports": {"http": 8080}}, "w2"],
    )
    assert control_plane.ports == {"ssh": None, "api": 16443}
    assert worker.ports == {"ssh": None, "http": 8080, "https": None}


def test_ports_inside_follow_the_ingress() -> None:
    inside = {"ssh": 22, "api": 6443, "http": 8080, "https": 8443}
    found = plan.machines(local_nodes(), "local", True, inside)
    assert found[1].guest_ports == {"ssh": 22, "http": 8080, "https": 8443}
    assert found[0].guest_ports == {"ssh": 22, "api": 6443}


# --- Places ----------------------------------------------------------------------------------------------------------


def test_machines_of_a_stack_meet_at_one_switch_however_long_their_names_are() -> None:
    names = ["w1", "w" * 62 + "2", "w" * 62 + "3"]
    for length in range(1, 60):
        found = [machine.files for machine in machines(stack="s" * length, workers=names)]
        assert len({files.sockets for files in found}) == 1
        assert len({files.qmp for files in found}) == len(found)
        longest = max(len(str(files.qmp)) for files in found)
        assert longest <= places.SOCKET_PATH_LIMIT


def test_one_machine_more_moves_no_other_machines_sockets() -> None:
    assert machines(workers=["w1"])[1].files == machines(workers=["w1", "w" * 62 + "2"])[1].files


def test_stacks_and_checkouts_do_not_share_sockets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    long = ["s" * 70 + "1", "s" * 70 + "2"]
    found = {places.sockets(stack) for stack in ("local", "staging", *long)}
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path / "other"))
    assert len(found | {places.sockets(stack) for stack in ("local", "staging", *long)}) == 8


def test_temporary_folder_too_deep_for_sockets_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = Path("/tmp/" + "d" * 90)
    monkeypatch.setattr(places, "runtime_root", lambda: deep)
    with pytest.raises(MachineError, match=f"^{deep}: too long for Unix sockets; set TMPDIR to a shorter path"):
        machines()


def test_checkouts_share_the_note_of_ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = places.claims()
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path / "other"))
    assert places.claims() == first == roots.cache_root() / "ports.json"


# --- Boot and generation ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boot", "running", "expected"),
    [(0, False, 1), (1, True, 1), (1, False, 2), (7, True, 7), (7, False, 8), (0, True, 1)],
)
def test_boot_is_the_one_that_runs_or_the_next(boot: int, running: bool, expected: int) -> None:
    assert plan.boot(Found(None, boot, running)) == expected


@pytest.mark.parametrize(
    ("disk_gib", "etcd_disk_gib", "expected"),
    [(12, 4, 3), (20, 8, 3), (11, 4, 4), (12, 3, 4), (20, 3, 4)],
)
def test_disks_are_made_anew_only_to_shrink(disk_gib: int, etcd_disk_gib: int, expected: int) -> None:
    assert plan.generation(Found(MADE, 1, True), disk_gib, etcd_disk_gib) == expected


def test_first_disks_are_the_first_generation() -> None:
    assert plan.generation(Found(None, 0, False), 12, 4) == 1


@pytest.fixture
def pc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Computer]:
    with computer(tmp_path, monkeypatch) as found:
        yield found


def test_look_at_a_machine_follows_its_life(pc: Computer) -> None:
    spec = pc.disk()
    machine = machines()[0]
    assert plan.find(machine) == Found(None, 0, False)
    ports = disk.create(spec)["ports"]
    assert plan.find(machine) == Found(Made(1, 8, 0, ports), 0, False)
    power.create(pc.power(spec))
    assert plan.find(machine) == Found(Made(1, 8, 0, ports), 1, True)
    power.delete(pc.power(spec))
    # after a host reboot it looks the same: disks are there, nothing runs, the next start is the second
    assert plan.find(machine) == Found(Made(1, 8, 0, ports), 1, False)
    assert plan.boot(plan.find(machine)) == 2


# --- What a machine cannot follow ------------------------------------------------------------------------------------


def test_only_computer_image_address_and_generation_make_a_machine_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = local_nodes()
    machine = machines()[0]

    def anew(changed: Machine = machine, image: str = "abc", found: Found | None = None) -> list[str]:
        return plan.replaced_with(plan.disk_spec(changed, settings, image, True, found or Found(None, 0, False)))

    same = anew()
    assert anew(replace(machine, disk_gib=40, cpus=4, memory_mib=8192, ports={"ssh": 2201})) == same
    assert anew(replace(machine, address="192.168.77.12")) != same
    assert anew(image="def") != same
    assert anew(replace(machine, disk_gib=6), found=Found(replace(MADE, generation=1), 1, True)) != same
    monkeypatch.setattr(computers, "here", lambda: "another")
    assert anew() != same


def test_specs_carry_what_was_planned() -> None:
    settings = local_nodes(private_cidr="192.168.64.0/20")
    machine = plan.machines(settings, "local", False)[1]
    found = Found(MADE, 5, False)
    disk_spec = plan.disk_spec(machine, settings, "abc", False, found)
    assert (disk_spec.prefix_length, disk_spec.interface, disk_spec.emulated) == (20, "eth1", False)
    assert (disk_spec.image, disk_spec.computer) == ("abc", computers.here())
    power_spec = plan.power_spec(machine, False, found)
    assert (power_spec.accelerator, power_spec.boot) == ("kvm", 6)
    assert (power_spec.files.directory, power_spec.files.sockets) == (
        disk_spec.files.directory,
        disk_spec.files.sockets,
    )
