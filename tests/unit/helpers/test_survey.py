"""The survey of hosts that exist: every bound refused with its fix, all problems of all hosts at once, facts kept."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fjordkube.artifacts.places import CONTROL_PLANE_IMAGES
from fjordkube.helpers.ssh import Access, with_keys_apart
from fjordkube.helpers.survey.asking import Answer, failure
from fjordkube.helpers.survey.judgement import Host, Wanted, compare, judge, told
from fjordkube.nodes.existing import question
from fjordkube.settings import ExistingNodes, load
from fjordkube.shell import shell
from tests.scripts.machine import Machine
from tests.unit.helpers.fakes import node_machine, run
from tests.unit.test_settings_existing import nodes

IMAGES = {name: f"fjordkube.local/{name}:v1" for name in ("etcd", "kube-apiserver", "kube-proxy", "pause")}
NAMES = {"cp1": 11, "w1": 101, "w2": 102}
HOST = Host("w1", "worker", "10.1.0.101", 24, "eth1", "")
PLANE = Host("cp1", "control-plane", "10.1.0.11", 24, "eth1", "LABEL=etcd")
VERSION = load({}).kubernetes.version
WANTED = Wanted("v1.36.3", (2, 0), ["api.fjord.internal", "10.1.0.11"])


def answer(**changes: Any) -> Answer:
    """A worker that is as it should be; a fact given as None was not told."""
    facts: dict[str, Any] = {
        "uid": "0",
        "clock": "1000.5",
        "hostname": "w1",
        "machine_id": "aaaa",
        "kernel": "6.1.0-31-amd64",
        "architecture": "x86_64",
        "processors": "2",
        "cgroups": "cgroup2fs",
        "os_id": "debian",
        "os_version": "12",
        "os_name": "Debian GNU/Linux 12 (bookworm)",
        "memory_kib": str(2048 * 1024),
        "disk_free_kib": str(10 * 2**20),
        "container": "none",
        "virtualisation": "kvm",
        "nic": ["lo", "eth0", "eth1"],
        "address": "10.1.0.101/24",
        "kubeadm": "v1.36.3",
        "kubelet": "Kubernetes v1.36.3",
        "kubectl": "Client Version: v1.36.3",
        "containerd": "containerd github.com/containerd/containerd/v2 2.1.4 abc",
        "whole": "yes",
        **changes,
    }
    values = {name: [value] if isinstance(value, str) else value for name, value in facts.items()}
    return Answer({name: value for name, value in values.items() if value is not None}, begun=1000.0, ended=1001.0)


def plane(**changes: Any) -> Answer:
    return answer(**{"address": "10.1.0.11/24", "etcd_device": "/dev/vdb", "etcd_type": "ext4", **changes})


def test_hosts_that_are_as_they_should_be_have_no_problem() -> None:
    assert judge(HOST, answer(), WANTED) == []
    assert judge(PLANE, plane(), WANTED) == []
    assert judge(replace(PLANE, etcd="root"), plane(etcd_device=None, etcd_type=None), WANTED) == []


@pytest.mark.parametrize(
    ("changes", "state", "fix"),
    [
        ({"os_id": "fedora", "os_name": "Fedora 40"}, "runs Fedora 40, which is not supported", "install Debian 12"),
        ({"os_version": "11", "os_name": "Debian 11"}, "runs Debian 11, which is too old", "install Debian 12"),
        ({"os_id": "ubuntu", "os_version": "20.04", "os_name": "Ubuntu 20.04"}, "too old", "or Ubuntu 22.04"),
        ({"os_id": None, "os_name": None}, "runs an unknown system", "install Debian 12"),
        ({"architecture": "aarch64"}, "is a machine of aarch64", "use x86-64"),
        ({"kernel": "5.4.0-150-generic"}, "runs kernel 5.4.0-150-generic, older than 5.10", "boot the newest kernel"),
        ({"cgroups": "tmpfs"}, "has cgroup v1", "boot without systemd.unified_cgroup_hierarchy=0"),
        ({"machine_id": ""}, "has no /etc/machine-id", "systemd-machine-id-setup"),
        ({"container": "openvz"}, "is a container (openvz), whose kernel is not its own", "(KVM), or metal"),
        ({"container": "lxc"}, "is a container (lxc)", "(KVM), or metal"),
        ({"memory_kib": "524288"}, "has 512 MiB of memory, and a worker needs 900", "1 GiB or more"),
        ({"processors": "0"}, "has 0 processors, and a worker needs 1", "larger machine"),
        ({"disk_free_kib": "1048576"}, "has 1.0 GiB free in /var/lib, and needs 2", "free some"),
        ({"nic": ["lo", "ens3", "ens4", "cali123"]}, "has no NIC eth1", "it has ens3, ens4"),
        ({"address": None}, "eth1 does not have the address 10.1.0.101 (it has none)", "give the NIC its private"),
        ({"address": "10.1.0.7/24"}, "eth1 does not have the address 10.1.0.101 (it has 10.1.0.7)", "correct address"),
        ({"address": "10.1.0.101/32"}, "eth1 has 10.1.0.101/32, with which Calico", "the address with /24"),
        ({"address": "10.1.0.101/16"}, "has 10.1.0.101/16, and nodes.private_cidr has /24", "nodes.private_cidr"),
        ({"clock": "900.0"}, "its clock is 100 s behind this computer's", "install chrony"),
        ({"clock": "1061.0"}, "its clock is 60 s ahead of this computer's", "install chrony"),
        ({"module_missing": ["ip_vs", "ip_vs_rr"]}, "has no module ip_vs, ip_vs_rr", "linux-modules-extra-6.1.0"),
        ({"program_missing": ["socat", "ipvsadm"]}, "has no socat, ipvsadm", "docs/artifacts.md"),
        ({"kubelet": "Kubernetes v1.35.0"}, "its kubelet is v1.35.0", "install v1.36.3, or set kubernetes.version"),
        ({"kubectl": ""}, "its kubectl is of unknown version", "install v1.36.3"),
        ({"containerd": "containerd containerd.io 1.7.24"}, "its containerd is v1.7.24", "upgrade it to 2.0"),
        ({"image_missing": ["a:1", "b:2"]}, "containerd has no image a:1, b:2", "import them into namespace k8s.io"),
        ({"unit_missing": "kubelet.service"}, "has no unit kubelet.service, so nothing", "install the package"),
        ({"unit_masked": "kubelet.service"}, "its kubelet.service is masked", "systemctl unmask kubelet.service"),
        ({"firewall": "ufw"}, "its own firewall is active (ufw), and packets between", "ufw disable, or set"),
        ({"firewall": "firewalld"}, "its own firewall is active (firewalld)", "systemctl disable --now firewalld, or"),
        ({"firewall": "table inet filter"}, "is active (table inet filter)", "'nft delete table inet filter', or set"),
        ({"login_shell": "debian fish"}, "the login shell of debian is fish", "chsh -s /bin/bash debian"),
        ({"booting": "cloud-init"}, "still boots after a minute (cloud-init)", "cloud-init status --long"),
        ({"cluster": "https://api.other.internal:6443"}, "is a node of another cluster already", "kubeadm reset"),
        ({"other_kubernetes": "k3s"}, "runs another Kubernetes already (k3s)", "uninstall k3s"),
        ({"port_taken": ["80", "80"]}, "its port 80 is taken", "ss -ltnp 'sport = :80'"),
    ],
)  # fmt: skip
def test_host_is_refused_with_state_and_fix(changes: dict[str, Any], state: str, fix: str) -> None:
    (problem,) = judge(HOST, answer(**changes), WANTED)
    assert state in problem.state
    assert fix in problem.fix


@pytest.mark.parametrize(
    ("changes", "state", "fix"),
    [
        ({"memory_kib": "1048576"}, "has 1024 MiB of memory, and a control plane needs 1700", "2 GiB or more"),
        ({"processors": "1"}, "has 1 processor, and a control plane needs 2", "larger machine"),
        ({"etcd_device": None, "etcd_type": None}, "has no disk LABEL=etcd for etcd", "name it by lsblk -f"),
        ({"etcd_type": ""}, "etcd's disk /dev/vdb is not formatted", "mkfs.ext4 -L etcd /dev/vdb"),
    ],
)  # fmt: skip
def test_control_plane_is_refused_with_state_and_fix(changes: dict[str, Any], state: str, fix: str) -> None:
    (problem,) = judge(PLANE, plane(**changes), WANTED)
    assert state in problem.state
    assert fix in problem.fix


@pytest.mark.parametrize(
    "changes",
    [
        {"os_version": None, "os_name": "Debian GNU/Linux forky/sid"},
        {"os_id": "ubuntu", "os_version": "22.04"},
        {"kernel": "5.10.0-30-amd64"},
        {"container": ""},
        {"clock": "1025.0"},
        {"clock": None},
        {"login_shell": "root zsh"},
        {"memory_kib": "1010000"},
        # a member of this cluster listens on its own ports
        {"cluster": "https://api.fjord.internal:6443", "port_taken": ["10250", "80"]},
        {"cluster": "https://10.1.0.11:6443"},
    ],
)
def test_what_is_good_enough_is_taken(changes: dict[str, Any]) -> None:
    assert judge(HOST, answer(**changes), WANTED) == []


@pytest.mark.parametrize(("choice", "name", "count"), [
    ("keep", "ufw", 0), ("keep", "table inet filter", 0), ("replace", "firewalld", 0), ("replace", "table ip x", 1),
])  # fmt: skip
def test_firewall_of_a_host_is_its_owners_choice(choice: str, name: str, count: int) -> None:
    assert len(judge(HOST, answer(firewall=name), replace(WANTED, firewall=choice))) == count


def test_of_a_user_who_is_not_root_nothing_else_is_believed() -> None:
    (problem,) = judge(HOST, answer(uid="1000", memory_kib="1", kernel="4.0"), WANTED)
    assert (problem.state, problem.fix) == ("its SSH user is not root", "set nodes.ssh.sudo: true, or enter as root")


def test_every_problem_of_a_host_is_told() -> None:
    found = judge(PLANE, plane(kernel="4.19.0", memory_kib="1", etcd_type="", container="lxc", clock="1"), WANTED)
    assert len(found) == 5


def test_clones_are_told_by_the_later_one() -> None:
    found = compare(
        {"cp1": answer(hostname="a"), "w1": answer(hostname="b"), "w2": answer(machine_id="c", hostname="b")}
    )
    assert [(name, problem.state) for name, problems in found.items() for problem in problems] == [
        ("w1", "has the machine-id of cp1"),
        ("w2", "has the hostname of w1"),
    ]
    assert "systemd-machine-id-setup" in found["w1"][0].fix


def test_what_is_kept_of_a_host_does_not_change_by_itself() -> None:
    assert told(answer()) == told(answer(clock="7", disk_free_kib=str(3 * 2**20), port_taken=["80"]))
    assert told(answer())["machine_id"] == "aaaa"


# --- Hosts that do not answer ----------------------------------------------------------------------------------------

ACCESS = Access("w1", "203.0.113.21", "2222", "debian", "KEY", "ssh-ed25519 A")
BEHIND = replace(ACCESS, bastion=Access("w1.bastion", "203.0.113.5", "22", "jump", "KEY", "ssh-ed25519 B"))


@pytest.mark.parametrize(
    ("access", "code", "words", "state", "fix"),
    [
        (ACCESS, 255, "ssh: connect to host 203.0.113.21 port 2222: Connection refused",
         "is not reachable by SSH at 203.0.113.21 port 2222 (Connection refused)",
         "start the machine"),
        (ACCESS, 255, "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 203.0.113.21",
         "closes connections at 203.0.113.21 port 2222 before SSH begins", "/etc/hosts.allow"),
        (ACCESS, 255, "", "is not reachable by SSH at 203.0.113.21 port 2222 (silence)", "start the machine"),
        (BEHIND, 255, "ssh: connect to host 203.0.113.5 port 22: Connection timed out\nConnection closed",
         "through the bastion 203.0.113.5 (connect to host 203.0.113.5 port 22: Connection timed out)", "firewall"),
        (ACCESS, 255, "@@@\nHost key for node has changed and you have requested strict checking.\n"
         "Host key verification failed.", "203.0.113.21 port 2222 shows another host key than the pinned one",
         "take its line out of nodes.ssh.known_hosts, run make host-keys and compare"),
        (ACCESS, 255, "No ED25519 host key is known for node and you have requested strict checking.\nHost key "
         "verification failed.", "shows another host key", "correct its host_key"),
        (BEHIND, 255, "Host key for bastion has changed\nHost key verification failed.",
         "its bastion 203.0.113.5 port 22 shows another host key", "correct nodes.ssh.bastion.host_key"),
        (ACCESS, 255, "debian@203.0.113.21: Permission denied (publickey).", "refuses the key of debian@203.0.113.21",
         "authorized_keys"),
        (BEHIND, 255, "jump@203.0.113.5: Permission denied (publickey).\nConnection closed",
         "its bastion refuses the key of jump@203.0.113.5", "nodes.ssh.bastion.key_file"),
        (ACCESS, 1, "sudo: a password is required", "sudo -n does not work for debian (sudo: a password is required)",
         'debian ALL=(ALL) NOPASSWD: ALL'),
        (ACCESS, 127, "bash: line 1: exec: sudo: not found", "sudo -n does not work for debian", "sudoers.d"),
        (ACCESS, 127, "sh: bash: not found", "cannot be asked (sh: bash: not found)", "needs bash"),
        (ACCESS, 3, "", "cannot be asked (exit status 3, without a word)", "needs bash"),
    ],
)  # fmt: skip
def test_reason_of_a_silent_host_is_told_with_its_fix(
    access: Access, code: int, words: str, state: str, fix: str
) -> None:
    problem = failure(access, code, words)
    assert state in problem.state
    assert fix in problem.fix


# --- The verb, as Pulumi runs it -------------------------------------------------------------------------------------


def ready(folder: Path, name: str) -> Machine:
    """A pretended host that may become that node."""
    last, port = NAMES[name], 2200 + NAMES[name]
    machine = node_machine(folder, port)
    machine.write("/etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n')
    machine.write("/etc/machine-id", f"{port:032x}\n")
    machine.write("/proc/sys/kernel/hostname", f"{name}\n")
    machine.write("/proc/sys/kernel/osrelease", "6.1.0-31-amd64\n")
    machine.write("/proc/meminfo", "MemTotal:        4194304 kB\nMemFree: 1 kB\n")
    machine.write("/dev/vdb")
    for nic in ("lo", "eth0", "eth1"):
        (machine.root / "sys/class/net" / nic).mkdir(parents=True)
    (machine.root / "sys/module/overlay").mkdir(parents=True)
    answers = {
        "id": "echo 0",
        "uname": "echo x86_64",
        "nproc": "echo 2",
        "stat": '[ "$2" = %T ] && echo cgroup2fs || exec /usr/bin/stat "$@"',
        "df": "printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\\n/dev/vda1 9 9 9999999 9%% /\\n'",
        "systemd-detect-virt": '[ "$1" = --vm ] && echo kvm || { echo none; exit 1; }',
        "ip": f"echo '3: eth1    inet 10.1.0.{last}/24 brd 10.1.0.255 scope global eth1'",
        "ss": "echo 'LISTEN 0 128 0.0.0.0:22 0.0.0.0:*'",
        "kubeadm": f"echo {VERSION}",
        "kubelet": f"echo Kubernetes {VERSION}",
        "kubectl": f"printf 'Client Version: {VERSION}\\nKustomize Version: v5\\n'",
        "containerd": "echo containerd containerd.io 2.1.4 abc",
        "ctr": 'cat "$ROOT/images"',
        "findfs": "echo /dev/vdb",
        "blkid": "echo ext4",
    }
    for program in {*question.PROGRAMS, "ipvsadm", "nft", "fio", "modprobe", *answers} - {"mount", "base64"}:
        machine.program(program, answers.get(program, ""))
    machine.write("/images", "\n".join(IMAGES.values()) + "\n")
    return machine


@pytest.fixture
def hosts(tmp_path: Path) -> dict[str, Machine]:
    return {name: ready(tmp_path, name) for name in NAMES}


@pytest.fixture
def environment(base: dict[str, str]) -> dict[str, str]:
    common = {"user": "root", "key": "PRIVATE KEY", "host_key": "ssh-ed25519 AAAA", "interface": "eth1"}
    listed = [
        {"name": name, "address": f"10.1.0.{last}", "host": "127.0.0.1", "port": 2200 + last, **common}
        for name, last in NAMES.items()
    ]
    # hosts that carry their software already: the survey asks for all of it
    settings = load({**nodes(), "artifacts": {"install": False}})
    hosts = settings.nodes
    assert isinstance(hosts, ExistingNodes)
    return {
        **base,
        "FJORDKUBE_NODES": with_keys_apart(listed),
        "FJORDKUBE_SURVEY": question.question(hosts, settings, IMAGES),
        "FJORDKUBE_SCRIPT": shell(["facts", "survey"], {}),
    }


def test_facts_of_hosts_that_pass_are_one_line_of_json(hosts: dict[str, Machine], environment: dict[str, str]) -> None:
    done = run("survey", environment)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["hosts"]["w1"] == {
        "machine_id": f"{2301:032x}",
        "hostname": "w1",
        "system": "Debian GNU/Linux 12 (bookworm)",
        "kernel": "6.1.0-31-amd64",
        "virtualisation": "kvm",
        "processors": 2,
        "memory_mib": 4096,
        "images_seen": True,
    }
    assert "PRIVATE" not in done.stdout + done.stderr
    for machine in hosts.values():
        asked = [call.split(" ")[0] for call in machine.questions]
        assert not {"mkfs", "apt-get", "mount"} & set(asked), "nothing is changed"
        assert {call for call in machine.questions if call.startswith("nft ")} == {"nft list chains"}
        told = {call.split(" ")[1] for call in machine.questions if call.startswith("systemctl ")}
        assert told <= {"show", "is-system-running", "is-active", "is-enabled"}, "systemd is only asked"


def refused(environment: dict[str, str]) -> list[str]:
    """The lines of the refusal."""
    done = run("survey", environment)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    _, _, words = done.stderr.partition("error: ")
    return words.splitlines()


def test_the_port_of_a_proxy_is_free_for_our_own_alone(hosts: dict[str, Machine], environment: dict[str, str]) -> None:
    """Which runs from preparation on: a run that was cut before there was a cluster goes on."""
    for name, active in (("w1", "[ $2 = --quiet ]"), ("w2", "[ $1 != is-active ]")):
        hosts[name].program("ss", "echo 'LISTEN 0 128 127.0.0.1:6444 0.0.0.0:*'")
        hosts[name].program("systemctl", active)
    assert [line.partition(";")[0] for line in refused(environment)[1:]] == ["  - w2: its port 6444 is taken"]


def test_hosts_that_get_their_software_need_only_room_for_it(
    hosts: dict[str, Machine], environment: dict[str, str]
) -> None:
    settings = load(nodes())
    assert isinstance(settings.nodes, ExistingNodes)
    environment["FJORDKUBE_SURVEY"] = question.question(settings.nodes, settings, IMAGES)
    for machine in hosts.values():
        for program in (*question.TO_INSTALL, "conntrack"):
            if program not in ("mount", "base64", "findfs", "blkid", "ss"):
                machine.program(program)
        for program in ("kubeadm", "kubelet", "kubectl", "containerd", "ctr"):
            (machine.folder / "bin" / program).unlink()
    assert run("survey", environment).returncode == 0

    hosts["w1"].write("/usr/local/bin/kubelet", "theirs")
    hosts["w2"].program("systemctl", '[ "$*" != "is-active docker" ] || echo active')
    lines = refused(environment)
    assert any("w1: has kubelet of its own in /usr/local/bin" in line for line in lines), lines
    assert any("w2: runs Docker, whose containerd would be replaced" in line for line in lines), lines


def test_two_of_three_hosts_that_cannot_be_reached_are_both_named(
    hosts: dict[str, Machine], environment: dict[str, str], tmp_path: Path
) -> None:
    ssh = tmp_path / "bin" / "ssh"
    dead = "\n".join(
        f'[[ " $* " != *" -p {port} "* ]] || {{ '
        f'echo "ssh: connect to host 127.0.0.1 port {port}: Connection refused" >&2; exit 255; }}'
        for port in (2211, 2302)
    )
    ssh.write_text(ssh.read_text().replace("#!/bin/bash\n", f"#!/bin/bash\n{dead}\n"))
    hosts["w1"].write("/proc/meminfo", "MemTotal: 102400 kB\n")
    lines = refused(environment)
    assert lines[0] == "3 problems on 3 of 3 hosts, and nothing was changed:"
    assert lines[1].startswith("  - cp1: is not reachable by SSH at 127.0.0.1 port 2211 (Connection refused); start")
    assert lines[2] == "  - w1: has 100 MiB of memory, and a worker needs 900; use a machine with 1 GiB or more"
    assert lines[3].startswith("  - w2: is not reachable by SSH at 127.0.0.1 port 2302")
    assert all("; start the machine, let this computer through" in line for line in (lines[1], lines[3]))


def test_what_hosts_lack_is_named_all_at_once(hosts: dict[str, Machine], environment: dict[str, str]) -> None:
    hosts["cp1"].program("findfs", "exit 1")
    hosts["w1"].program("modprobe", '[ "${@: -1}" != ip_vs ]')
    hosts["w2"].write("/images", "")
    hosts["w2"].write("/etc/kubernetes/kubelet.conf", "clusters:\n- cluster:\n    server: https://10.9.0.1:6443\n")
    lines = refused(environment)
    assert [line.split(";")[0] for line in lines[1:]] == [
        "  - cp1: has no disk LABEL=etcd for etcd",
        "  - w1: kernel 6.1.0-31-amd64 has no module ip_vs",
        f"  - w2: containerd has no image {', '.join(worker_images())}",
        "  - w2: is a node of another cluster already (https://10.9.0.1:6443)",
    ]


def test_unit_that_is_masked_or_missing_is_told(hosts: dict[str, Machine], environment: dict[str, str]) -> None:
    hosts["w1"].program("systemctl", '[ "${@: -1}" != kubelet.service ] && echo loaded || echo not-found')
    hosts["w2"].program("systemctl", '[ "${@: -1}" != containerd.service ] && echo loaded || echo masked')
    assert [line.split(";")[0] for line in refused(environment)[1:]] == [
        "  - w1: has no unit kubelet.service, so nothing starts it at boot",
        "  - w2: its containerd.service is masked, so it never starts",
    ]


def test_host_that_still_boots_is_waited_for_and_then_told(
    hosts: dict[str, Machine], environment: dict[str, str]
) -> None:
    booting = 'case $1 in is-system-running) {here} ;; list-jobs) echo "7 {job} start running" ;; esac'
    here = {"cp1": "echo starting", "w1": "echo starting"}
    here["w2"] = '[ -e "$ROOT/asked" ] && echo running || echo starting; touch "$ROOT/asked"'
    for name, machine in hosts.items():
        job = "vendor-agent.service" if name == "cp1" else "srv.mount"
        machine.program("systemctl", booting.replace("{here}", here[name]).replace("{job}", job))
    short = environment["FJORDKUBE_SCRIPT"].replace("wait_for_boot 60", "wait_for_boot 3")
    assert short != environment["FJORDKUBE_SCRIPT"]
    assert [line.split(";")[0] for line in refused({**environment, "FJORDKUBE_SCRIPT": short})[1:]] == [
        "  - w1: still boots after a minute (systemd (starting) srv.mount)"
    ]


def test_firewalls_that_are_active_are_told(hosts: dict[str, Machine], environment: dict[str, str]) -> None:
    hosts["cp1"].write("/etc/ufw/ufw.conf", "# comment\nENABLED=yes\nLOGLEVEL=low\n")
    hosts["cp1"].program("ufw")
    hosts["w1"].program("firewall-cmd")
    ours = "table inet fjordkube {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}"
    open_one = ours.replace("fjordkube", "nat").replace("drop", "accept")
    hosts["w2"].write("/chains", f"{ours}\n{open_one}\n{ours.replace('fjordkube', 'filter')}\n")
    hosts["w2"].program("nft", 'cat "$ROOT/chains"')
    assert [line.split(",")[0] for line in refused(environment)[1:]] == [
        "  - cp1: its own firewall is active (ufw)",
        "  - w1: its own firewall is active (firewalld)",
        "  - w2: its own firewall is active (table inet filter)",
    ]
    hosts["cp1"].write("/etc/ufw/ufw.conf", "ENABLED=no\n")  # as Ubuntu's images have it
    assert len(refused(environment)) == 3


def test_what_a_login_shell_prints_is_no_fact(
    environment: dict[str, str], hosts: dict[str, Machine], tmp_path: Path
) -> None:
    ssh = tmp_path / "bin" / "ssh"
    ssh.write_text(ssh.read_text().replace("#!/bin/bash\n", "#!/bin/bash\nprintf 'uid=1000\\nfirewall=ufw\\n'\n"))
    done = run("survey", environment)
    assert done.returncode == 0, done.stderr


def test_login_shell_of_the_user_who_enters_is_told(hosts: dict[str, Machine], environment: dict[str, str]) -> None:
    for machine in hosts.values():
        machine.write(
            "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\ndebian:x:1000:1000::/home/debian:/usr/bin/fish\n"
        )
    hosts["w1"].write("/etc/passwd", "root:x:0:0:root:/root:/usr/bin/fish\n")
    assert [line.split(",")[0] for line in refused(environment)[1:]] == ["  - w1: the login shell of root is fish"]


def worker_images() -> list[str]:
    left = CONTROL_PLANE_IMAGES
    return sorted(name for key, name in IMAGES.items() if key not in left)


def test_members_of_this_cluster_are_asked_again_when_a_host_joins_the_list(
    hosts: dict[str, Machine], environment: dict[str, str]
) -> None:
    listening = "LISTEN 0 4096 *:10250 *:*\nLISTEN 0 4096 10.1.0.11:2379 *:*"
    for machine in hosts.values():
        machine.write("/etc/kubernetes/kubelet.conf", "    server: https://api.fjord.internal:6443\n")
        machine.program("ss", f"echo '{listening}'")
    assert run("survey", environment).returncode == 0
    (hosts["w1"].root / "etc/kubernetes/kubelet.conf").unlink()
    assert refused(environment)[1].startswith("  - w1: its port 10250 is taken; stop what listens there")


def test_containerd_that_does_not_run_yet_is_no_problem_and_its_images_are_not_judged(
    hosts: dict[str, Machine], environment: dict[str, str]
) -> None:
    hosts["w1"].program("ctr", "echo 'connection refused' >&2; exit 1")
    done = run("survey", environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["hosts"]["w1"]["images_seen"] is False


def test_answer_that_was_cut_off_is_no_answer(hosts: dict[str, Machine], environment: dict[str, str]) -> None:
    cut = environment["FJORDKUBE_SCRIPT"].replace("tell_cluster\ntell whole yes", "exit 0")
    assert cut != environment["FJORDKUBE_SCRIPT"]
    lines = refused({**environment, "FJORDKUBE_SCRIPT": cut})
    assert len(lines) == 4
    assert all("cannot be asked (exit status 0, without a word)" in line for line in lines[1:])


def test_hosts_are_asked_in_parallel(hosts: dict[str, Machine], environment: dict[str, str]) -> None:
    for machine in hosts.values():
        machine.program("nproc", "sleep 6; echo 2")
    begun = time.monotonic()
    assert run("survey", environment).returncode == 0
    # in turn they take three pauses; the rest is for a busy machine
    assert time.monotonic() - begun < 6 * len(hosts)
