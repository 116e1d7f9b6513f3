"""host.sh: state in, commands out, then nothing on a second run."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from fjordkube.host import modules, release, sysctls, units
from fjordkube.host.preparation import shared_files
from fjordkube.settings.kube_proxy import Conntrack
from fjordkube.shell import shell
from tests.golden.bootstrap_cluster import node
from tests.scripts.machine import Machine

VERSIONS = {
    "containerd": "containerd github.com/containerd/containerd/v2 2.1.9~ds1 abc",
    "kubeadm": "v1.36.3",
    "kubelet": "Kubernetes v1.36.3",
    "kubectl": "Client Version: v1.36.3\nKustomize Version: v5.8.1",
}
ASKED = ["containerd --version", "kubeadm version -o short", "kubelet --version", "kubectl version --client"]
VALUES = {
    "NODE_NAME": "cp1",
    "NODE_ADDRESS": "192.168.77.11",
    "NODE_INTERFACE": "eth1",
    "MODULES": " ".join(modules.modules("ipvs", "rr")),
    "SYSCTL_PATH": sysctls.PATH,
    "SYSCTL_RULES": sysctls.sysctl_rules(),
    "HOSTS_BLOCK": "192.168.77.11 cp1\n127.0.0.1 api.fjord.internal\n",
    "KUBERNETES_VERSION": "v1.36.3",
    "CONTAINERD_MINIMUM": "2.0",
    "CONTAINERD_FILES": "/etc/containerd/config.toml",
    "ETCD_DEVICE": "LABEL=etcd",
    "ETCD_MOUNT": "/var/lib/etcd",
    "API_PROXY_CONFIG": "frontend node\n",
    "API_PROXY_PATH": units.API_PROXY_CONFIG,
    "API_PROXY_WANT": units.API_PROXY_WANT,
    "FIREWALL_RULES": "table inet fjordkube { chain rules_1 { } }\n",
    "FIREWALL_MARK": "rules_1",
    "FIREWALL_TABLE": "fjordkube",
    "FIREWALL_ADMINS": "10.0.2.0/24 203.0.113.0/25",
    "FIREWALL_SSH_PORTS": "22 2022",
    "FIREWALL_PATH": "/etc/fjordkube/firewall.nft",
    "FIREWALL_UNIT": "[Unit]\n",
    "FIREWALL_UNIT_PATH": units.FIREWALL_PATH,
    "FIREWALL_WANT": units.FIREWALL_WANT,
    "FIREWALL_EXISTING": "refuse",
}
WITHOUT_NFT = 'command() { [ "$2" != nft ] && builtin command "$@"; }\n'
"""On a computer that has one, the script does not find it."""
UNGUARDED = {
    **VALUES,
    "FIREWALL_RULES": "",
    "FIREWALL_MARK": "",
    "FIREWALL_UNIT": "",
    "FIREWALL_ADMINS": "",
    "FIREWALL_SSH_PORTS": "",
}
FILES = {"/etc/containerd/config.toml": "version = 3\n"}


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    """A Debian as an image brings it: nothing of Kubernetes set, swap on, containerd running."""
    machine = Machine(tmp_path / "m")
    for item in sysctls.SYSCTLS:
        machine.write("/proc/sys/" + item.key.replace(".", "/"), "0\n")
    machine.write("/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n")
    machine.write("/proc/sys/net/ipv4/ip_local_reserved_ports", "\n")
    machine.write("/proc/sys/kernel/osrelease", "6.12.0-cloud-amd64\n")
    machine.write("/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/vda rw\n")
    machine.write("/proc/swaps", "Filename Type Size Used Priority\n/swapfile file 1 0 -2\n")
    machine.write("/etc/fstab", "/dev/vda / ext4 noatime 0 1\n/swapfile none swap sw 0 0\n")
    machine.write("/etc/hosts", "127.0.0.1 localhost\n")
    machine.write("/usr/lib/systemd/system/systemd-timesyncd.service")
    machine.write("/run/containerd/containerd.sock")
    os.utime(machine.root / "run/containerd/containerd.sock", (1e9, 1e9))
    (machine.root / "sys/class/net/eth1").mkdir(parents=True)
    for name, text in VERSIONS.items():
        machine.program(name, f"echo '{text}'")
    machine.program("modprobe", 'shift; for m in "$@"; do mkdir -p "$ROOT/sys/module/$m"; done')
    machine.program("ip", "echo '2: eth1 inet 192.168.77.11/24 brd 192.168.77.255 scope global eth1'")
    machine.program("haproxy")
    machine.program("swapoff", 'echo "Filename Type Size Used Priority" >"$ROOT/proc/swaps"')
    machine.program("mount", 'echo "23 22 8:2 / $1 rw - ext4 /dev/vdb rw" >>"$ROOT/proc/self/mountinfo"')
    machine.program(
        "systemctl",
        """case "$1" in
          show) [ -e "$ROOT/run/reloaded" ] && echo no || echo yes ;;
          daemon-reload) touch "$ROOT/run/reloaded" ;;
          is-enabled) [ -e "$ROOT/run/enabled.$2" ] && echo enabled ;;
          is-active) [ -e "$ROOT/run/active.${@: -1}" ] ;;
          start) touch "$ROOT/run/active.$2" ;;
          enable) touch "$ROOT/run/enabled.$3" "$ROOT/run/containerd/containerd.sock" ;;
          restart) touch "$ROOT/run/containerd/containerd.sock" ;;
        esac""",
    )
    machine.program(
        "nft",
        """case "$1" in
          list) grep -q "$5" "$ROOT/run/ruleset" ;;
          -f) cp "$2" "$ROOT/run/ruleset" ;;
          delete) rm "$ROOT/run/ruleset" ;;
        esac""",
    )
    return machine


def acted(machine: Machine) -> list[str]:
    questions = ("ip ", "nft list ")
    calls = [call.replace(str(machine.root), "") for call in machine.calls]
    return [call for call in calls if call not in ASKED and not call.startswith(questions)]


def test_prepares_a_bare_machine(bare: Machine) -> None:
    done = bare.run(["host"], VALUES, FILES)
    assert done.returncode == 0, done.stderr
    assert acted(bare) == [
        "modprobe -a overlay br_netfilter nf_conntrack ip_set ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh",
        "swapoff -a",
        "mount /var/lib/etcd",
        "nft -f /etc/fjordkube/firewall.nft",
        "systemctl daemon-reload",
        "systemctl restart containerd.service",
        "haproxy -c -f /etc/fjordkube/api-proxy.cfg.unread",
        f"systemctl start {units.API_PROXY}",
        "systemctl enable --now systemd-timesyncd",
    ]
    assert bare.read("/proc/sys/net/core/somaxconn") == "32768\n"
    assert bare.read("/proc/sys/net/ipv4/ip_local_port_range") == "1024 65000\n"
    assert "LABEL=etcd /var/lib/etcd auto noatime,nofail 0 2\n" in bare.read("/etc/fstab")
    assert "# fjordkube: /swapfile none swap" in bare.read("/etc/fstab")
    facts = json.loads(done.stdout)
    assert facts["kernel"] == "6.12.0-cloud-amd64"
    assert facts["containerd"] == "v2.1.9~ds1"
    assert facts["kubernetes"] == "v1.36.3"
    assert facts["time_sync"] == "systemd-timesyncd"
    assert facts["changed"] > 10


BOOTING = """case "$1" in
  is-system-running) read -r n <"$ROOT/run/boot"; echo $((n - 1)) >"$ROOT/run/boot"; [ "$n" -lt 1 ] && echo {ended} || {{ echo starting; exit 1; }} ;;
  list-jobs) printf '7 srv.mount start running\\n9 multi-user.target start waiting\\n' ;;
  show) echo no ;;
  is-enabled) echo enabled ;;
