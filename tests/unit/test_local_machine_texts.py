"""What a machine is told: environment variables, seed, kernel command line, QEMU's words."""

from __future__ import annotations

import io
import random
import string
import tarfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.local_vm import kernel, qemu, seed
from fjordkube.helpers.local_vm.places import Files
from fjordkube.helpers.local_vm.spec import GUEST_PORTS, Disk, Power, from_environment, to_environment

DISK = Disk(
    computer="0123456789abcdef",
    stack="local",
    name="w1",
    role="worker",
    address="192.168.77.101",
    prefix_length=24,
    interface="eth1",
    emulated=True,
    disk_gib=12,
    etcd_disk_gib=0,
    ports={"ssh": 22101, "http": None, "https": None},
    image="abc",
    generation=1,
)
POWER = Power(
    computer=DISK.computer,
    stack="local",
    name="w1",
    role="worker",
    address=DISK.address,
    accelerator="tcg",
    cpus=1,
    memory_mib=2048,
    disk_gib=12,
    etcd_disk_gib=0,
    ports=DISK.ports,
    guest_ports={"ssh": 22, "http": 80, "https": 443},
    boot=1,
)
AT = Files(Path("/srv/vm/local/w1"), Path("/tmp/fk/local"), "w1")
HOSTFWD = "hostfwd=tcp:127.0.0.1:"


# --- Environment -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [DISK, POWER, replace(DISK, emulated=False, ports={})])
def test_what_is_asked_comes_back_from_the_environment(spec: Any) -> None:
    environment = {**to_environment(spec), "PATH": "/bin", "MACHINE_UNKNOWN": "1"}
    assert from_environment(type(spec), environment) == spec


def test_any_machine_comes_back_from_the_environment() -> None:
    chance = random.Random(3)

    def value(kind: Any) -> Any:
        word = "".join(chance.choices(string.printable, k=chance.randrange(1, 20)))
        if kind is bool:
            return chance.random() < 0.5
        if kind is int:
            return chance.randrange(10**6)
        if kind is str:
            return word
        return {use: chance.choice([None, chance.randrange(1024, 65536)]) for use in ("ssh", "api")}

    kinds: tuple[Any, ...] = (Disk, Power)
    for kind in kinds:
        for _ in range(50):
            drawn = {name: value(hint) for name, hint in get_type_hints(kind).items() if name != "guest_ports"}
            if kind is Power:
                drawn["guest_ports"] = dict(GUEST_PORTS)
            spec = kind(**drawn)
            assert from_environment(kind, to_environment(spec)) == spec


def test_each_field_is_a_variable_of_its_own_so_that_a_diff_names_it() -> None:
    before, after = to_environment(POWER), to_environment(replace(POWER, memory_mib=3072))
    assert {name for name in before if before[name] != after[name]} == {"MACHINE_MEMORY_MIB"}
    assert len(before) == len(fields(Power))


def test_no_field_is_a_path_because_a_state_keeps_them() -> None:
    assert {hint for kind in (Disk, Power) for hint in get_type_hints(kind).values()} & {Path, str | Path} == set()
    assert "/" not in "".join(value for spec in (DISK, POWER) for value in to_environment(spec).values())


def test_missing_variables_are_named_all_at_once() -> None:
    environment = to_environment(POWER)
    del environment["MACHINE_CPUS"], environment["MACHINE_BOOT"]
    with pytest.raises(HelperError, match=r"^environment: MACHINE_CPUS, MACHINE_BOOT not set; "):
        from_environment(Power, environment)


# --- Seed ------------------------------------------------------------------------------------------------------------


def archive(spec: Disk = DISK) -> bytes:
    return seed.archive(spec, "PRIVATE\n", "ssh-ed25519 HOST\n", "ssh-ed25519 CLIENT\n")


def test_seed_holds_name_network_host_key_and_who_may_log_in() -> None:
    with tarfile.open(fileobj=io.BytesIO(archive())) as tar:
        found = {entry.name: entry for entry in tar}
        texts = {name: tar.extractfile(entry) for name, entry in found.items() if entry.isfile()}
        content = {name: file.read().decode() for name, file in texts.items() if file}
    assert content == {
        "etc/hostname": "w1\n",
        "etc/fjordkube/network.env": "ADDRESS=192.168.77.101\nPREFIX_LENGTH=24\nINTERFACE=eth1\nEMULATED=1\n",
        "etc/ssh/ssh_host_ed25519_key": "PRIVATE\n",
        "etc/ssh/ssh_host_ed25519_key.pub": "ssh-ed25519 HOST\n",
        "root/.ssh/authorized_keys": "ssh-ed25519 CLIENT\n",
    }
    modes = {name: oct(entry.mode) for name, entry in found.items()}
    assert modes["etc/ssh/ssh_host_ed25519_key"] == modes["root/.ssh/authorized_keys"] == "0o600"
    assert modes["root/.ssh"] == "0o700"
    assert {(entry.uid, entry.gid) for entry in found.values()} == {(0, 0)}


