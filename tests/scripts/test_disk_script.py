"""gate-disk.sh: what it finds, what it writes, what it leaves alone, and that nothing of it stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from fjordkube.shell import shell
from tests.scripts.machine import Machine

VALUES = {
    "NODE_NAME": "cp1",
    "ETCD_MOUNT": "/var/lib/etcd",
    "ETCD_DATA": "/var/lib/etcd/data",
    "CACHE": "/var/lib/fjordkube/disk.json",
    "MEASUREMENT": "1",
    "DD_MIB": "1024",
    "LIMIT_SECONDS": "120",
}
WORK = "/var/lib/etcd/.fjordkube-disk-gate"
COPIED = "1073741824 bytes (1.1 GB, 1.0 GiB) copied, 2.2 s, 488 MB/s"
# writes as fio does: its data into one folder, its words into a file
FIO = """for word in "$@"; do case $word in
  --output=*) printf '{ "fio version" : "fio-3.33",\\n\\t"say" : "a \\\\\\\\ b"\\n}' >"${word#*=}" ;;
  --directory=*) echo data >"${word#*=}/etcd.0.0" ;;
esac; done"""
DD = f"""for word in "$@"; do case $word in of=*) echo zeroes >"${{word#of=}}" ;; esac; done
printf '1024+0 records in\\n1024+0 records out\\n{COPIED}\\n' >&2"""


def free(machine: Machine, total_mib: int, free_mib: int) -> None:
    """`stat -f` of etcd's disk; other questions are real."""
    machine.program(
        "stat", f'[ "$1" = -f ] && echo "4096 {total_mib * 256} {free_mib * 256}" || exec /usr/bin/stat "$@"'
    )


def mounted(machine: Machine, kind: str, number: str, source: str, uuid: str = "") -> None:
    machine.program("findmnt", f"echo '{kind} {number} {source} {uuid}'")


def device(machine: Machine, number: str, path: str, **files: str) -> None:
    """A block device in sysfs, found by its number; `path` below /sys/devices; files by name, __ for /."""
    folder = f"/sys/devices/{path}"
    for name, text in {"size": "8388608", **files}.items():
        machine.write(f"{folder}/{name.replace('__', '/')}", text + "\n")
    for link in (f"sys/dev/block/{number}", f"sys/class/block/{path.rsplit('/', 1)[-1]}"):
        (machine.root / link).parent.mkdir(parents=True, exist_ok=True)
        (machine.root / link).symlink_to(machine.root / folder[1:])


@pytest.fixture
def node(tmp_path: Path) -> Machine:
    """A control plane whose etcd has an ext4 disk of its own, mounted, before the cluster."""
    machine = Machine(tmp_path / "m")
    (machine.root / "var/lib/etcd/lost+found").mkdir(parents=True)
    mounted(machine, "ext4", "254:16", "/dev/vdb", "8d2f-uuid")
    device(machine, "254:16", "pci0/virtio4/block/vdb", queue__rotational="1", serial="etcd")
    free(machine, 4000, 3900)
    machine.program("fio", FIO)
    machine.program("dd", DD)
    return machine


def measured(machine: Machine, **values: str) -> dict[str, Any]:
    done = machine.run(["gate-disk"], {**VALUES, **values})
    assert done.returncode == 0, done.stderr
    assert not machine.exists(WORK)
    (line,) = done.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def refused(machine: Machine, **values: str) -> str:
    done = machine.run(["gate-disk"], {**VALUES, **values})
    assert done.returncode == 1
    assert done.stdout == ""
    assert not machine.exists(WORK)
    assert not machine.exists(VALUES["CACHE"])
    return done.stderr


def writers(machine: Machine) -> list[str]:
    return [call for call in machine.calls if call.startswith(("fio", "dd"))]


def test_the_articles_two_commands_run_on_etcds_own_disk(node: Machine) -> None:
    found = measured(node)
    work = f"{node.root}{WORK}"
    assert writers(node) == [
        "fio --name=etcd --rw=write --ioengine=sync --fdatasync=1 --size=22m --bs=2300 "
        f"--directory={work} --runtime=120 --output-format=json --output={work}/fio.json",
        f"dd if=/dev/zero of={work}/dd bs=1M count=1024 oflag=direct",
    ]
    assert f"findmnt -rno FSTYPE,MAJ:MIN,SOURCE,UUID -T {node.root}/var/lib/etcd" in node.calls
    assert {key: found[key] for key in ("file_system", "source", "device", "disk", "transport")} == {
        "file_system": "ext4",
        "source": "/dev/vdb",
        "device": "vdb",
        "disk": "vdb",
        "transport": "virtio",
    }
    assert (found["cached"], found["rotational"], found["size_bytes"], found["living"]) == (False, True, 2**32, False)
    assert found["dd"] == COPIED
    assert json.loads(found["fio"]) == {"fio version": "fio-3.33", "say": "a \\ b"}
    assert (found["refused"], found["missing"], found["measurement"]) == ("", "", 1)
    assert sorted(os.listdir(node.root / "var/lib/etcd")) == ["lost+found"]


