"""A machine's process under a pretended QEMU: started once, found again, and failures that name the node."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.local_vm import disk, power, process, record, switch
from fjordkube.helpers.local_vm.spec import GIB, Disk, Power
from tests.unit.local_machine import Computer, alive, computer, kill, until


@pytest.fixture
def pc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Computer]:
    with computer(tmp_path, monkeypatch) as found:
        yield found


def made(pc: Computer, name: str = "cp1") -> tuple[Disk, Power]:
    spec = pc.disk(name)
    disk.create(spec)
    return spec, pc.power(spec)


def pid(spec: Power) -> int | None:
    return process.pid_of(spec.files.pid)


def starts(pc: Computer) -> int:
    return pc.calls.count("qemu")


# --- What goes well --------------------------------------------------------------------------------------------------


def test_machine_is_up_when_ssh_answers_and_tells_its_identity(pc: Computer) -> None:
    disk_spec, spec = made(pc)
    identity = power.create(spec)
    host_key = (disk_spec.files.directory / "host_key.pub").read_text().split()[1]
    assert identity == {"boot": 1, "host_key": host_key[-16:]}
    assert pid(spec)
    assert switch.running(spec.files.sockets)


def test_running_machine_is_left_alone(pc: Computer) -> None:
    _, spec = made(pc)
    first, running = power.create(spec), pid(spec)
    assert power.create(spec) == first
    assert (pid(spec), starts(pc)) == (running, 1)


def test_guest_may_reboot_from_its_first_ssh_answer_on(pc: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    _, spec = made(pc)
    power.create(spec)
    started = record.read_started(spec.files.directory)
    assert started
    assert "-no-reboot" in started.command
    assert [call for call in pc.calls if call.startswith(("qemu", "reboot"))][-2:] == ["qemu", "reboot: reset"]
    monkeypatch.setenv("FAKE_QEMU", "silent")
    monkeypatch.setitem(power.BOOT_SECONDS, "tcg", 1)
    with pytest.raises(HelperError):
        power.create(replace(spec, boot=2))
    assert pc.calls.count("reboot: reset") == 1


@pytest.mark.parametrize("change", [{"memory_mib": 6144}, {"cpus": 4}, {"boot": 2}])
def test_machine_starts_again_when_what_is_asked_changes(pc: Computer, change: dict[str, Any]) -> None:
    _, spec = made(pc)
    power.create(spec)
    running = pid(spec)
    assert running
    power.create(replace(spec, **change))
    assert pid(spec) not in (None, running)
    assert not alive(running)
    assert starts(pc) == 2


def test_machine_starts_again_when_its_process_or_the_switch_is_gone(pc: Computer) -> None:
    _, spec = made(pc)
    power.create(spec)
    found = pid(spec)
    assert found
    kill(found)
    until(lambda: pid(spec) is None)
    assert not power.is_running(spec.files)
    power.create(spec)
    process.end(spec.files.sockets / "switch.pid", seconds=1)
    # QEMU does not find a new switch by itself
    assert pid(spec)
    assert not power.is_running(spec.files)
    power.create(spec)
    assert starts(pc) == 3
    assert pc.calls.count("switch") == 2


def test_other_caching_is_no_reason_to_start_again(pc: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    _, spec = made(pc)
    power.create(spec)
    monkeypatch.setenv("FJORDKUBE_DISK_CACHE", "unsafe")
    power.create(spec)
    assert starts(pc) == 1


def test_machines_of_a_stack_share_one_switch_until_the_last_one_stops(pc: Computer) -> None:
    (first_disk, first), (second_disk, second) = made(pc, "cp1"), made(pc, "w1")
    power.create(first)
    power.create(second)
    assert pc.calls.count("switch") == 1
    power.delete(first)
    disk.delete(first_disk)
    assert switch.running(second.files.sockets)
    power.delete(second)
    assert not switch.running(second.files.sockets)
    assert not second.files.sockets.exists()
    disk.delete(second_disk)


def test_disk_grows_before_the_start_and_never_shrinks(pc: Computer) -> None:
    disk_spec, spec = made(pc)
    power.create(spec)
    assert not [call for call in pc.calls if " resize " in call]
    larger = replace(disk_spec, disk_gib=16)
    disk.create(larger)
    power.create(pc.power(larger, boot=2))
    assert [call for call in pc.calls if " resize " in call] == [
        f"qemu-img resize -q -f qcow2 {disk_spec.files.directory / 'root.qcow2'} 16G"
    ]


def test_etcd_disk_grows_with_its_filesystem(pc: Computer) -> None:
    spec = pc.disk(etcd_disk_gib=2)
    disk.create(spec)
    larger = replace(spec, etcd_disk_gib=3)
    disk.create(larger)
    power.create(pc.power(larger))
    file = spec.files.directory / "etcd.raw"
    assert file.stat().st_size == 3 * GIB
    assert [call for call in pc.calls if call.startswith(("e2fsck", "resize2fs"))] == [
        f"e2fsck -f -p {file}",
        f"resize2fs {file}",
    ]


def test_stop_presses_the_power_button_first(pc: Computer) -> None:
    _, spec = made(pc)
    power.create(spec)
    power.delete(spec)
    assert pid(spec) is None
    assert spec.files.console.read_text().endswith("powered down\n")
    power.delete(spec)  # again: nothing to do


def test_guest_that_ignores_its_power_button_is_ended_all_the_same(
    pc: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_QEMU", "deaf")
    monkeypatch.setitem(power.GRACE_SECONDS, "tcg", 1)
    _, spec = made(pc)
    power.create(spec)
    before = time.monotonic()
    power.delete(spec)
    assert time.monotonic() - before >= 1
    assert pid(spec) is None


def test_disks_that_are_thrown_away_are_not_waited_for(pc: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FJORDKUBE_DISK_CACHE", "unsafe")
    _, spec = made(pc)
    power.create(spec)
    power.delete(spec)
    assert pid(spec) is None
    assert "powered down" not in spec.files.console.read_text()


# --- What goes wrong -------------------------------------------------------------------------------------------------


def test_machine_that_ends_at_once_is_named_with_its_console(pc: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_QEMU", "dies")
    _, spec = made(pc)
    with pytest.raises(HelperError) as failed:
        power.create(spec)
    console = spec.files.console
    assert str(failed.value) == (
        f"cp1: its process ended at once. Console ({console}):\n  | Kernel panic - not syncing: no root"
    )


def test_machine_that_ends_later_is_named_with_the_last_lines_of_its_console(
    pc: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_QEMU", "stops")
    _, spec = made(pc)
    before = time.monotonic()
    with pytest.raises(HelperError) as failed:
        power.create(spec)
    head, *lines = str(failed.value).splitlines()
    assert head == f"cp1: its process ended before SSH answered. Console ({spec.files.console}):"
    assert lines == [*(f"  | line {number}" for number in range(11, 30)), "  | Out of memory"]
    assert time.monotonic() - before < 20  # at its end, not at the limit


def test_machine_that_never_answers_is_powered_off_in_bounded_time(
    pc: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_QEMU", "silent")
    monkeypatch.setitem(power.BOOT_SECONDS, "tcg", 1)
    disk_spec, spec = made(pc)
    with pytest.raises(HelperError) as failed:
        power.create(spec)
    assert str(failed.value) == (
        "cp1: did not answer on SSH within 1 s. It was powered off; its disks are kept, make up starts it anew. "
        f"Console ({spec.files.console}):\n  | [    0.0] Linux boots"
    )
    assert pid(spec) is None
    assert record.read_made(disk_spec.files.directory)
    # and so it does
    monkeypatch.setenv("FAKE_QEMU", "answers")
    monkeypatch.setitem(power.BOOT_SECONDS, "tcg", 30)
    power.create(replace(spec, boot=2))
    assert pid(spec)


def test_guest_that_was_stopped_by_a_full_disk_is_told_as_that(pc: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_QEMU", "silent")
    monkeypatch.setenv("FAKE_STATUS", "io-error")
    monkeypatch.setitem(power.BOOT_SECONDS, "tcg", 1)
    disk_spec, spec = made(pc)
    with pytest.raises(HelperError) as failed:
        power.create(spec)
    assert str(failed.value).startswith(
        f"cp1: is stopped because writing to {disk_spec.files.directory} failed: the disk is full; free some space. It"
    )


def test_qemu_that_refuses_is_quoted(pc: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_QEMU", "refuses")
    _, spec = made(pc)
    with pytest.raises(HelperError, match=r"^cp1: QEMU did not start: qemu: no such thing as a guest$"):
        power.create(spec)


def test_missing_qemu_is_named_with_its_package(pc: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FJORDKUBE_QEMU", "/nowhere/qemu")
    _, spec = made(pc)
    with pytest.raises(HelperError, match=r"^cp1: /nowhere/qemu: not in PATH; install qemu-system-x86$"):
        power.create(spec)


def test_missing_qemu_of_a_worker_that_gives_way_is_named_too(pc: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FJORDKUBE_QEMU", "/nowhere/qemu")
    spec = pc.disk("w1", role="worker")
    disk.create(spec)
    with pytest.raises(HelperError, match=r"^w1: .*/nowhere/qemu"):
        power.create(pc.power(spec))


def test_machine_without_disks_is_not_started(pc: Computer) -> None:
    disk_spec, spec = made(pc)
    (disk_spec.files.directory / "machine.json").unlink()
    with pytest.raises(
        HelperError, match=r"^cp1: .*/machine\.json is gone, its disks with it; make down, then make up$"
    ):
        power.create(spec)
    assert starts(pc) == 0


def test_sockets_under_somebody_elses_folder_are_refused(pc: Computer) -> None:
    _, spec = made(pc)
    spec.files.sockets.parent.mkdir()
    # whatever the umask is
    spec.files.sockets.parent.chmod(0o755)
    with pytest.raises(HelperError, match=f"^{spec.files.sockets.parent}: not a folder of this user alone; "):
        power.create(spec)
    assert starts(pc) == 0


def test_sockets_folder_that_another_stack_removes_meanwhile_is_made_again_and_private(
    pc: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Path.mkdir
    removed: list[Path] = []

    def mkdir(path: Path, *words: Any, **options: Any) -> None:
        if path == pc.sockets and not removed:
            path.parent.rmdir()
            removed.append(path.parent)
        make(path, *words, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    switch.folder(pc.sockets)
    assert removed == [pc.sockets.parent]
    assert [path.stat().st_mode & 0o777 for path in (pc.sockets.parent, pc.sockets)] == [0o700, 0o700]


def test_switch_starts_over_the_sockets_of_one_that_was_killed(pc: Computer) -> None:
    switch.folder(pc.sockets)
    assert switch.start(pc.sockets)
    (pc.sockets / "switch" / "ctl").touch()
    found = process.pid_of(pc.sockets / "switch.pid")
    assert found
    kill(found)
    until(lambda: not switch.running(pc.sockets))
    assert switch.start(pc.sockets)
    assert not switch.start(pc.sockets)
    assert not (pc.sockets / "switch" / "ctl").exists()
    switch.stop(pc.sockets)
    assert not pc.sockets.exists()


def test_switch_runs_when_its_start_returns(pc: Computer) -> None:
    switch.folder(pc.sockets)
    assert switch.start(pc.sockets)
    assert switch.running(pc.sockets)
    assert not switch.start(pc.sockets)
    switch.stop(pc.sockets)


def test_a_switch_that_never_runs_is_a_fault(pc: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    (pc.folder / "bin" / "vde_switch").write_text("#!/bin/sh\n")
    monkeypatch.setattr(switch, "START_S", 0.2)
    switch.folder(pc.sockets)
    with pytest.raises(HelperError, match=r"not running 0\.2 s after its start"):
        switch.start(pc.sockets)


def test_only_an_ssh_greeting_counts_as_an_answer() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        # QEMU itself accepts connections to a guest that is not there yet
        assert not power.answers(port, 0.2)

        def greet() -> None:
            for _ in range(2):
                link, _ = listener.accept()
                link.sendall(b"HTTP/1.1 400\r\n")
                link.close()

        thread = threading.Thread(target=greet)
        thread.start()
        assert not power.answers(port, 5)
        thread.join(5)
    assert not power.answers(port, 0.2)