def test_seed_is_the_same_bytes_for_the_same_machine_and_others_for_another() -> None:
    assert archive() == archive()
    assert archive() != archive(replace(DISK, address="192.168.77.102"))


# --- Kernel ----------------------------------------------------------------------------------------------------------


def test_kvm_guest_keeps_its_mitigations() -> None:
    words = kernel.command_line("w1", "kvm", 2_500_000, grow=False).split()
    assert words == [*kernel.BASE, "systemd.hostname=w1"]


def test_emulated_guest_is_told_the_hosts_clock_where_it_is_known() -> None:
    known = kernel.command_line("w1", "tcg", 2_500_000, grow=False).split()
    unknown = kernel.command_line("w1", "tcg", None, grow=False).split()
    assert set(known) - set(unknown) == {"tsc_early_khz=2500000"}
    assert "mitigations=off" in unknown


def test_root_grows_only_where_it_is_asked() -> None:
    with_growth = kernel.command_line("w1", "kvm", None, grow=True).split()
    assert set(with_growth) - set(kernel.command_line("w1", "kvm", None, grow=False).split()) == {kernel.GROW}


def test_clock_is_half_the_bogomips_or_unknown() -> None:
    assert kernel.tsc_khz("processor\t: 0\nbogomips\t: 5000.24\n\nbogomips\t: 4000.00\n") == 2_500_120
    assert kernel.tsc_khz("processor\t: 0\nBogoMIPS\t: 48.00\n") is None


# --- QEMU ------------------------------------------------------------------------------------------------------------


def test_forwarded_ports_lead_to_the_ports_that_the_ingress_listens_on() -> None:
    spec = replace(POWER, guest_ports={"ssh": 22, "http": 8080, "https": 8443})
    words = " ".join(qemu.command(spec, AT, {"ssh": 1, "http": 2, "https": 3}, "", "writeback"))
    assert f"{HOSTFWD}1-:22" in words
    assert f"{HOSTFWD}2-:8080" in words
    assert f"{HOSTFWD}3-:8443" in words


def test_guest_reaches_nothing_outside_and_listens_on_loopback_alone() -> None:
    words = qemu.command(POWER, AT, {"ssh": 1, "http": 2, "https": 3}, "", "writeback")
    (outside,) = [word for word in words if word.startswith("user,")]
    assert "restrict=on" in outside.split(",")
    assert all(part.startswith(HOSTFWD) for part in outside.split(",") if part.startswith("hostfwd"))


def test_emulated_machines_give_way_to_people_and_workers_to_the_control_plane() -> None:
    assert qemu.nice(POWER) > qemu.nice(replace(POWER, role="control-plane")) > 0
    assert qemu.nice(replace(POWER, accelerator="kvm")) == 0


def test_hardware_addresses_are_local_stay_and_differ() -> None:
    first = qemu.hardware_address(Path("/a/w1"), "192.168.77.101", "private")
    assert first == qemu.hardware_address(Path("/a/w1"), "192.168.77.101", "private")
    others = {
        qemu.hardware_address(Path("/a/w1"), "192.168.77.101", "outside"),
        qemu.hardware_address(Path("/a/w1"), "192.168.77.102", "private"),
        qemu.hardware_address(Path("/b/w1"), "192.168.77.101", "private"),
    }
    assert len(others | {first}) == 4
    assert int(first[:2], 16) & 3 == 2  # locally administered, unicast


def test_comma_in_a_path_is_doubled() -> None:
    words = qemu.command(POWER, replace(AT, directory=Path("/srv/a,b/w1")), {}, "", "writeback")
    assert [word for word in words if "a,b" in word and "a,,b" not in word and "," in word.replace("a,b", "")] == []
    assert any("file=/srv/a,,b/w1/root.qcow2" in word for word in words)


def test_disks_honour_flushes_unless_the_environment_says_otherwise() -> None:
    assert qemu.cache_mode({}) == "writeback"
    assert qemu.cache_mode({"FJORDKUBE_DISK_CACHE": "anything"}) == "writeback"
    assert qemu.cache_mode({"FJORDKUBE_DISK_CACHE": "unsafe"}) == "unsafe"