def test_what_was_measured_is_answered_again_and_nothing_is_written(node: Machine) -> None:
    first = measured(node)
    (node.folder / "bin" / "fio").unlink()
    again = measured(node)
    assert again == {**first, "cached": True}
    assert writers(node) == []
    assert (node.root / VALUES["CACHE"][1:]).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "change",
    [
        lambda node: mounted(node, "ext4", "254:16", "/dev/vdb", "another-uuid"),
        lambda node: node.write("/sys/devices/pci0/virtio4/block/vdb/size", "16777216\n"),
        lambda node: node.write("/sys/devices/pci0/virtio4/block/vdb/serial", "other\n"),
        lambda node: node.write(VALUES["CACHE"], node.read(VALUES["CACHE"])[:400]),
        lambda node: node.write(VALUES["CACHE"]),
    ],
    ids=["file system", "size", "serial", "cut cache", "empty cache"],
)
def test_another_disk_or_a_spoilt_cache_is_measured(node: Machine, change: Any) -> None:
    measured(node)
    change(node)
    assert measured(node)["cached"] is False
    assert len(writers(node)) == 2
    assert measured(node)["cached"] is True


@pytest.mark.parametrize("request_", [{"MEASUREMENT": "2"}, {"DD_MIB": "64"}, {"LIMIT_SECONDS": "10"}])
def test_another_request_or_other_sizes_measure_again(node: Machine, request_: dict[str, str]) -> None:
    measured(node)
    assert measured(node, **request_)["cached"] is False
    assert measured(node, **request_)["cached"] is True


def test_a_disk_of_another_name_after_a_boot_is_the_same_disk(node: Machine) -> None:
    measured(node)
    mounted(node, "ext4", "254:32", "/dev/vdc", "8d2f-uuid")
    device(node, "254:32", "pci0/virtio5/block/vdc", queue__rotational="1", serial="etcd")
    assert measured(node)["cached"] is True


def test_a_disk_without_identity_is_never_taken_for_a_known_one(node: Machine) -> None:
    mounted(node, "ext4", "254:16", "/dev/vdb")
    node.write("/sys/devices/pci0/virtio4/block/vdb/serial", "\n")
    node.program("blkid", "exit 2")
    assert [measured(node)["cached"], measured(node)["cached"]] == [False, False]


def test_the_root_disk_is_measured_where_etcd_has_none(node: Machine) -> None:
    (node.root / "var/lib/etcd/lost+found").rmdir()
    (node.root / "var/lib/etcd").rmdir()
    assert measured(node)["path"] == "/var/lib/etcd"
    assert f"--directory={node.root}/var/lib/.fjordkube-disk-gate" in writers(node)[0]
    # kubeadm's preflight wants it empty or absent
    assert not node.exists("/var/lib/etcd")
    assert not node.exists("/var/lib/.fjordkube-disk-gate")


@pytest.mark.parametrize(
    ("kind", "source", "words"),
    [
        ("nfs4", "nas:/etcd", "network file system"),
        ("nfs", "nas:/etcd", "network file system"),
        ("cifs", "//nas/etcd", "network file system"),
        ("ceph", "mon:/", "network file system"),
        ("glusterfs", "a:/v", "network file system"),
        ("9p", "host0", "network file system"),
        ("virtiofs", "share", "network file system"),
        ("fuse.glusterfs", "a:/v", "FUSE file system"),
        ("fuse.sshfs", "a:/", "FUSE file system"),
        ("tmpfs", "tmpfs", "file system in memory"),
        ("overlay", "overlay", "layered file system"),
    ],
)
def test_what_is_no_disk_is_named_and_not_written_to(node: Machine, kind: str, source: str, words: str) -> None:
    mounted(node, kind, "0:55", source)
    found = measured(node)
    assert (found["refused"], found["file_system"], found["source"]) == (words, kind, source)
    assert (found["fio"], found["dd"], found["size_bytes"], found["rotational"]) == ("", "", 0, None)
    assert writers(node) == []
    assert not node.exists(VALUES["CACHE"])


def test_below_partitions_and_volumes_lies_a_disk(node: Machine) -> None:
    mounted(node, "xfs", "253:0", "/dev/mapper/vg-etcd", "1234")
    device(node, "259:2", "pci0/nvme/nvme0/nvme0n1/nvme0n1p2", partition="2")
    (node.root / "sys/devices/pci0/nvme/nvme0/nvme0n1").mkdir(parents=True, exist_ok=True)
    disk = "/sys/devices/pci0/nvme/nvme0/nvme0n1"
    for name, text in {"wwid": "eui.0025", "device/model": "  Fast 9000   ", "device/transport": "pcie"}.items():
        node.write(f"{disk}/{name}", text + "\n")
    device(node, "253:0", "virtual/block/dm-0", queue__rotational="0")
    slaves = node.root / "sys/devices/virtual/block/dm-0/slaves"
    slaves.mkdir()
    (slaves / "nvme0n1p2").symlink_to(node.root / f"{disk[1:]}/nvme0n1p2")
    found = measured(node)
    assert (found["device"], found["disk"], found["transport"]) == ("dm-0", "nvme0n1", "nvme")
    assert (found["model"], found["rotational"]) == ("Fast 9000", False)
    assert "serial=eui.0025" in found["key"]
    node.write(f"{disk}/device/transport", "tcp\n")
    assert measured(node, MEASUREMENT="2")["transport"] == "nvme over tcp (network)"


