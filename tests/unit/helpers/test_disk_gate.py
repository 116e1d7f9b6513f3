"""The disk gate: what it reads, how it decides, in which words, and the verb as Pulumi runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fjordkube.gates.disk import question
from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.gates.disk import disk_unmet, needed, speed
from fjordkube.helpers.gates.disk_reading import figures
from fjordkube.node import with_keys_apart
from fjordkube.timing import EMULATED, NATIVE, Timing
from tests.golden.bootstrap_cluster import stack
from tests.scripts.machine import Machine
from tests.unit.helpers.fakes import node_machine, run
from tests.unit.helpers.fio import DD, said

ASK: dict[str, Any] = {"fdatasync_p99_ms": 10, "iops": 50, "recommended_iops": 500, "reported_only": ""}
ANSWER: dict[str, Any] = {
    "cached": False,
    "key": "uuid=8d2f",
    "path": "/var/lib/etcd",
    "file_system": "ext4",
    "source": "/dev/vdb",
    "device": "vdb",
    "disk": "vdb",
    "transport": "virtio",
    "model": "",
    "rotational": True,
    "size_bytes": 2**32,
    "living": False,
    "measurement": 1,
    "refused": "",
    "missing": "",
    "dd": DD,
}


def found(p99_ms: float = 3.2, iops: float = 1210.4, **changes: Any) -> dict[str, Any]:
    return figures("cp1", {**ANSWER, "fio": said(p99_ms, iops), **changes})


# --- reading ---


def test_fios_latency_of_fdatasync_is_read_and_not_that_of_write() -> None:
    read = found(p99_ms=7.176192, iops=765.572519)
    # clat of write() has 0.034 ms in the same place
    assert (read["fdatasync_p99_ms"], read["fdatasync_p50_ms"]) == (7.176, 0.6)
    assert (read["iops"], read["writes"]) == (765.6, 10029)


def test_dds_bytes_and_seconds_are_read_and_not_its_rounded_words() -> None:
    read = found(dd="1073741824 bytes (1.1 GB, 1.0 GiB) copied, 0.866782 s, 1.2 GB/s")
    assert (read["dd_mb_per_s"], read["dd_mib"]) == (1238.8, 1024)
    for text in ("", "dd: failed to open: Invalid argument", "0 bytes copied, 0 s, 0 B/s"):
        read = found(dd=text)
        assert (read["dd_mb_per_s"], read["dd_mib"]) == (None, 0)


@pytest.mark.parametrize("text", ["fio: bad option", '{"jobs": []}', '{"jobs": [{"sync": {}}]}', '{"jobs'])
def test_a_fio_that_tells_no_latencies_is_named_with_its_words(text: str) -> None:
    with pytest.raises(
        HelperError, match=r"cp1: fio told no latencies of fdatasync; use fio 3\.5 or newer\. It said: ."
    ):
        found(fio=text)


def test_an_answer_that_is_none_is_a_fault() -> None:
    with pytest.raises(HelperError, match="cp1: what its disk was asked gave no answer"):
        figures("cp1", {})


@pytest.mark.parametrize(
    ("source", "device", "shown"),
    [
        ("/dev/vdb", "vdb", "vdb"),
        ("/dev/root", "vda1", "vda1"),
        ("/dev/mapper/vg-etcd", "dm-0", "vg-etcd"),
        ("/dev/mapper/vg-etcd[/sub]", "dm-0", "vg-etcd"),
        ("/dev/sda2[/etcd]", "sda2", "sda2"),
        ("tank/etcd", "", "tank/etcd"),
        ("nas:/etcd", "", "nas:/etcd"),
    ],
)
def test_a_device_is_called_as_people_call_it(source: str, device: str, shown: str) -> None:
    assert found(source=source, device=device)["device"] == shown


# --- deciding ---


@pytest.mark.parametrize(
    ("p99_ms", "iops", "kept"),
    [(3.2, 1210, True), (10.0, 50.0, True), (10.001, 1210, False), (3.2, 49.9, False), (23.4, 38, False)],
)
def test_both_bounds_are_held_or_the_promise_is_not_kept(p99_ms: float, iops: float, kept: bool) -> None:
    assert (disk_unmet("cp1", found(p99_ms, iops), ASK) == []) == kept


def test_a_disk_below_what_is_recommended_passes() -> None:
    assert disk_unmet("cp1", found(9.0, 120), ASK) == []


def test_dds_speed_decides_nothing() -> None:
    assert disk_unmet("cp1", found(dd="1048576 bytes copied, 10 s, 0.1 MB/s"), ASK) == []
    assert disk_unmet("cp1", found(dd=""), ASK) == []


@pytest.mark.parametrize("transport", ["virtio", "sata"])
def test_rotational_alone_fails_nothing(transport: str) -> None:
    assert disk_unmet("cp1", found(rotational=True, transport=transport), ASK) == []


def test_a_slow_disk_is_told_with_figures_and_three_ways_out() -> None:
    (unmet,) = disk_unmet("cp1", found(23.4, 38.2, transport="sata", disk="sda", device="sda", model="Old 1"), ASK)
    assert unmet.measured == (
        "cp1: p99 23.4 ms, 38 IOPS, dd 480 MB/s of 1024 MiB (ext4 on sda, sata, Old 1, a rotational disk)"
    )
    assert "local NVMe disk" in unmet.fix
    assert "nodes.control_planes[cp1]" in unmet.fix
    assert "gates.disk.measurement: 2" in unmet.fix
    assert "gates.disk.enforce: never" in unmet.fix


def test_a_measurement_again_is_one_number_further() -> None:
    (unmet,) = disk_unmet("cp1", found(23.4, measurement=4, cached=True), ASK)
    assert "gates.disk.measurement: 5" in unmet.fix
    assert unmet.measured.endswith(", measured in an earlier run")


def test_a_virtual_disk_that_calls_itself_rotational_is_not_called_a_liar_or_a_rotating_one() -> None:
    assert "(ext4 on vdb, virtio, calls itself rotational, as such disks often do)" in speed(found())
    assert "rotational" not in speed(found(rotational=False))
    assert "rotational" not in speed(found(rotational=None))
    assert speed(found(living=True)).endswith(", beside a living etcd")


def test_a_network_file_system_is_no_disk_however_fast() -> None:
    read = figures(
        "cp1",
        {**ANSWER, "refused": "network file system", "file_system": "nfs4", "source": "nas:/etcd"}
        | {"device": "", "disk": "", "fio": "", "dd": "", "rotational": None, "size_bytes": 0},
    )
    (unmet,) = disk_unmet("cp1", read, ASK)
    assert unmet.measured == ("cp1: /var/lib/etcd is on nfs4 (network file system: nas:/etcd), which was not measured")
    assert "local disk" in unmet.fix


def test_what_is_needed_follows_the_settings() -> None:
    assert needed({**ASK, "iops": 300}).startswith("fdatasync p99 <= 10 ms and >= 300 IOPS (500 recommended)")


# --- the verb ---


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """cp1 behind the pretended ssh, with an ext4 disk for etcd."""
    made = node_machine(tmp_path, 2211)
    (made.root / "var/lib/etcd").mkdir(parents=True)
    device = made.root / "sys/devices/virtio4/block/vdb"
    made.write("/sys/devices/virtio4/block/vdb/size", "8388608\n")
    made.write("/sys/devices/virtio4/block/vdb/queue/rotational", "0\n")
    (made.root / "sys/dev/block").mkdir(parents=True)
    (made.root / "sys/dev/block/254:16").symlink_to(device)
    made.program("findmnt", "echo 'ext4 254:16 /dev/vdb 8d2f'")
    made.program("stat", '[ "$1" = -f ] && echo "4096 1024000 1000000" || exec /usr/bin/stat "$@"')
    made.program("dd", f"echo '{DD}' >&2")
    disk_is(made)
    return made


def disk_is(made: Machine, p99_ms: float = 3.2, iops: float = 1210.4) -> None:
    text = made.write("/fio.json", said(p99_ms, iops))
    made.program("fio", f'for word in "$@"; do [[ $word != --output=* ]] || cp {text} "${{word#*=}}"; done')


def environment(base: dict[str, str], timing: Timing = NATIVE, **settings: Any) -> dict[str, str]:
    asked = question(stack(gates={"disk": settings}).gates, timing, "cp1")
    node = {"name": "cp1", "address": "192.168.77.11", "interface": "eth1", "port": 2211}
    access = {"host": "127.0.0.1", "user": "root", "key": "PRIVATE KEY", "host_key": "ssh-ed25519 AAAA"}
    return {
        **base,
        "FJORDKUBE_NODES": with_keys_apart([{**node, **access}]),
        "FJORDKUBE_GATE": json.dumps(asked.asked),
        "FJORDKUBE_SCRIPT": asked.script or "",
    }


def measured(env: dict[str, str]) -> dict[str, Any]:
    done = run("disk", env)
    assert done.returncode == 0, done.stderr
    assert "PRIVATE KEY" not in done.stdout + done.stderr
    (line,) = done.stdout.splitlines()
    read: dict[str, Any] = json.loads(line)
    return read


def failed(env: dict[str, str]) -> str:
    done = run("disk", env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    for words in ("error: gate disk: not kept\n", "  measured: cp1: ", "  needed: fdatasync p99 <= ", "  to do: "):
        assert words in done.stderr
    assert "timeout_seconds" not in done.stderr
    return done.stderr


def test_one_login_measures_and_the_figures_are_the_output(
    machine: Machine, base: dict[str, str], tmp_path: Path
) -> None:
    assert measured(environment(base)) == {
        "path": "/var/lib/etcd",
        "file_system": "ext4",
        "device": "vdb",
        "disk": "vdb",
        "transport": "virtio",
        "model": "",
        "rotational": False,
        "size_bytes": 2**32,
        "cached": False,
        "living": False,
        "measurement": 1,
        "refused": "",
        "fdatasync_p99_ms": 3.2,
        "fdatasync_p50_ms": 0.6,
        "iops": 1210.4,
        "writes": 10029,
        "dd_mb_per_s": 480.0,
        "dd_mib": 1024,
        "kept": True,
        "reported_only": "",
        "needed": {"fdatasync_p99_ms": 10, "iops": 50, "recommended_iops": 500},
    }
    assert (tmp_path / "arguments").read_text().count("exec bash -s") == 1


def test_a_slow_disk_ends_the_run_and_again_without_being_written_to(machine: Machine, base: dict[str, str]) -> None:
    disk_is(machine, p99_ms=23.4, iops=38)
    assert "measured: cp1: p99 23.4 ms, 38 IOPS" in failed(environment(base))
    disk_is(machine)
    text = failed(environment(base))
    assert "measured in an earlier run" in text
    assert "gates.disk.measurement: 2" in text
    assert measured(environment(base, measurement=2))["kept"] is True


def test_other_bounds_judge_what_was_measured(machine: Machine, base: dict[str, str]) -> None:
    disk_is(machine, p99_ms=23.4, iops=380)
    failed(environment(base))
    read = measured(environment(base, fdatasync_p99_ms=30))
    assert (read["kept"], read["cached"]) == (True, True)


@pytest.mark.parametrize(
    ("timing", "enforce", "why"),
    [
        (EMULATED, "auto", "emulated"),
        (EMULATED, "never", "gates.disk.enforce is never"),
        (NATIVE, "never", "gates.disk.enforce is never"),
        (EMULATED, "always", ""),
        (NATIVE, "always", ""),
        (NATIVE, "auto", ""),
    ],
)
def test_a_slow_disk_fails_where_it_is_a_promise_and_is_told_everywhere(
    machine: Machine, base: dict[str, str], timing: Timing, enforce: str, why: str
) -> None:
    disk_is(machine, p99_ms=80, iops=11)
    env = environment(base, timing, enforce=enforce)
    if not why:
        failed(env)
        return
    done = run("disk", env)
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    assert (read["kept"], read["reported_only"], read["fdatasync_p99_ms"]) == (False, why, 80.0)
    assert "p99 80 ms, 11 IOPS, dd 480 MB/s of 1024 MiB (ext4 on vdb, virtio); needed: " in done.stderr
    assert f"reported only: {why}" in done.stderr


def test_an_emulated_machine_writes_less_and_for_a_shorter_time(machine: Machine, base: dict[str, str]) -> None:
    measured(environment(base, EMULATED))
    (fio, dd) = [call for call in machine.calls if call.startswith(("fio", "dd"))]
    assert "--size=22m --bs=2300" in fio
    assert "--runtime=10 " in fio
    assert "count=64 " in dd


def test_a_network_file_system_ends_the_run_unmeasured(machine: Machine, base: dict[str, str]) -> None:
    machine.program("findmnt", "echo 'nfs4 0:55 nas:/etcd'")
    assert "is on nfs4 (network file system: nas:/etcd), which was not measured" in failed(environment(base))
    read = measured(environment(base, EMULATED))
    assert (read["kept"], read["fdatasync_p99_ms"], read["refused"]) == (False, None, "network file system")
    assert not any(call.startswith(("fio", "dd")) for call in machine.calls)


@pytest.mark.parametrize("timing", [NATIVE, EMULATED])
def test_a_node_without_fio_is_told_how_to_get_it_even_where_nothing_is_enforced(
    base: dict[str, str], timing: Timing
) -> None:
    """Without its words no row could be written; without a node (the pretended ssh runs here) the answer is given."""
    env = environment(base, timing)
    env["FJORDKUBE_SCRIPT"] = "echo '" + json.dumps({**ANSWER, "missing": "fio", "fio": "", "dd": ""}) + "'"
    text = failed(env)
    assert "measured: cp1: fio is not there to measure with" in text
    assert "apt-get install fio" in text


def test_a_check_that_failed_on_the_node_stops_with_its_words(machine: Machine, base: dict[str, str]) -> None:
    machine.program("fio", "echo 'fio: No space left on device' >&2; exit 1")
    done = run("disk", environment(base))
    assert (done.returncode, done.stdout) == (1, "")
    assert "cp1: fio could not write at /var/lib/etcd: fio: No space left on device" in done.stderr
    assert "error: cp1: the script on the node failed" in done.stderr
