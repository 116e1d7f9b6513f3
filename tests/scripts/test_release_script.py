"""release.sh: a machine that was lent is given back as it was, however far the stack had come on it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from fjordkube.host import api_proxy, firewall, modules, release, sysctls, units
from tests.golden.bootstrap_cluster import node
from tests.scripts.machine import Machine

PLANE = node("cp1", "control-plane", 11)
WORKER = node("w1", "worker", 101)
MOUNTED = "22 1 8:1 / / rw - ext4 /dev/vda rw\n30 22 8:2 / /var/lib/etcd rw - ext4 /dev/vdb rw\n"
FSTAB = "LABEL=root / ext4 defaults 0 1\n# fjordkube: /swap none swap sw 0 0\n"
HOSTS = "127.0.0.1 localhost\n# fjordkube begin\n10.1.0.11 cp1\n# fjordkube end\n::1 localhost\n"
OURS = [modules.PATH, sysctls.PATH, units.KUBELET_PATH, units.CONTAINERD_PATH, units.FIREWALL_PATH,
        units.FIREWALL_WANT, firewall.PATH]  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A control plane of a living cluster."""
    made = Machine(tmp_path / "m")
    for path in [
        *OURS,
        "/etc/fjordkube/kubeadm/init.yaml",
        "/var/log/kubernetes/audit.log",
        "/var/lib/etcd/data/member/snap",
        "/etc/containerd/config.toml",
    ]:
        made.write(path, "ours\n")
    made.write("/etc/kubernetes/kubelet.conf")
    made.write("/etc/fstab", FSTAB + "LABEL=etcd /var/lib/etcd auto noatime,nofail 0 2\n")
    made.write("/etc/hosts", HOSTS)
    made.write("/proc/self/mountinfo", MOUNTED)
    for nic in ("kube-ipvs0", "cali1", "eth1"):
        (made.root / "sys/class/net" / nic).mkdir(parents=True)
    answers = {
        "kubeadm": 'rm -rf "$ROOT/etc/kubernetes" "$ROOT/sys/class/net/kube-ipvs0" "$ROOT/run/kubelet"',
        "systemctl": '[ "$1" != is-active ] || [ -e "$ROOT/run/kubelet" ]',
        "umount": 'echo "22 1 8:1 / / rw - ext4 /dev/vda rw" >"$ROOT/proc/self/mountinfo"',
        "ipset": '[ "$1" != list ] || printf "KUBE-CLUSTER-IP\\ncali40all\\nmine\\n"',
    }
    for name in ("ip", "ipvsadm", "iptables-save", "iptables-restore", "ip6tables-save", "ip6tables-restore", "nft",
                 "flock", *answers):  # fmt: skip
        made.program(name, answers.get(name, ""))
    made.write("/run/kubelet")
    return made