def test_a_file_system_with_a_number_of_its_own_is_found_by_its_device(node: Machine) -> None:
    mounted(node, "btrfs", "0:31", "/dev/vdb[/etcd]", "77")
    node.write("/dev/vdb")
    found = measured(node)
    assert (found["device"], found["size_bytes"]) == ("vdb", 2**32)


def test_one_without_a_device_is_measured_and_known_by_nothing(node: Machine) -> None:
    mounted(node, "zfs", "0:40", "tank/etcd")
    node.program("dd", "echo \"dd: failed to open '/x': Invalid argument\" >&2; exit 1")
    for _ in range(2):
        found = measured(node)
        assert (found["source"], found["device"], found["cached"]) == ("tank/etcd", "", False)
        assert found["dd"] == "dd: failed to open '/x': Invalid argument"


@pytest.mark.parametrize(
    ("total", "left", "mib"),
    [
        (4000, 3900, 1024),
        (4000, 2024, 1024),
        (4000, 2023, 512),
        (4000, 1100, 64),
        (4000, 300, 16),
        # a large disk that is nearly full has room all the same
        (250000, 61000, 1024),
    ],
)
def test_dd_leaves_a_quarter_free_or_takes_little(node: Machine, total: int, left: int, mib: int) -> None:
    free(node, total, left)
    measured(node)
    assert f"count={mib} " in writers(node)[1]


def test_a_full_disk_is_named_and_not_written_to(node: Machine) -> None:
    free(node, 4000, 63)
    assert "error: cp1: /var/lib/etcd has 63 MiB free of 4000" in refused(node)
    assert writers(node) == []


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("fio", "error: cp1: fio could not write at /var/lib/etcd: fio: No space left on device"),
        ("dd", "error: cp1: dd could not write 1024 MiB at /var/lib/etcd: dd: No space left on device"),
    ],
)
def test_a_check_that_fails_tells_its_words_and_is_not_remembered(node: Machine, program: str, words: str) -> None:
    node.program(program, f"echo '{program}: No space left on device' >&2; exit 1")
    assert words in refused(node)


def test_a_disk_too_slow_for_dd_tells_how_far_it_came(node: Machine) -> None:
    node.program(
        "dd",
        "trap 'echo \"9437184 bytes (9.4 MB, 9.0 MiB) copied, 1 s, 9 MB/s\" >&2; exit 1' INT; sleep 5 >&- 2>&- & wait",
    )
    begun = time.monotonic()
    assert measured(node, LIMIT_SECONDS="1")["dd"].startswith("9437184 bytes")
    assert time.monotonic() - begun < 4.5


def test_a_living_member_is_measured_on_request_and_kept_waiting_little(node: Machine) -> None:
    wal = node.write("/var/lib/etcd/data/member/wal/0.wal", "log")
    assert measured(node)["living"] is True
    assert "count=64 " in writers(node)[1]
    assert wal.read_text() == "log"
    assert measured(node)["cached"] is True


def test_a_member_that_was_measured_before_it_lived_is_left_alone(node: Machine) -> None:
    measured(node)
    node.write("/var/lib/etcd/data/member/wal/0.wal", "log")
    again = measured(node)
    assert (again["cached"], again["living"]) == (True, False)
    assert writers(node) == []


def test_without_fio_nothing_is_written(node: Machine, tmp_path: Path) -> None:
    (node.folder / "bin" / "fio").unlink()
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "mkdir", "flock", "rm", "readlink", "stat", "tr", "timeout", "chmod", "mv"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    done = node.run(["gate-disk"], VALUES, before=f"PATH={node.folder / 'bin'}:{tools}\n")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["missing"], found["fio"], found["disk"]) == ("fio", "", "vdb")
    assert not node.exists(VALUES["CACHE"])
    assert writers(node) == []


def test_what_a_cut_off_run_left_is_removed_by_the_next(node: Machine) -> None:
    measured(node)
    node.write(f"{WORK}/dd", "zeroes")
    assert measured(node)["cached"] is True


def test_a_run_that_is_ended_removes_what_it_wrote(node: Machine) -> None:
    node.program("fio", 'touch "$ROOT/begun"; sleep 2')
    environment = {
        "PATH": f"{node.folder / 'bin'}:{os.environ['PATH']}",
        "FJORDKUBE_ROOT": str(node.root),
        "CALLS": str(node.folder / "calls"),
    }
    with subprocess.Popen(["bash", "-s"], stdin=subprocess.PIPE, text=True, env=environment) as running:
        assert running.stdin is not None
        running.stdin.write(shell(["gate-disk"], VALUES))
        running.stdin.close()
        deadline = time.monotonic() + 20
        while not node.exists("/begun") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert node.exists(WORK)
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=20) == 143
    assert not node.exists(WORK)
    assert not node.exists(VALUES["CACHE"])