esac"""  # fmt: skip # noqa: E501
"""systemd while it boots: as many questions as /run/boot says."""


@pytest.mark.parametrize("ended", ["running", "degraded"])
def test_nothing_is_asked_or_changed_before_boot_has_ended(bare: Machine, ended: str) -> None:
    bare.program("systemctl", BOOTING.format(ended=ended))
    bare.write("/run/boot", "2\n")
    done = bare.run(["host"], VALUES, FILES)
    assert done.returncode == 0, done.stderr
    assert "waiting until this machine has booted: systemd (starting) srv.mount\n" in done.stderr
    asked = bare.questions
    last = max(number for number, call in enumerate(asked) if call == "systemctl is-system-running")
    assert last == [call.startswith(("systemctl is-system", "systemctl list-jobs")) for call in asked].index(False) - 1
    assert bare.read("/run/boot") == "-1\n"


def test_cloud_init_that_runs_is_waited_for_and_asked_no_more_afterwards(bare: Machine) -> None:
    bare.write("/run/cloud-init/enabled")
    bare.program("cloud-init", 'touch "$ROOT/run/cloud-init/result.json"; echo "status: running"')
    done = bare.run(["host"], VALUES, FILES)
    assert done.returncode == 0, done.stderr
    assert "waiting until this machine has booted: cloud-init\n" in done.stderr
    assert bare.questions.count("cloud-init status") == 1


def test_cloud_init_that_failed_is_not_waited_for(bare: Machine) -> None:
    bare.write("/run/cloud-init/enabled")
    bare.program("cloud-init", 'echo "status: error"; exit 1')
    assert bare.run(["host"], VALUES, FILES).returncode == 0


@pytest.mark.parametrize(("job", "code"), [("srv.mount", 1), ("dev-vdb.device", 1), ("vendor-agent.service", 0)])
def test_boot_without_an_end_stops_only_where_file_systems_are_not_there(bare: Machine, job: str, code: int) -> None:
    bare.program("systemctl", BOOTING.format(ended="running").replace("srv.mount", job))
    bare.write("/run/boot", "99\n")
    script = shell(["host"], VALUES).replace("BOOT_WAIT=300", "BOOT_WAIT=1")
    done = bare.run([], {}, FILES, after=script)
    assert done.returncode == code, done.stderr
    assert f"cp1: its boot has not ended after 1 s (systemd (starting) {job})" in done.stderr


def holding(machine: Machine, lock: str = "/var/lib/dpkg/lock-frontend") -> None:
    """unattended-upgr, process 4711, holds that lock."""
    file = machine.write(lock)
    machine.write("/proc/4711/comm", "unattended-upgr\n")
    (machine.root / "proc/4711/fd").mkdir()
    (machine.root / "proc/4711/fd/3").symlink_to(file)
    line = f"POSIX  ADVISORY  WRITE 4711 fe:01:{file.stat().st_ino} 0 EOF\n"
    machine.write("/proc/locks", "1: FLOCK  ADVISORY  WRITE 812 00:17:9 0 EOF\n2: " + line)


@pytest.mark.parametrize("lock", ["/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock"])
def test_who_works_on_packages_is_waited_for_and_named(bare: Machine, lock: str) -> None:
    holding(bare, lock)
    done = bare.run([], {"NODE_NAME": "w1"}, after="wait_for_packages 1")
    assert done.returncode == 1
    assert "w1: waiting for unattended-upgr (4711), which works on packages" in done.stderr
    assert "error: w1: packages are still worked on by unattended-upgr (4711) after 1 s: let it end (ps -fp 4711)" in (
        done.stderr
    )


def test_packages_are_held_once_nobody_works_on_them(bare: Machine) -> None:
    holding(bare)
    bare.program("apt-mark", '[ "$1" = showhold ] || [ ! -e "$ROOT/proc/4711" ] || exit 100')
    bare.program("dpkg-query")
    bare.program("sleep", 'rm -r "$ROOT/proc/4711"')
    where = 'command() { if [ "$2" = kubelet ]; then echo /usr/bin/kubelet; else builtin command "$@"; fi; }\n'
    done = bare.run(["host"], VALUES, FILES, before=where)
    assert done.returncode == 0, done.stderr
    assert "cp1: waiting for unattended-upgr (4711)" in done.stderr
    assert [call for call in bare.calls if call.startswith("apt-mark hold")] == [
        "apt-mark hold kubeadm",
        "apt-mark hold kubelet",
        "apt-mark hold kubectl",
    ]


def test_own_calls_take_no_proxy_of_the_hosts(bare: Machine) -> None:
    before = "export https_proxy=http://10.9.9.9:3128 NO_PROXY=localhost ALL_PROXY=socks5://10.9.9.9\n"
    done = bare.run([], {}, before=before, after="env")
    assert done.returncode == 0
    assert "_proxy=" not in done.stdout.lower()


def test_second_run_changes_and_restarts_nothing(bare: Machine) -> None:
    bare.run(["host"], VALUES, FILES)
    files = {path: path.stat().st_mtime_ns for path in bare.root.rglob("*") if path.is_file()}
    done = bare.run(["host"], VALUES, FILES)
    assert done.returncode == 0, done.stderr
    assert acted(bare) == []
    assert json.loads(done.stdout)["changed"] == 0
    assert {path: path.stat().st_mtime_ns for path in bare.root.rglob("*") if path.is_file()} == files


NEW = {**VALUES, "API_PROXY_CONFIG": "frontend node\nbackend ready\n"}


def test_another_list_of_control_planes_is_checked_and_read_without_a_restart(bare: Machine) -> None:
    bare.run(["host"], VALUES, FILES)
    assert bare.read(units.API_PROXY_CONFIG) == VALUES["API_PROXY_CONFIG"]
    assert (bare.root / units.API_PROXY_WANT.lstrip("/")).readlink() == Path(units.API_PROXY_PATH)
    done = bare.run(["host"], NEW, FILES)
    assert (done.returncode, json.loads(done.stdout)["changed"]) == (0, 2)
    assert acted(bare) == [
        "haproxy -c -f /etc/fjordkube/api-proxy.cfg.unread",
        f"systemctl reload {units.API_PROXY}",
    ]
    assert bare.read(units.API_PROXY_CONFIG) == NEW["API_PROXY_CONFIG"]
    assert not bare.exists(f"{units.API_PROXY_CONFIG}.unread")


def test_what_haproxy_does_not_take_changes_nothing(bare: Machine) -> None:
    bare.run(["host"], VALUES, FILES)
    bare.program("haproxy", "echo 'parsing [x:1]: unknown keyword' >&2; exit 1")
    done = bare.run(["host"], NEW, FILES)
    assert done.returncode == 1
    assert "parsing [x:1]: unknown keyword" in done.stderr
    assert "haproxy does not take the configuration of the API's proxy" in done.stderr
    assert bare.read(units.API_PROXY_CONFIG) == VALUES["API_PROXY_CONFIG"]
    assert not any("reload" in call for call in acted(bare))
    bare.program("haproxy")
    bare.run(["host"], VALUES, FILES)
    assert acted(bare) == []


def test_a_run_cut_before_the_proxy_has_read_its_file_is_completed(bare: Machine) -> None:
    bare.run(["host"], VALUES, FILES)
    systemctl = bare.root.parent / "bin/systemctl"
    whole = systemctl.read_text()
    systemctl.write_text(whole.replace('case "$1" in', 'case "$1" in\n  reload) exit 1 ;;', 1))
    assert "the API's proxy is not reloaded" in bare.run(["host"], NEW, FILES).stderr
    systemctl.write_text(whole)
    bare.run(["host"], NEW, FILES)
    assert acted(bare)[-1] == f"systemctl reload {units.API_PROXY}"
    bare.run(["host"], NEW, FILES)
    assert acted(bare) == []
    # and back to what lies there, with another text that was not read
    bare.write(f"{units.API_PROXY_CONFIG}.unread", "frontend no")
    bare.run(["host"], NEW, FILES)
    assert bare.read(units.API_PROXY_CONFIG) == NEW["API_PROXY_CONFIG"]


def test_a_proxy_that_was_stopped_is_started(bare: Machine) -> None:
    bare.run(["host"], VALUES, FILES)
    (bare.root / f"run/active.{units.API_PROXY}").unlink()
    bare.run(["host"], VALUES, FILES)
    assert acted(bare) == [f"systemctl start {units.API_PROXY}"]


def test_a_host_without_haproxy_is_told_so(bare: Machine) -> None:
    without = 'command() { [ "$2" != haproxy ] && builtin command "$@"; }\n'
    done = bare.run(["host"], VALUES, FILES, before=without)
    assert "cp1: haproxy not found, by which the node reaches the API: install it" in done.stderr


def test_hosts_block_is_replaced_and_the_rest_kept(bare: Machine) -> None:
    bare.run(["host"], VALUES, FILES)
    bare.run(["host"], {**VALUES, "HOSTS_BLOCK": "192.168.77.12 cp2\n"}, FILES)
    assert bare.read("/etc/hosts") == ("127.0.0.1 localhost\n# fjordkube begin\n192.168.77.12 cp2\n# fjordkube end\n")


TEMPLATE = "/etc/cloud/templates/hosts.debian.tmpl"
MADE_BY_CLOUD_INIT = "## template:jinja\n127.0.1.1 {{fqdn}} {{hostname}}\n127.0.0.1 localhost\n"


def test_names_survive_a_boot_at_which_cloud_init_writes_the_hosts_file(bare: Machine) -> None:
    bare.write(TEMPLATE, MADE_BY_CLOUD_INIT)
    bare.run(["host"], VALUES, FILES)
    for _ in range(2):
        # what cc_update_etc_hosts does at each boot: the template with its two words filled in
        made = bare.read(TEMPLATE).replace("{{fqdn}}", "vps1.vendor.example").replace("{{hostname}}", "vps1")
        bare.write("/etc/hosts", made.replace("## template:jinja\n", ""))
        assert bare.read("/etc/hosts").endswith(f"# fjordkube begin\n{VALUES['HOSTS_BLOCK']}# fjordkube end\n")
        assert bare.run(["host"], VALUES, FILES).returncode == 0
    assert bare.read(TEMPLATE) == f"{MADE_BY_CLOUD_INIT}# fjordkube begin\n{VALUES['HOSTS_BLOCK']}# fjordkube end\n"


def test_host_without_cloud_init_gets_no_template(bare: Machine) -> None:
    bare.run(["host"], VALUES, FILES)
    assert not bare.exists("/etc/cloud")


@pytest.mark.parametrize(
    "unit",
    [
        "/run/systemd/generator/dev-zram0.swap",  # zram-generator
        "/run/systemd/generator.late/dev-vda3.swap",  # systemd-gpt-auto-generator
        "/usr/lib/systemd/system/var-swapfile.swap",
        "/usr/lib/systemd/system/zramswap.service",  # zram-tools of Debian
        "/usr/lib/systemd/system/zram-config.service",  # of Ubuntu
        "/etc/systemd/system/swapfile.swap",
    ],
)
def test_swap_of_each_form_stays_off_after_a_boot_and_comes_back_by_release(bare: Machine, unit: str) -> None:
    bare.write(unit, "[Swap]\nWhat=/dev/x\n")
    name = unit.rpartition("/")[2]
    done = bare.run(["host"], VALUES, FILES)
    assert done.returncode == 0, done.stderr
    link = bare.root / "etc/systemd/system" / name
    assert link.readlink() == Path("/dev/null")
    calls = acted(bare)
    assert (f"systemctl stop {name}" in calls) == name.endswith(".service")
    assert calls.index("systemctl daemon-reload") < calls.index("swapoff -a"), "it could come back in between"
    assert json.loads(bare.run(["host"], VALUES, FILES).stdout)["changed"] == 0
    given_back(bare)
    assert bare.read(unit) == "[Swap]\nWhat=/dev/x\n"
    assert unit.startswith("/etc/") or not link.is_symlink()
    assert not bare.exists("/etc/fjordkube/swap")


def test_units_that_others_masked_stay_masked(bare: Machine) -> None:
    bare.write("/usr/lib/systemd/system/zramswap.service")
    (bare.root / "etc/systemd/system").mkdir(parents=True)
    (bare.root / "etc/systemd/system/zramswap.service").symlink_to("/dev/null")
    bare.run(["host"], VALUES, FILES)
    given_back(bare)
    assert (bare.root / "etc/systemd/system/zramswap.service").is_symlink()


def given_back(machine: Machine) -> None:
    """Released by release.sh, as a node that never joined."""
    for name in ("flock", "kubeadm", "umount"):
        machine.program(name)
    done = machine.run([], {}, after=release.script(replace(node("cp1", "control-plane", 11), etcd_device=None)))
    assert done.returncode == 0, done.stderr


CONTAINERD = "/etc/containerd/config.toml"
OURS = {CONTAINERD: "# Written by fjordkube.\nversion = 3\n"}


def test_containerds_own_configuration_is_kept_beside_once_with_its_registries(bare: Machine) -> None:
    own = "version = 2\n[plugins.\"x\".registry]\n  config_path = '/srv/registries:/etc/containerd/certs.d'\n"
    bare.write(CONTAINERD, own)
    bare.write("/srv/registries/docker.io/hosts.toml", "server = 'https://mirror.vendor.example'\n")
    bare.write("/srv/registries/quay.io/hosts.toml")
    bare.write("/etc/containerd/certs.d/quay.io/hosts.toml", "nearer\n")
    assert bare.run(["host"], VALUES, OURS).returncode == 0
    assert bare.read(f"{CONTAINERD}.before-fjordkube") == own
    link = bare.root / "etc/containerd/certs.d/docker.io"
    assert str(link.readlink()) == "/srv/registries/docker.io"
    assert bare.read("/etc/containerd/certs.d/quay.io/hosts.toml") == "nearer\n"
    done = bare.run(["host"], VALUES, {CONTAINERD: "# Written by fjordkube.\nversion = 3 # newer\n"})
    assert bare.read(f"{CONTAINERD}.before-fjordkube") == own, "ours is not kept in its place"
    assert "names registries itself" not in done.stderr


def test_mirrors_in_containerds_own_configuration_are_told(bare: Machine) -> None:
    bare.write(CONTAINERD, '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]\n')
    done = bare.run(["host"], VALUES, OURS)
    assert f"cp1: {CONTAINERD}.before-fjordkube names registries itself, which containerd 2 gives up" in done.stderr


def test_every_file_that_is_ours_as_a_whole_says_so() -> None:
    for path, file in shared_files("pause:1").items():
        assert file.text.startswith("# Written by fjordkube") == (path in {CONTAINERD, "/etc/crictl.yaml"})


def test_higher_values_of_the_host_are_kept(bare: Machine) -> None:
    bare.write("/proc/sys/net/core/somaxconn", "65535\n")
    bare.write("/proc/sys/net/ipv4/ip_local_port_range", "2000\t65535\n")
    bare.run(["host"], VALUES, FILES)
    assert bare.read("/proc/sys/net/core/somaxconn") == "65535\n"
    assert bare.read("/proc/sys/net/ipv4/ip_local_port_range") == "1024 65535\n"
    assert "net.core.somaxconn = 65535\n" in bare.read(sysctls.PATH)


@pytest.mark.parametrize(
    ("had", "cores", "now"),
    [
        (65536, 2, 131072),  # the least
        (65536, 8, 262144),  # by cores
        (1048576, 2, 1048576),  # what the host has
    ],
)
def test_tracked_connections_are_never_fewer_than_the_host_had(bare: Machine, had: int, cores: int, now: int) -> None:
    for key in ("max", "buckets"):
        bare.write(f"/proc/sys/net/netfilter/nf_conntrack_{key}", f"{had if key == 'max' else had // 4}\n")
    bare.program("nproc", f"echo {cores}")
    values = {**VALUES, "SYSCTL_RULES": sysctls.sysctl_rules(conntrack=Conntrack())}
    assert bare.run(["host"], values, FILES).returncode == 0
    assert bare.read("/proc/sys/net/netfilter/nf_conntrack_max") == f"{now}\n"
    assert bare.read("/proc/sys/net/netfilter/nf_conntrack_buckets") == f"{now // 4}\n"
    assert f"net.netfilter.nf_conntrack_max = {now}\n" in bare.read(sysctls.PATH)
    assert json.loads(bare.run(["host"], values, FILES).stdout)["changed"] == 0
    assert "conntrack" not in sysctls.sysctl_rules(conntrack=Conntrack(max_per_core=0))


def test_missing_module_names_kernel_and_remedy(bare: Machine) -> None:
    bare.program("modprobe", '[[ "$*" != *ip_vs_sh* ]] || exit 1')
    done = bare.run(["host"], VALUES, FILES)
    assert done.returncode == 1
    assert "kernel 6.12.0-cloud-amd64 has no module ip_vs_sh." in done.stderr
    assert "linux-modules-extra-6.12.0-cloud-amd64" in done.stderr


def test_builtin_modules_pass(bare: Machine) -> None:
    bare.program("modprobe")  # succeeds, and /sys/module shows nothing
    assert bare.run(["host"], VALUES, FILES).returncode == 0


def test_a_run_cut_before_the_restart_is_completed(bare: Machine) -> None:
    bare.run(["host"], VALUES, FILES)
    os.utime(bare.root / "run/containerd/containerd.sock", (1e9, 1e9))  # as if only the file had been written
    bare.run(["host"], VALUES, FILES)
    assert acted(bare) == ["systemctl restart containerd.service"]


@pytest.mark.parametrize(
    ("program", "output", "words"),
    [
        ("kubelet", "Kubernetes v1.35.1", "kubelet is v1.35.1, the stack wants v1.36.3"),
        ("containerd", "containerd github.com/containerd/containerd 1.7.24 x", "containerd is v1.7.24"),
        ("kubeadm", "", "cp1: kubeadm not found"),
    ],
)
def test_wrong_versions_are_refused_with_the_remedy(bare: Machine, program: str, output: str, words: str) -> None:
    bare.program(program, f"echo '{output}'")
    done = bare.run(["host"], VALUES, FILES)
    assert done.returncode == 1
    assert words in done.stderr


def test_etcd_data_on_the_root_disk_is_not_hidden(bare: Machine) -> None:
    bare.write("/var/lib/etcd/data/member/wal")
    done = bare.run(["host"], VALUES, FILES)
    assert done.returncode == 1
    assert "holds data on the root disk" in done.stderr
    assert "mount /var/lib/etcd" not in bare.calls


def test_worker_mounts_nothing(bare: Machine) -> None:
    bare.run(["host"], {**VALUES, "ETCD_DEVICE": ""}, FILES)
    assert not any(call.startswith("mount") for call in bare.calls)


def test_missing_interface_is_named(bare: Machine) -> None:
    done = bare.run(["host"], {**VALUES, "NODE_INTERFACE": "eth9"}, FILES)
    assert done.returncode == 1
    assert "no network interface eth9" in done.stderr


def test_an_interface_without_its_address_is_named(bare: Machine) -> None:
    done = bare.run(["host"], {**VALUES, "NODE_ADDRESS": "192.168.77.1"}, FILES)
    assert done.returncode == 1
    assert "eth1 does not have the address 192.168.77.1:" in done.stderr


STATES = """case "$1 $2" in
  "show --property=Id,LoadState,UnitFileState")
    printf 'Id=containerd.service\\nLoadState=loaded\\nUnitFileState={containerd}\\n\\n'
    printf 'Id=kubelet.service\\nLoadState={load}\\nUnitFileState={kubelet}\\n' ;;
  show*) echo no ;;