def run(machine: Machine, which: object = PLANE) -> dict[str, str]:
    """What the script says, run as the helper runs it."""
    done = subprocess.run(
        ["bash", "-s"],
        input=release.script(which),  # type: ignore[arg-type]
        env={
            "PATH": f"{machine.folder / 'bin'}:/usr/bin:/bin",
            "FJORDKUBE_ROOT": str(machine.root),
            "CALLS": str(machine.folder / "calls"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, str] = json.loads(done.stdout)
    return said


def test_control_plane_is_reset_and_nothing_of_the_preparation_is_left(machine: Machine) -> None:
    assert run(machine) == {"node": "cp1", "state": "released"}
    calls = machine.calls
    for call in ("kubeadm reset --force", "ip link delete cali1", "ip -4 route flush proto 12", "umount /var/lib/etcd",
                 "ipset destroy KUBE-CLUSTER-IP", "ipset destroy cali40all", "nft delete table inet fjordkube",
                 "systemctl daemon-reload"):  # fmt: skip
        assert any(made.startswith(call) for made in calls), (call, calls)
    assert not any("eth1" in call or "mine" in call for call in calls)
    assert [path for path in OURS if machine.exists(path)] == []
    assert not machine.exists("/etc/fjordkube")
    assert not machine.exists("/var/log/kubernetes")
    assert not machine.exists("/var/lib/etcd/data")
    assert machine.read("/etc/fstab") == "LABEL=root / ext4 defaults 0 1\n/swap none swap sw 0 0\n"
    assert machine.read("/etc/hosts") == "127.0.0.1 localhost\n::1 localhost\n"
    assert machine.exists("/etc/containerd/config.toml"), "containerd needs a configuration"


BROUGHT = "/opt/fjordkube/kubernetes/v1.37.1/kubelet"


def brought(machine: Machine) -> None:
    """As artifacts.sh leaves a machine."""
    machine.write(BROUGHT)
    (machine.root / "usr/local/bin").mkdir(parents=True)
    (machine.root / "usr/local/bin/kubelet").symlink_to(BROUGHT)
    machine.write("/usr/local/bin/mine")
    machine.write("/opt/cni/bin/calico-ipam")
    machine.write("/etc/systemd/system/containerd.service")
    machine.write("/etc/containerd/certs.d/registry.k8s.io/hosts.toml", "# Written by fjordkube.\n")
    machine.write("/etc/containerd/certs.d/quay.io/hosts.toml", "server = ...\n")
    machine.write("/var/lib/containerd/images")
    machine.write("/etc/fjordkube/artifacts/packages", "conntrack\nlibnetfilter-conntrack3\n")
    for name in ("apt-get", "containerd"):
        machine.program(name)


def test_what_was_brought_goes_and_nothing_else(machine: Machine) -> None:
    brought(machine)
    run(machine)
    for path in ("/opt/fjordkube", "/usr/local/bin/kubelet", "/etc/systemd/system/containerd.service", "/etc/fjordkube",
                 "/etc/containerd/certs.d/registry.k8s.io", "/opt/cni"):  # fmt: skip
        assert not (machine.root / path.lstrip("/")).is_symlink()
        assert not machine.exists(path), path
    for path in ("/usr/local/bin/mine", "/etc/containerd/certs.d/quay.io/hosts.toml", "/var/lib/containerd/images"):
        assert machine.exists(path), path
    (purge,) = [call for call in machine.calls if call.startswith("apt-get")]
    assert purge.endswith("purge conntrack libnetfilter-conntrack3")
    assert "systemctl start containerd" in machine.calls, "the host's own"


@pytest.mark.parametrize("ours", [True, False])
def test_the_proxy_stops_before_its_files_go_and_a_mask_of_ours_goes_with_the_package(
    machine: Machine, ours: bool
) -> None:
    brought(machine)
    mask = machine.root / "etc/systemd/system/haproxy.service"
    mask.symlink_to("/dev/null")
    if ours:
        machine.write("/etc/fjordkube/artifacts/haproxy-is-masked")
    for path in api_proxy.FILES:
        machine.write(path)
    run(machine)
    calls = machine.calls
    purge = next(number for number, call in enumerate(calls) if call.startswith("apt-get"))
    assert calls.index(f"systemctl stop {units.API_PROXY}") < purge
    assert [path for path in api_proxy.FILES if machine.exists(path)] == []
    assert mask.is_symlink() != ours
    assert not machine.exists("/etc/fjordkube")
    run(machine)
    assert machine.calls.count(f"systemctl stop {units.API_PROXY}") == 1


def test_images_go_with_a_containerd_that_came_with_them(machine: Machine) -> None:
    brought(machine)
    machine.write("/etc/fjordkube/artifacts/containerd-is-ours")
    (machine.folder / "bin" / "containerd").unlink()
    run(machine)
    assert not machine.exists("/var/lib/containerd")
    assert not machine.exists("/etc/containerd")


def test_containerd_of_the_hosts_own_starts_with_its_own_configuration_now_and_at_boot(machine: Machine) -> None:
    brought(machine)
    machine.write("/etc/containerd/config.toml.before-fjordkube", "version = 2\n")
    machine.program("systemctl", '[ "$*" != "start containerd" ] || cp "$ROOT/etc/containerd/config.toml" "$ROOT/read"')
    wants = machine.root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "containerd.service").symlink_to("/usr/lib/systemd/system/containerd.service")
    (wants / "kubelet.service").symlink_to("/etc/systemd/system/kubelet.service")
    machine.write("/etc/systemd/system/kubelet.service")
    run(machine)
    assert machine.read("/read") == "version = 2\n", "an older one does not start with ours"
    assert [link.name for link in wants.iterdir()] == ["containerd.service"]
    assert "systemctl stop containerd" in machine.calls
    assert not any(call.startswith("systemctl disable") for call in machine.calls)


def test_units_of_the_hosts_own_are_its_own_again(machine: Machine) -> None:
    brought(machine)
    unit = "/etc/systemd/system/containerd.service"
    machine.write(f"{unit}.before-fjordkube", "theirs\n")
    link = machine.root / "etc/systemd/system/multi-user.target.wants/containerd.service"
    link.parent.mkdir(parents=True)
    link.symlink_to(unit)
    run(machine)
    assert machine.read(unit) == "theirs\n"
    assert not machine.exists(f"{unit}.before-fjordkube")
    assert link.is_symlink()


def test_packages_that_were_held_are_let_go(machine: Machine) -> None:
    machine.write("/etc/fjordkube/held", "kubelet\nkubectl\n")
    machine.program("apt-mark")
    run(machine)
    run(machine)
    assert machine.calls.count("apt-mark unhold kubelet kubectl") == 1
    assert not machine.exists("/etc/fjordkube")


def test_cloud_inits_template_is_as_it_was(machine: Machine) -> None:
    machine.write("/etc/cloud/templates/hosts.debian.tmpl", "## template:jinja\n" + HOSTS)
    run(machine)
    assert machine.read("/etc/cloud/templates/hosts.debian.tmpl") == (
        "## template:jinja\n127.0.0.1 localhost\n::1 localhost\n"
    )


def test_configuration_that_the_host_had_of_its_own_is_its_own_again(machine: Machine) -> None:
    machine.write("/etc/containerd/config.toml.before-fjordkube", 'version = 3\nconfig_path = "/srv/registries"\n')
    for name, target in (("docker.io", "/srv/registries/docker.io"), ("quay.io", "/elsewhere/quay.io")):
        machine.write(f"/etc/containerd/certs.d/{name}").unlink()
        (machine.root / "etc/containerd/certs.d" / name).symlink_to(target)
    run(machine)
    assert machine.read("/etc/containerd/config.toml").startswith("version = 3\n")
    assert not machine.exists("/etc/containerd/config.toml.before-fjordkube")
    assert [path.name for path in (machine.root / "etc/containerd/certs.d").iterdir()] == ["quay.io"]
    assert "systemctl try-restart containerd.service" in machine.calls
    machine.write("/etc/containerd/config.toml", "edited since\n")
    run(machine)
    assert machine.read("/etc/containerd/config.toml") == "edited since\n"


def test_second_release_finds_nothing_to_reset(machine: Machine) -> None:
    run(machine)
    before = {path: machine.read(path) for path in ("/etc/fstab", "/etc/hosts")}
    (machine.folder / "calls").write_text("")
    run(machine)
    assert not any(call.startswith(("kubeadm", "umount", "ip ", "systemctl stop")) for call in machine.calls)
    assert {path: machine.read(path) for path in before} == before


def test_kubelet_of_a_join_that_was_cut_short_is_stopped(machine: Machine) -> None:
    machine.program("kubeadm", "exit 1")
    run(machine, WORKER)
    assert "systemctl stop kubelet" in machine.calls


def test_node_of_somebody_elses_cluster_is_left_alone(machine: Machine) -> None:
    (machine.root / "etc/fjordkube/kubeadm/init.yaml").unlink()
    (machine.root / "etc/fjordkube/kubeadm").rmdir()
    run(machine)
    assert not any(call.startswith(("kubeadm", "ip ", "umount", "systemctl stop")) for call in machine.calls)
    assert machine.exists("/etc/kubernetes/kubelet.conf")
    assert machine.exists("/var/lib/etcd/data/member/snap")


def test_what_lies_beside_our_files_stays(machine: Machine) -> None:
    machine.write("/etc/fjordkube/network.env", "of somebody else")
    run(machine)
    assert machine.exists("/etc/fjordkube/network.env")
    assert not machine.exists("/etc/fjordkube/kubeadm")


def test_worker_and_control_plane_on_the_root_disk_have_no_disk_to_unmount(machine: Machine) -> None:
    run(machine, replace(PLANE, etcd_device=None))
    assert not any(call.startswith("umount") for call in machine.calls)
    assert not machine.exists("/var/lib/etcd/data"), "etcd's data is the cluster's"
    machine.write("/etc/fjordkube/kubeadm/join.yaml")
    machine.write("/var/lib/etcd/data/x", "a worker's own")
    run(machine, WORKER)
    assert machine.exists("/var/lib/etcd/data/x")


def test_disk_that_is_in_use_keeps_nothing_from_being_given_back(machine: Machine) -> None:
    machine.program("umount", "exit 32")
    assert run(machine)["state"] == "released"
