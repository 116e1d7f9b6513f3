"""What this computer lacks, told all at once before anything is built."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fjordkube.errors import MachineError
from fjordkube.helpers.local_vm import disk, places, ports, power, record
from fjordkube.helpers.local_vm.record import Made
from fjordkube.nodes.local import plan, preflight
from tests.unit.local_machine import Computer, computer
from tests.unit.local_nodes import local_nodes


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture(autouse=True)
def plenty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer that lacks nothing."""
    monkeypatch.setenv("FJORDKUBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FJORDKUBE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(preflight, "memory_available_mib", lambda _text: 64 * 1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(2**40, 0, 2**40))
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("qemu-system-x86_64", *preflight.PACKAGES):
        (programs / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("FJORDKUBE_QEMU", raising=False)


def problems(**nodes: Any) -> list[str]:
    """The problems of a stack's machines, without the dashes."""
    try:
        preflight.check(local_nodes(**nodes), "local")
    except MachineError as error:
        count, *lines = str(error).splitlines()
        assert count == f"{len(lines)} problem{'s' * (len(lines) > 1)} on this computer:"
        return [line.removeprefix("  - ") for line in lines]
    return []


def test_computer_that_lacks_nothing_is_accepted() -> None:
    assert problems() == []


def test_everything_that_is_missing_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "programs" / "qemu-img").unlink()
    (tmp_path / "programs" / "vde_switch").unlink()
    monkeypatch.setattr(preflight, "memory_available_mib", lambda _text: 3000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(2**40, 2**40, 5 * 2**30))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        found = problems(workers=[{"name": "w1", "ports": {"http": port}}, "w2"])
    assert found == [
        "qemu-img: not in PATH; install it (Debian package qemu-utils)",
        "vde_switch: not in PATH; install it (Debian package vde2)",
        "memory: 3000 MiB available, 9216 MiB needed (cp1 4096, w1 2048, w2 2048, margin 1024); "
        "end other programs, or set fewer workers or a smaller memory_mib",
        f"disk: {tmp_path} has 5 GiB free, 3 new machines need 9 GiB; "
        "free some space, or set FJORDKUBE_HOME to a folder on a larger disk",
        f"w1.ports.http: {port} is in use on 127.0.0.1; pin another",
    ]


def test_missing_qemu_is_told_by_the_name_that_would_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FJORDKUBE_QEMU", "/opt/qemu/bin/qemu")
    assert problems() == ["/opt/qemu/bin/qemu: not in PATH; install it (Debian package qemu-system-x86)"]


def test_programs_that_are_installed_next_are_no_problem(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "programs")
    preflight.check(local_nodes(), "local", programs=False)


def test_memory_that_is_just_enough_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "memory_available_mib", lambda _text: 9216)
    assert problems() == []
    monkeypatch.setattr(preflight, "memory_available_mib", lambda _text: 9215)
    assert len(problems()) == 1


def test_available_memory_is_the_kernels_own_figure() -> None:
    meminfo = "MemTotal:       16384000 kB\nMemFree:          100000 kB\nMemAvailable:    8388608 kB\n"
    assert _real_memory(meminfo) == 8192
    assert _real_memory("MemTotal: 1 kB\n") == 0


_real_memory = preflight.memory_available_mib


def test_pinned_port_of_another_checkouts_machine_is_told_by_its_folder(tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "w9"
    other.mkdir(parents=True)
    record.write_made(other, Made(1, 12, 0, {"http": 28080}))
    ports.claim(places.claims(), other, {"http": 28080})
    assert problems(workers=[{"name": "w1", "ports": {"http": 28080}}]) == [
        f"w1.ports.http: 28080 is held by the machine in {other}; pin another"
    ]
    shutil.rmtree(other)
    assert problems(workers=[{"name": "w1", "ports": {"http": 28080}}]) == []


def test_kept_port_that_somebody_took_while_the_machine_was_down_is_told(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        folder = tmp_path / "home" / "vm" / "local" / "w1"
        folder.mkdir(parents=True)
        record.write_made(folder, Made(1, 12, 0, {"ssh": port}))
        assert problems(workers=["w1"]) == [
            f"w1.ports.ssh: {port} is in use on 127.0.0.1; end that program, or pin another port for ssh"
        ]


@pytest.fixture
def pc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Computer]:
    with computer(tmp_path, monkeypatch) as found:
        yield found


def test_running_machines_need_no_more_memory_disk_or_ports(pc: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{pc.folder / 'bin'}:/usr/bin:/bin:{pc.folder / 'programs'}")
    machines = plan.machines(local_nodes(workers=["w1"]), "local", True)
    for machine in machines:
        spec = pc.disk(machine.name, ports=machine.ports)
        disk.create(spec)
        power.create(pc.power(spec))
    monkeypatch.setattr(preflight, "memory_available_mib", lambda _text: 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(1, 1, 0))
    assert problems(workers=["w1"]) == []
    # only the one that is new is counted
    assert [line.split(";")[0] for line in problems(workers=["w1", "w2"])] == [
        "memory: 0 MiB available, 3072 MiB needed (w2 2048, margin 1024)",
        f"disk: {pc.folder} has 0 GiB free, 1 new machine needs 3 GiB",
    ]
