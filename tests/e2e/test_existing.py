"""A stack on machines that exist already: real virtual machines that no stack has made, and that outlive it."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fjordkube.nodes.local import accelerator, vm_image
from fjordkube.versions import DEFAULT_CALICO, DEFAULT_KUBERNETES
from tests.e2e import cluster
from tests.engine.command import Commands
from tests.machines import machines
from tests.machines.machines import Made, Wanted

UP_SECONDS = 1800
HOST = "demo.fjord.internal"
WANTED = (
    Wanted("cp1", "control-plane", "192.168.77.11"),
    Wanted("w1", "worker", "192.168.77.101"),
    Wanted("w2", "worker", "192.168.77.102"),
)
LEFT = """
systemctl is-active kubelet || true
ls -d /sys/class/net/kube-ipvs0 /sys/class/net/cali* 2>/dev/null || true
ip -4 route show proto bird
nft list tables | grep fjordkube || true
grep -h fjordkube /etc/hosts /etc/fstab || true
grep -h /var/lib/etcd /etc/fstab /proc/self/mounts || true
ls -d /etc/fjordkube/kubeadm /etc/modules-load.d/fjordkube.conf /etc/kubernetes/kubelet.conf 2>/dev/null || true
ipvsadm -Ln | grep -c '^TCP' || true
iptables-save | grep -cE 'KUBE-|cali' || true
crictl ps -q
"""
"""What a node has and a machine that was given back has not, by its own word."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Home of the machines and of the stack. Both are gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="fjordkube-given-", dir="/var/tmp"))
    found = vm_image.find(DEFAULT_KUBERNETES, DEFAULT_CALICO)
    try:
        yield made
    finally:
        for wanted in WANTED:
            machines.delete(made / "machines", found, wanted)
        shutil.rmtree(made)


@pytest.fixture(scope="module")
def made(folder: Path) -> dict[str, Made]:
    """The machines, up and bare."""
    found = vm_image.find(DEFAULT_KUBERNETES, DEFAULT_CALICO)
    return {wanted.name: machines.make(folder / "machines", found, wanted) for wanted in WANTED}


@pytest.fixture(scope="module")
def given(folder: Path, made: dict[str, Made]) -> Iterator[Commands]:
    """Commands on a stack of those machines, whose host keys nobody has collected yet."""
    commands = Commands(folder / "home", folder / "Pulumi.given.yaml", "given")
    commands.write(stack(folder, made))
    try:
        yield commands
    finally:
        commands.run("down", limit=900)


def stack(folder: Path, made: dict[str, Made]) -> dict[str, Any]:
    """The stack file: what somebody with three VPS writes, but for forwarded ports and the timing of emulation."""
    emulated = accelerator.choose("auto", vm_image.find(DEFAULT_KUBERNETES, DEFAULT_CALICO)) == "tcg"

    def host(name: str, *uses: str) -> dict[str, Any]:
        ports = made[name].ports
        return {"name": name, "host": "127.0.0.1", "port": ports["ssh"], "ports": {use: ports[use] for use in uses}}

    return {
        "cluster": {"name": "given", "timing": "emulated" if emulated else "native"},
        "nodes": {
            "source": "existing",
            "private_cidr": "192.168.77.0/24",
            "zone": "no-osl1",
            "ssh": {
                "key_file": str(machines.client_key(folder / "machines")),
                "known_hosts": str(folder / "known_hosts"),
            },
            "control_planes": [{**host("cp1", "api"), "etcd_disk": "LABEL=etcd"}],
            "workers": [host("w1", "http", "https"), host("w2", "http", "https")],
        },
        # their disk is that of local machines
        "artifacts": {"install": False, "origin": "built"},
        # QEMU's user network is where this computer comes from
        "firewall": {"admin_cidrs": ["10.0.2.0/24"]},
        # an emulated disk proves nothing, and nobody but the source local knows that machines are emulated
        "gates": {"disk": {"enforce": "never" if emulated else "auto"}},
    }


def shell(folder: Path, machine: Made, script: str) -> str:
    """stdout of a script on a machine."""
    return machines.shell(folder / "machines", machine, script)


def test_up_trusts_no_host_before_its_key_was_collected(given: Commands) -> None:
    done = given.run("up")
    assert done.code == 1
    assert done.text.count("make host-keys STACK=given") == 3
    assert not list((given.home / "state").rglob("given.json"))


def test_host_keys_are_collected_once(given: Commands, folder: Path, made: dict[str, Made]) -> None:
    assert given.run("host-keys").code == 0
    lines = (folder / "known_hosts").read_text().splitlines()
    assert lines == [f"[127.0.0.1]:{made[name].ports['ssh']} {made[name].host_key}" for name in ("cp1", "w1", "w2")]


def test_a_host_that_lacks_something_stops_up_before_any_is_changed(
    given: Commands, folder: Path, made: dict[str, Made]
) -> None:
    shell(folder, made["w2"], "mv /usr/bin/socat /usr/bin/socat-away")
    try:
        done = given.run("up", 300)
        assert done.code != 0
        assert "1 problem on 1 of 3 hosts, and nothing was changed:" in done.text, done.text
        assert "w2: has no socat" in done.text
        for machine in made.values():
            assert shell(folder, machine, "ls /etc/fjordkube/kubeadm /etc/modules-load.d/fjordkube.conf || true") == ""
    finally:
        shell(folder, made["w2"], "mv /usr/bin/socat-away /usr/bin/socat")


def test_up_serves_a_request_and_every_gate_passes(given: Commands) -> None:
    done = given.run("up", UP_SECONDS, show=True)
    assert done.code == 0, done.text
    outputs = cluster.outputs(given)
    assert set(outputs["gates"]) == {"disk", "bgp", "data-path", "ipvs", "ingress"}
    assert outputs["gates"]["bgp"]["sessions_established"] == 6
    assert outputs["residency"]["zones"] == {"cp1": "no-osl1", "w1": "no-osl1", "w2": "no-osl1"}
    for node in ("w1", "w2"):
        status, text = cluster.get(int(outputs["ports"][node]["http"]), HOST)
        assert status == 200
        assert "pod: demo-" in text


def test_a_second_up_changes_nothing(given: Commands) -> None:
    done = given.run("up", 300)
    assert done.code == 0, done.text
    assert re.search(r"engine done in .*: \d+ unchanged", done.text), done.text


def test_down_leaves_the_machines_running_and_as_they_were(
    given: Commands, folder: Path, made: dict[str, Made]
) -> None:
    boots = {name: shell(folder, machine, "cat /proc/sys/kernel/random/boot_id") for name, machine in made.items()}
    done = given.run("down", 900, show=True)
    assert done.code == 0, done.text
    for name, machine in made.items():
        assert shell(folder, machine, "cat /proc/sys/kernel/random/boot_id") == boots[name]
        # the kubelet is not active; no virtual service and no rule is counted
        assert shell(folder, machine, LEFT).split() in (["inactive", "0", "0"], ["failed", "0", "0"]), name


def test_the_same_machines_could_be_taken_again(given: Commands) -> None:
    """The survey finds nothing in the way: no cluster, no taken port."""
    done = given.run("doctor", 300)
    assert "w2: Debian" in done.text, done.text
    assert "problem" not in done.text, done.text