esac"""


@pytest.mark.parametrize("state", ["disabled", "enabled-runtime", "linked"])
def test_daemons_that_would_be_dead_after_a_boot_are_enabled(bare: Machine, state: str) -> None:
    bare.program("systemctl", STATES.format(containerd="enabled", load="loaded", kubelet=state))
    assert bare.run(["host"], VALUES, FILES).returncode == 0
    assert [call for call in bare.calls if "enable " in call and "timesync" not in call] == [
        "systemctl enable kubelet.service"
    ]


@pytest.mark.parametrize("state", ["enabled", "static", "alias", "generated"])
def test_daemons_that_start_at_boot_are_left_alone(bare: Machine, state: str) -> None:
    bare.program("systemctl", STATES.format(containerd=state, load="loaded", kubelet="enabled"))
    assert bare.run(["host"], VALUES, FILES).returncode == 0
    assert not any("containerd" in call and "enable" in call for call in bare.calls)


@pytest.mark.parametrize(
    ("load", "words"), [("not-found", "there is no kubelet.service"), ("masked", "kubelet.service is masked")]
)
def test_kubelet_without_a_unit_is_refused(bare: Machine, load: str, words: str) -> None:
    bare.program("systemctl", STATES.format(containerd="enabled", load=load, kubelet=""))
    done = bare.run(["host"], VALUES, FILES)
    assert done.returncode == 1
    assert f"cp1: {words}" in done.stderr


def test_a_masked_time_service_stays_masked(bare: Machine) -> None:
    bare.program("systemctl", 'case "$1" in is-enabled) echo masked; exit 1 ;; show) echo no ;; esac')
    done = bare.run(["host"], {**VALUES, "CONTAINERD_FILES": ""}, FILES)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["time_sync"] == "none"
    assert not any("timesyncd" in call for call in acted(bare))


# --- firewall --------------------------------------------------------------------------------------------------------


def entering(
    machine: Machine, client: str, values: dict[str, str] | None = None, port: int = 22
) -> subprocess.CompletedProcess[str]:
    """A run whose SSH session comes from that address."""
    session = f"SSH_CONNECTION='{client} 50000 192.168.77.11 {port}'\n"
    return machine.run(["host"], values or VALUES, FILES, before=session)


def test_firewall_is_loaded_before_a_daemon_starts_and_at_boot(bare: Machine) -> None:
    (bare.root / "run/containerd/containerd.sock").unlink()
    assert bare.run(["host"], VALUES, FILES).returncode == 0
    calls = acted(bare)
    assert calls.index("nft -f /etc/fjordkube/firewall.nft") < calls.index("systemctl enable --now containerd.service")
    assert bare.read("/etc/fjordkube/firewall.nft") == VALUES["FIREWALL_RULES"]
    want = bare.root / units.FIREWALL_WANT.lstrip("/")
    assert want.is_symlink()
    assert str(want.readlink()) == units.FIREWALL_PATH


def test_rules_that_somebody_flushed_are_loaded_again(bare: Machine) -> None:
    bare.run(["host"], VALUES, FILES)
    (bare.root / "run/ruleset").unlink()
    bare.run(["host"], VALUES, FILES)
    assert acted(bare) == ["nft -f /etc/fjordkube/firewall.nft"]


def test_changed_rules_are_loaded_in_place_of_the_old_ones(bare: Machine) -> None:
    bare.run(["host"], VALUES, FILES)
    rules = VALUES["FIREWALL_RULES"].replace("rules_1", "rules_2")
    bare.run(["host"], {**VALUES, "FIREWALL_RULES": rules, "FIREWALL_MARK": "rules_2"}, FILES)
    assert acted(bare) == ["nft -f /etc/fjordkube/firewall.nft"]
    assert bare.read("/run/ruleset") == rules


def test_firewall_that_is_not_wanted_any_more_is_removed_once(bare: Machine) -> None:
    bare.run(["host"], VALUES, FILES)
    bare.run(["host"], UNGUARDED, FILES)
    assert acted(bare) == ["nft delete table inet fjordkube"]
    for path in ("/etc/fjordkube/firewall.nft", units.FIREWALL_PATH, "/run/ruleset"):
        assert not bare.exists(path)
    assert not (bare.root / units.FIREWALL_WANT.lstrip("/")).is_symlink()
    done = bare.run(["host"], UNGUARDED, FILES)
    assert json.loads(done.stdout)["changed"] == 0
    assert acted(bare) == []


def with_ufw(machine: Machine) -> None:
    machine.write("/etc/ufw/ufw.conf", "ENABLED=yes\n")
    machine.program(
        "ufw",
        """case "$*" in
          disable) echo ENABLED=no >"$ROOT/etc/ufw/ufw.conf" ;;
          "--force enable") echo ENABLED=yes >"$ROOT/etc/ufw/ufw.conf" ;;
        esac""",
    )


def test_firewall_of_the_hosts_own_is_refused_before_ours_is_loaded(bare: Machine) -> None:
    with_ufw(bare)
    for values in (VALUES, UNGUARDED):
        done = bare.run(["host"], values, FILES)
        assert done.returncode == 1
        assert "cp1: its own firewall is active (ufw), and packets must pass it too: switch it off" in done.stderr
        assert not any(call.startswith(("ufw", "nft -f")) for call in bare.calls)


def test_firewall_of_the_hosts_own_is_replaced_by_choice_and_comes_back(bare: Machine) -> None:
    with_ufw(bare)
    replacing = {**VALUES, "FIREWALL_EXISTING": "replace"}
    assert bare.run(["host"], replacing, FILES).returncode == 0
    calls = acted(bare)
    assert calls.index("nft -f /etc/fjordkube/firewall.nft") < calls.index("ufw disable"), "open in between"
    assert json.loads(bare.run(["host"], replacing, FILES).stdout)["changed"] == 0
    given_back(bare)
    assert bare.read("/etc/ufw/ufw.conf") == "ENABLED=yes\n"
    assert not bare.exists("/etc/fjordkube/firewalls")
    given_back(bare)
    assert not any(call.startswith("ufw") for call in bare.calls)


def test_firewall_of_the_hosts_own_is_not_replaced_by_nothing(bare: Machine) -> None:
    with_ufw(bare)
    done = bare.run(["host"], {**UNGUARDED, "FIREWALL_EXISTING": "replace"}, FILES)
    assert done.returncode == 1
    assert "its own firewall (ufw) would be switched off with none of ours in its place" in done.stderr


def test_firewall_of_the_hosts_own_is_kept_by_choice(bare: Machine) -> None:
    with_ufw(bare)
    done = bare.run(["host"], {**VALUES, "FIREWALL_EXISTING": "keep"}, FILES)
    assert done.returncode == 0, done.stderr
    assert "ufw stays active beside ours" in done.stderr
    assert not any(call.startswith("ufw") for call in bare.calls)


def test_node_without_a_firewall_needs_no_nft(bare: Machine) -> None:
    (bare.folder / "bin" / "nft").unlink()
    assert bare.run(["host"], UNGUARDED, FILES, before=WITHOUT_NFT).returncode == 0


def test_missing_nft_is_named_with_the_package(bare: Machine) -> None:
    (bare.folder / "bin" / "nft").unlink()
    done = bare.run(["host"], VALUES, FILES, before=WITHOUT_NFT)
    assert done.returncode == 1
    assert "cp1: nft not found, and the node guards itself with it: install it (Debian: nftables)" in done.stderr
    assert not bare.exists("/etc/fjordkube/firewall.nft")


def test_kernel_that_refuses_the_rules_is_named_with_its_words(bare: Machine) -> None:
    bare.program("nft", '[ "$1" != -f ] || echo "Error: Could not process rule: Operation not supported"; exit 1')
    done = bare.run(["host"], VALUES, FILES)
    assert done.returncode == 1
    assert "refuses the firewall's rules (Error: Could not process rule: Operation not supported): it" in done.stderr


@pytest.mark.parametrize("client", ["10.0.2.2", "203.0.113.127"])
def test_rules_that_admit_the_one_who_loads_them_are_loaded(bare: Machine, client: str) -> None:
    assert entering(bare, client).returncode == 0


@pytest.mark.parametrize("client", ["203.0.113.128", "192.168.77.102", "2001:db8::7"])
def test_rules_that_would_shut_out_the_one_who_loads_them_are_not_loaded(bare: Machine, client: str) -> None:
    done = entering(bare, client)
    assert done.returncode == 1
    assert f"cp1: this run comes from {client}, which firewall.admin_cidrs does not admit: add it" in done.stderr
    assert not bare.exists("/etc/fjordkube/firewall.nft")
    assert "nft -f /etc/fjordkube/firewall.nft" not in acted(bare)


def test_rules_that_would_close_the_ssh_servers_port_are_not_loaded(bare: Machine) -> None:
    assert entering(bare, "10.0.2.2", port=2022).returncode == 0
    done = entering(bare, "10.0.2.2", {**VALUES, "FIREWALL_MARK": "rules_other"}, port=2222)
    assert done.returncode == 1
    assert "cp1: its SSH server answers on port 2222, and the firewall opens 22 2022" in done.stderr


def test_everybody_is_admitted_by_a_network_of_length_zero(bare: Machine) -> None:
    assert entering(bare, "198.51.100.9", {**VALUES, "FIREWALL_ADMINS": "0.0.0.0/0"}).returncode == 0


def test_address_behind_sudo_is_found_at_a_parent(bare: Machine) -> None:
    # sudo's shell has no SSH_CONNECTION, its grandparent has
    bare.write("/proc/7/environ", "SSH_CONNECTION=198.51.100.9 5 192.168.77.11 22\0HOME=/root\0")
    before = f"mkdir -p {bare.root}/proc/$PPID\n: >{bare.root}/proc/$PPID/environ\n"
    before += f"printf 'Name:\\tsudo\\nPPid:\\t7\\n' >{bare.root}/proc/$PPID/status\n"
    done = bare.run(["host"], VALUES, FILES, before=before)
    assert done.returncode == 1
    assert "this run comes from 198.51.100.9," in done.stderr
