"""A stack on machines that exist already, and that outlive it: plain Debian 12, entered through a bastion by a user
with sudo. What they lack comes from a bundle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands.setup import PLAIN_EXISTING
from fjordkube.roots import CHECKOUT
from tests.conformance import ssh_daemon
from tests.conformance.ssh_daemon import SshDaemon
from tests.e2e import cluster, existing
from tests.engine.command import Commands
from tests.machines import machines
from tests.machines.machines import Made, Wanted

UP_SECONDS = 1800
HOST = "demo.fjord.internal"
WANTED = (
    Wanted("cp1", "control-plane", "192.168.77.11"),
    Wanted("w1", "worker", "192.168.77.101"),
)
USER = "debian"
"""Made by cloud-init, without a key."""
LEFT = """
systemctl is-active kubelet || true
ls -d /sys/class/net/kube-ipvs0 /sys/class/net/cali* 2>/dev/null || true
ip -4 route show proto bird
nft list tables | grep fjordkube || true
grep -h fjordkube /etc/hosts /etc/fstab || true
grep -h /var/lib/etcd /etc/fstab /proc/self/mounts || true
ls -d /etc/fjordkube/kubeadm /etc/modules-load.d/fjordkube.conf /etc/kubernetes/kubelet.conf 2>/dev/null || true
ls -d /opt/fjordkube /opt/cni/bin/* /usr/local/bin/* /etc/containerd /var/lib/containerd 2>/dev/null || true
grep '^TCP' /proc/net/ip_vs 2>/dev/null || true
pgrep -l containerd || true
"""
"""What a node has and a machine that was given back has not, by its own word."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Home of the machines and of the stack."""
    with existing.home("given", PLAIN_EXISTING, WANTED) as made:
        yield made


@pytest.fixture(scope="module")
def made(folder: Path) -> dict[str, Made]:
    """The machines, up and bare; whoever enters them as root may enter as the user with sudo."""
    found = existing.make(folder, PLAIN_EXISTING, WANTED)
    for machine in found.values():
        machines.shell(
            folder / "machines",
            machine,
            f"cloud-init status --wait >/dev/null; install -d -o {USER} -m 700 ~{USER}/.ssh\n"
            f"install -o {USER} -m 600 ~/.ssh/authorized_keys ~{USER}/.ssh/",
        )
    return found


@pytest.fixture(scope="module")
def bastion(folder: Path) -> Iterator[SshDaemon]:
    """A real SSH server between this computer and the machines."""
    place, sshd = folder / "bastion", ssh_daemon.available()
    assert sshd
    place.mkdir()
    with ssh_daemon.prepared(place, sshd) as daemon:
        key = place / "id_ed25519"
        key.touch(mode=0o600)
        key.write_text(daemon.private_key)
        daemon.start()
        yield daemon


@pytest.fixture(scope="module")
def given(folder: Path, made: dict[str, Made], bastion: SshDaemon, plain_bundle: Path) -> Iterator[Commands]:
    """Commands on a stack of those machines, whose host keys nobody has collected yet."""
    commands = Commands(folder / "home", folder / "Pulumi.given.yaml", "given")
    commands.write(stack(folder, made, bastion, plain_bundle))
    try:
        yield commands
    finally:
        commands.run("down", limit=900)


def stack(folder: Path, made: dict[str, Made], bastion: SshDaemon, plain_bundle: Path) -> dict[str, Any]:
    """What somebody writes whose hosts are behind a bastion and reach no registry."""
    through = {
        "host": "127.0.0.1",
        "port": bastion.port,
        "user": bastion.user,
        "key_file": str(folder / "bastion" / "id_ed25519"),
        "host_key": bastion.host_key,
    }
    return {
        **existing.stack("given", folder, PLAIN_EXISTING, made, ["w1"], user=USER, sudo=True, bastion=through),
        "artifacts": {"source": "bundle", "path": str(plain_bundle.relative_to(CHECKOUT)), "origin": "built"},
    }


def shell(folder: Path, machine: Made, script: str) -> str:
    """stdout of a script on a machine."""
    return machines.shell(folder / "machines", machine, script)


def test_up_trusts_no_host_before_its_key_was_collected(given: Commands) -> None:
    done = given.run("up")
    assert done.code == 1
    assert done.text.count("make host-keys STACK=given") == 2
    assert not list((given.home / "state").rglob("given.json"))


def test_host_keys_are_collected_once(given: Commands, folder: Path, made: dict[str, Made]) -> None:
    assert given.run("host-keys").code == 0
    lines = (folder / "known_hosts").read_text().splitlines()
    assert lines == [existing.known(made[name]) for name in ("cp1", "w1")]


def test_a_host_with_a_taken_port_stops_up_before_any_is_changed(
    given: Commands, folder: Path, made: dict[str, Made]
) -> None:
    shell(folder, made["w1"], "systemd-run --unit taken python3 -m http.server 10250")
    try:
        done = given.run("up", 300)
        assert done.code != 0
        assert "1 problem on 1 of 2 hosts, and nothing was changed:" in done.text, done.text
        assert "10250" in done.text
        for machine in made.values():
            assert shell(folder, machine, "ls -d /opt/fjordkube /etc/fjordkube/kubeadm || true") == ""
    finally:
        shell(folder, made["w1"], "systemctl stop taken")


def test_up_serves_a_request_and_every_gate_passes(given: Commands) -> None:
    done = given.run("up", UP_SECONDS, show=True)
    assert done.code == 0, done.text
    outputs = cluster.outputs(given)
    assert set(outputs["gates"]) == {"disk", "bgp", "data-path", "ipvs", "ingress"}
    assert outputs["gates"]["bgp"]["sessions_established"] == 2
    assert outputs["residency"]["zones"] == {"cp1": "no-osl1", "w1": "no-osl1"}
    status, text = cluster.get(int(outputs["ports"]["w1"]["http"]), HOST)
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
        assert shell(folder, machine, LEFT).split() in (["inactive"], ["failed"]), name


def test_the_same_machines_could_be_taken_again(given: Commands) -> None:
    """The survey finds nothing in the way: no cluster, no taken port."""
    done = given.run("doctor", 300)
    assert "w1: Debian" in done.text, done.text
    assert "problem" not in done.text, done.text
