"""A machine's folder: made whole, kept, and deleted without a trace."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fjordkube.helpers import launcher
from fjordkube.helpers.__main__ import main
from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.local_vm import disk, keys, places, record
from fjordkube.helpers.local_vm.record import Made
from fjordkube.helpers.local_vm.spec import GIB, to_environment
from fjordkube.roots import CHECKOUT
from tests.unit.local_machine import Computer, computer


@pytest.fixture
def pc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Computer]:
    with computer(tmp_path, monkeypatch) as found:
        yield found


def test_new_machine_has_disks_keys_and_ports(pc: Computer) -> None:
    spec = pc.disk(etcd_disk_gib=4)
    made = disk.create(spec)
    assert set(made["ports"]) == {"ssh", "api"}
    assert made["host_key"].startswith("ssh-ed25519 ")
    assert record.read_made(spec.files.directory) == Made(1, 8, 4, made["ports"])
    assert {path.name for path in spec.files.directory.iterdir()} == {
        *("base.raw", "kernel", "initrd", "root.qcow2", "etcd.raw", "seed.tar", "machine.json"),
        *("host_key", "host_key.pub"),
    }
    assert (spec.files.directory / "etcd.raw").stat().st_size == 4 * GIB
    claimed = {str(port): str(spec.files.directory) for port in made["ports"].values()}
    assert json.loads(places.claims().read_text()) == claimed
    for secret in (
        spec.files.directory / "host_key",
        spec.files.directory / "seed.tar",
        keys.client(spec.files.directory.parent),
    ):
        assert secret.stat().st_mode & 0o077 == 0


def test_second_run_changes_nothing(pc: Computer) -> None:
    spec = pc.disk(etcd_disk_gib=4)
    first = disk.create(spec)
    calls, seed = pc.calls, (spec.files.directory / "seed.tar").read_bytes()
    assert disk.create(spec) == first
    assert pc.calls == calls
    assert (spec.files.directory / "seed.tar").read_bytes() == seed


def test_half_made_machine_is_completed(pc: Computer) -> None:
    spec = pc.disk(etcd_disk_gib=4)
    first = disk.create(spec)
    for name in ("root.qcow2", "seed.tar", "machine.json", "host_key.pub"):
        (spec.files.directory / name).unlink()
    second = disk.create(spec)
    assert (spec.files.directory / "root.qcow2").exists()
    assert second["host_key"] != first["host_key"]  # the pair was not whole
    assert second["ports"] == first["ports"]  # they follow from the folder's name


def test_disk_that_failed_half_way_never_looks_made(pc: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = pc.disk(etcd_disk_gib=4)
    monkeypatch.setenv("FAKE_SIZE", "/nowhere/size")
    (pc.folder / "bin" / "qemu-img").write_text('#!/bin/bash\necho half >"${*: -2:1}"; echo no space >&2; exit 1\n')
    with pytest.raises(
        HelperError, match="^" + str(spec.files.directory / "root.qcow2") + ": qemu-img failed: no space$"
    ):
        disk.create(spec)
    assert not (spec.files.directory / "root.qcow2").exists()
    assert record.read_made(spec.files.directory) is None


def test_machine_keeps_its_base_when_the_cache_is_emptied(pc: Computer) -> None:
    spec = pc.disk()
    disk.create(spec)
    (pc.bundle / "base").unlink()
    assert (spec.files.directory / "base.raw").stat().st_size == GIB


def test_machines_of_a_stack_share_the_key_of_who_may_enter_and_have_host_keys_of_their_own(pc: Computer) -> None:
    first, second = disk.create(pc.disk("cp1")), disk.create(pc.disk("w1"))
    assert first["host_key"] != second["host_key"]
    assert not set(first["ports"].values()) & set(second["ports"].values())
    assert keys.client(pc.folder / "vm" / "local").exists()


def test_missing_bundle_and_too_small_a_disk_are_refused(pc: Computer) -> None:
    spec = pc.disk()
    os.truncate(pc.bundle / "base", GIB + 1)
    with pytest.raises(HelperError, match=r"^disk_gib 1 is smaller than the base disk; use 2 or more$"):
        disk.create(replace(spec, disk_gib=1))
    (pc.bundle / "kernel").unlink()
    with pytest.raises(HelperError, match=f"^image abc of machines: not in {pc.folder}/cache; run make up, which bu"):
        disk.create(spec)
    assert not spec.files.directory.exists()


def test_pin_on_another_machines_port_is_refused_by_name(pc: Computer) -> None:
    port = disk.create(pc.disk("cp1"))["ports"]["ssh"]
    spec = pc.disk("w1", ports={"ssh": port})
    with pytest.raises(
        HelperError, match=f"port {port} .ssh. is held by the machine in {pc.disk('cp1').files.directory}; pin ano"
    ):
        disk.create(spec)
    disk.delete(pc.disk("cp1"))
    assert disk.create(spec)["ports"] == {"ssh": port}


def test_moved_pin_gives_the_old_port_back(pc: Computer) -> None:
    disk.create(pc.disk(ports={"ssh": 20100}))
    assert disk.create(pc.disk(ports={"ssh": 20101}))["ports"] == {"ssh": 20101}
    assert list(json.loads(places.claims().read_text())) == ["20101"]


def test_last_machine_takes_the_stacks_files_with_it(pc: Computer) -> None:
    first, second = pc.disk("cp1"), pc.disk("w1")
    disk.create(first)
    disk.create(second)
    disk.delete(first)
    assert not first.files.directory.exists()
    assert keys.client(first.files.directory.parent).exists()
    disk.delete(second)
    assert not (pc.folder / "vm").exists()
    assert json.loads(places.claims().read_text()) == {}
    disk.delete(second)  # again: nothing to do


def test_removal_that_was_cut_short_counts_as_never_made(pc: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = pc.disk()
    disk.create(spec)

    def cut(_path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", cut)
        with pytest.raises(KeyboardInterrupt):
            disk.delete(spec)
    assert record.read_made(spec.files.directory) is None
    disk.delete(spec)
    assert not spec.files.directory.exists()


# --- The program -----------------------------------------------------------------------------------------------------


def run(verb: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The helper as Pulumi runs it."""
    return subprocess.run(
        ["/bin/sh", "-c", launcher.command(verb)],
        cwd=CHECKOUT,
        env={**os.environ, "FJORDKUBE_PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_program_prints_data_alone_and_leaves_files_to_their_owner(pc: Computer) -> None:
    spec = pc.disk()
    done = run("local-disk", environment=to_environment(spec))
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == {"host_key", "ports"}
    assert spec.files.directory.stat().st_mode & 0o077 == 0
    assert run("local-disk", environment=to_environment(spec)).stdout == done.stdout
    assert run("local-disk-delete", environment=to_environment(spec)).returncode == 0
    assert not spec.files.directory.exists()


def test_program_says_what_is_wrong_without_a_traceback(pc: Computer) -> None:
    spec = pc.disk()
    (pc.bundle / "initrd").unlink()
    done = run("local-disk", environment=to_environment(spec))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: image abc of machines: not in {pc.folder}/cache; run make up, which builds it\n"
    nothing = run("local-power", environment={})
    assert nothing.stderr.startswith("error: environment: MACHINE_COMPUTER, MACHINE_STACK")


@pytest.mark.parametrize("verb", ["local-disk", "local-disk-delete", "local-power", "local-power-delete"])
def test_machine_of_another_computer_is_refused_and_left_alone(pc: Computer, verb: str) -> None:
    spec = pc.disk()
    disk.create(spec)
    before = sorted(spec.files.directory.iterdir())
    elsewhere = replace(spec, computer="0123456789abcdef")
    done = run(verb, to_environment(pc.power(elsewhere) if "power" in verb else elsewhere))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: cp1: is on computer 0123456789abcdef, and this is {spec.computer}; run it there, "
        "or forget the machine by pulumi state delete\n"
    )
    assert sorted(spec.files.directory.iterdir()) == before


@pytest.mark.parametrize("name", ["seed.tar", "machine.json", "ports.json"])
def test_full_disk_names_the_path(
    name: str, pc: Computer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = pc.disk()
    for variable, value in to_environment(spec).items():
        monkeypatch.setenv(variable, value)
    fsync = os.fsync

    def full(handle: int) -> None:
        if f".{name}." in os.readlink(f"/proc/self/fd/{handle}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    assert main(["local-disk"], os.environ) == 1
    path = places.claims() if name == "ports.json" else spec.files.directory / name
    assert capsys.readouterr().err == f"error: {path}: No space left on device\n"
    monkeypatch.setattr(os, "fsync", fsync)
    assert main(["local-disk"], os.environ) == 0
