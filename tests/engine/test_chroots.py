"""The node scripts as the product runs them, on hosts of three releases without a kernel of their own.

bash, coreutils, apt, dpkg, systemd's tools, iproute2, nft, cloud-init and containerd are the releases' (containerd on
Debian 12 and 13 is the one that a bundle would bring, taken from Debian testing). What is pretended is listed in
tests/machines/chroot.py. Not here: mounting etcd's disk, containers, kubeadm; they are run on virtual machines.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fjordkube.artifacts.needs import File, Image, Needs
from fjordkube.firewall import nftables
from fjordkube.helpers import ssh
from fjordkube.helpers.artifacts import bundle, delivery
from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.membership import removal
from fjordkube.helpers.survey import survey
from fjordkube.host import api_proxy, artifacts, containerd, release, sysctls, units
from fjordkube.host.preparation import preparation
from fjordkube.node import Node
from fjordkube.nodes.existing import question
from fjordkube.settings import BundleArtifacts, ExistingNodes, load
from fjordkube.settings.nodes.node import Role
from fjordkube.shell import by_bash, shell
from fjordkube.timing import EMULATED, NATIVE
from offline import binaries, compression, debian, manifest, packages, recipes
from tests.golden.bootstrap_cluster import SANDBOX, host_args, local_policy, node, stack
from tests.machines import chroot
from tests.machines.chroot import ADDRESS, INTERFACE, RELEASES, Chroot, Done

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can chroot")

NAMES = ("kubeadm", "kubelet", "kubectl")
VERSION = manifest.load().versions["kubernetes"]
OWN_HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
OWN_FSTAB = (
    "# /etc/fstab: written by whoever installed this\n/dev/vda1 / ext4 defaults 0 1\n/swapfile none swap sw 0 0\n"
)
"""With a swap area, which the kubelet does not suffer."""
SWAP_UNIT = "[Swap]\nWhat=/dev/vdb1\n\n[Install]\nWantedBy=swap.target\n"


@pytest.fixture(params=RELEASES)
def host(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chroot]:
    """As its owner hands it over: booted once, with swap in three forms."""
    with chroot.running(tmp_path / "host", request.param) as made:
        monkeypatch.setattr(ssh.Access, "command", lambda *_, **__: made.command)
        made.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        made.write("/etc/fstab", OWN_FSTAB)
        made.write("/etc/hosts", OWN_HOSTS)
        made.write("/etc/systemd/system/dev-vdb1.swap", SWAP_UNIT)
        made.write("/usr/lib/systemd/system/zramswap.service", "[Service]\nExecStart=/bin/true\n")
        with (made.place / "swaps").open("a") as file:
            file.write("/swapfile file 1048572 0 -2\n")
        yield made


# --- what is brought -------------------------------------------------------------------------------------------------


def _packed(target: Path, folder: str, files: Mapping[str, Path]) -> None:
    """A .tar.gz as projects publish their programs."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w:gz", compresslevel=1) as tar:
        for name, source in files.items():
            entry = tarfile.TarInfo(f"{folder}{name}")
            content = source.read_bytes()
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))


def _file(folder: Path, path: str, name: str, component: str, kind: Any, strip: int = 0) -> File:
    content = (folder / path).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return File(name, component, "v0.0.1", kind, digest, len(content), "", "", strip, path=path)


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle: Kubernetes' programs plain, crictl as gzip, containerd and plugins as archives, an image, packages."""
    folder, sources = tmp_path_factory.mktemp("bundle"), manifest.load()
    testing = debian.tree_path(sources.tree("debian-testing"))
    (folder / "files").mkdir()
    (folder / "images").mkdir()
    for name in NAMES:
        shutil.copy(binaries.path(name), folder / "files" / name)
    (folder / "files/crictl.gz").write_bytes(gzip.compress(binaries.path("crictl").read_bytes(), 1))
    runtime = {name: testing / "usr/bin" / name for name in ("containerd", "containerd-shim-runc-v2", "ctr")}
    _packed(folder / "files/containerd.tar.gz", "bin/", runtime)
    plugins = {name: testing / "usr/lib/cni" / name for name in ("loopback", "host-local")}
    _packed(folder / "files/cni-plugins.tar.gz", "./", plugins)
    files = (
        *(_file(folder, f"files/{name}", name, "kubernetes", "program") for name in NAMES),
        _file(folder, "files/crictl.gz", "crictl", "cri-tools", "gzip"),
        _file(folder, "files/containerd.tar.gz", "containerd", "containerd", "archive", 1),
        _file(folder, "files/cni-plugins.tar.gz", "cni-plugins", "cni-plugins", "archive"),
    )
    archive = folder / "images/pause.tar.gz"
    compression.compress(recipes.archive(sources, "pause"), archive)
    (image,) = (image for image in sources.images if image.key == "pause")
    content = archive.read_bytes()
    pause = Image("pause", image.name, compression.digest(archive), "", path="images/pause.tar.gz", size=len(content),
                  sha256=hashlib.sha256(content).hexdigest())  # fmt: skip
    found = {}
    for each in sources.distributions:
        below = f"{bundle.PACKAGES}/{each.name}"
        shutil.copytree(packages.path(each), folder / below)
        found[each.name] = packages.read(folder / below, below)
    needs = Needs("amd64", {name: sources.versions[name] for name in COMPONENTS}, files, (pause,), found)
    (folder / bundle.LIST).write_text(bundle.text(bundle.description(needs, "built", "2026-01-31T23:59:59Z")))
    return folder


COMPONENTS = ("kubernetes", "calico", "ingress-nginx")
WORKER = node("w1", "worker", 101)


def deliver(folder: Path, tmp_path: Path) -> dict[str, Any]:
    """As the resource does it, over the way that stands for SSH."""
    versions = manifest.load().versions
    settings = BundleArtifacts(source="bundle", path="bundles/x", origin="built")
    ssh_variables = {f"FJORDKUBE_SSH_{part}": "x" for part in ("HOST", "PORT", "USER", "KEY", "HOST_KEY")}
    return delivery.deliver(
        {
            "FJORDKUBE_NODE": "w1",
            "FJORDKUBE_ROLE": "worker",
            "FJORDKUBE_SCRIPT": artifacts.script(WORKER, artifacts.ArtifactsArgs(settings, {}, SANDBOX)),
            "FJORDKUBE_SOURCE": "bundle",
            "FJORDKUBE_ORIGIN": "built",
            "FJORDKUBE_BUNDLE": str(folder),
            **{f"FJORDKUBE_VERSION_{name.upper().replace('-', '_')}": versions[name] for name in COMPONENTS},
            **ssh_variables,
        },
        tmp_path,
    )


# --- asking and preparing --------------------------------------------------------------------------------------------


def problems(tmp_path: Path, install: bool) -> list[str]:
    """What the survey finds wrong with the host."""
    nodes = {
        "source": "existing",
        "private_cidr": "192.168.77.0/24",
        "zone": "no-osl1",
        "interface": INTERFACE,
        "control_planes": [{"name": "cp1", "host": "203.0.113.11", "etcd_disk": "root"}],
        "workers": [{"name": "w1", "host": "203.0.113.21", "address": ADDRESS}],
    }
    wanted = {} if install else {"origin": "built", "install": False}
    settings = load({"nodes": nodes, "firewall": {"admin_cidrs": ["203.0.113.0/24"]}, "artifacts": wanted})
    assert isinstance(settings.nodes, ExistingNodes)
    entered = json.loads(question.entrances(settings.nodes, {"cp1": "k", "w1": "k"}, "key", None))
    entered["nodes"] = [entry for entry in entered["nodes"] if entry["name"] == "w1"]
    (image,) = (image for image in manifest.load().images if image.key == "pause")
    asked = question.environment(settings.nodes, settings, {"pause": image.name})
    try:
        survey.survey({**asked, "FJORDKUBE_NODES": json.dumps(entered)}, tmp_path)
    except HelperError as error:
        told = [line.removeprefix("  - w1: ") for line in str(error).splitlines()[1:]]
        # which it is: newer systemds see that its processes have numbers of their own
        return [line for line in told if not line.startswith("is a container")]
    return []


def prepare(host: Chroot, args: Node = WORKER) -> tuple[Done, dict[str, Any]]:
    """As the remote command does it: the text is read by root's login shell, which is the release's sh."""
    done = host.run("sh", "-c", by_bash(preparation(host_args(args))))
    return done, json.loads(done.out.splitlines()[-1]) if done.code == 0 else {}


def give_back(tmp_path: Path) -> str:
    ssh_variables = {f"FJORDKUBE_SSH_{part}": "x" for part in ("HOST", "PORT", "USER", "KEY", "HOST_KEY")}
    said = removal.release(
        {"FJORDKUBE_NODE": "w1", "FJORDKUBE_RELEASE_SCRIPT": release.script(WORKER), **ssh_variables}, tmp_path
    )
    return str(said["state"])


def keys(host: Chroot) -> dict[str, str]:
    """/proc/sys."""
    top = host.place / "sys"
    return {str(file.relative_to(top)): file.read_text().strip() for file in top.rglob("*") if file.is_file()}


# --- tests -----------------------------------------------------------------------------------------------------------

LACKING = (
    "kubeadm, kubelet, kubectl, containerd, ctr, crictl, conntrack, haproxy, iptables, "
    "ping, socat, tcpdump, ipvsadm, nft"
)
SURVEYED = {"debian-12": LACKING, "debian-13": LACKING, "debian-testing": "kubeadm, kubelet, kubectl, crictl"}


def test_the_survey_names_what_a_host_lacks_and_changes_nothing(host: Chroot, tmp_path: Path) -> None:
    before = host.state()
    assert problems(tmp_path, install=True) == []
    remedy = "install them: docs/artifacts.md says from which packages"
    assert problems(tmp_path, install=False) == [f"has no {SURVEYED[host.release]}; {remedy}"]
    assert host.state() == before
    host.ask(
        "rm /etc/machine-id; python3 -m http.server 10250 >/dev/null 2>&1 & until ss -Hltn | grep :10250; do :; done"
    )
    told = problems(tmp_path, install=True)
    assert [line.partition(";")[0] for line in told] == ["has no /etc/machine-id", "its port 10250 is taken"]


LEFT_BY_APT = re.compile(
    r"/var/(log|cache)/|/var/lib/dpkg/status-old|/var/lib/apt/lists/auxfiles|/etc/g?(shadow|group|passwd)-"
)
"""What apt, dpkg and ldconfig keep for themselves."""


def test_a_plain_host_becomes_a_node_and_is_given_back_as_it_was(host: Chroot, brought: Path, tmp_path: Path) -> None:
    own = host.run("systemctl", "is-enabled", "containerd").code == 0
    if own:
        host.ask(START_CONTAINERD)
    before = host.differences()
    assert "/swapfile" in host.ask(SWAPS)

    first = deliver(brought, tmp_path)
    assert first["release"] == host.release
    assert first["changed"] > 20
    brought_state = host.state()
    again = deliver(brought, tmp_path)
    assert (again["bytes_sent"], again["changed"]) == (0, 0)
    assert host.state() == brought_state
    assert problems(tmp_path, install=False) == []
    assert host.ask("cd /opt/cni/bin; ls").split() == ["host-local", "loopback"]
    assert host.ask("crictl --version; ctr version | grep -c Version").split()[-1] == "2"

    done, said = prepare(host)
    assert done.code == 0, done.err
    assert said["kubernetes"] == VERSION
    assert said["time_sync"] == "systemd-timesyncd"
    # what programs say against words of ours, e.g. a test of no number
    assert not re.search("^(main|bash|environment): line", done.err, re.MULTILINE)
    prepared, called = host.state(), host.read("/run/pretended/calls")
    done, said = prepare(host)
    assert (done.code, done.err, said["changed"]) == (0, "", 0)
    assert host.state() == prepared
    assert host.read("/run/pretended/calls") == called
    assert problems(tmp_path, install=False) == []

    check_boot(host)
    check_rules(host, tmp_path)
    check_proxies(host)
    # where apt brought it, the service that it would have started is not one
    assert host.ask("readlink /etc/systemd/system/haproxy.service || true") == ("" if own else "/dev/null\n")

    assert give_back(tmp_path) == "released"
    assert give_back(tmp_path) == "released"
    after = host.differences()
    changed = {name for name in before.keys() | after.keys() if before.get(name, ()) != after.get(name, ())}
    # of a containerd of the host's own, all that it has stays
    assert {name for name in changed if not (LEFT_BY_APT.match(name) or (own and name.startswith(STORE)))} == set()
    assert "/swapfile" in host.ask(SWAPS)
    assert host.ask("! command -v nft >/dev/null || nft list tables") == ""
    if own:
        assert host.ask("systemctl is-enabled containerd; systemctl is-active containerd") == "enabled\nactive\n"


START_CONTAINERD = "systemctl start containerd; until ctr version >/dev/null 2>&1; do sleep 0.2; done"
STORE = "/var/lib/containerd/"

SWAPS = "findmnt --fstab --noheadings --output SOURCE --types swap || true"
"""What util-linux, which systemd reads fstab with, takes for swap areas."""

TEMPLATE = """
import inspect, logging
from types import SimpleNamespace as Some
from cloudinit.config import cc_update_etc_hosts as module
cloud = Some(
    get_template_filename=lambda name: f"/etc/cloud/templates/{name}.tmpl",
    distro=Some(osfamily="debian", hosts_fn="/etc/hosts"),
)
config = {"manage_etc_hosts": True, "hostname": "w1", "fqdn": "w1.example.no"}
given = {"name": "x", "cfg": config, "cloud": cloud, "log": logging.getLogger(), "args": []}
module.handle(**{name: given[name] for name in inspect.signature(module.handle).parameters})
"""
"""What cloud-init does at each boot of a host with manage_etc_hosts; releases differ in what they ask for."""


def check_boot(host: Chroot) -> None:
    """What the next boot finds, asked of the programs that it starts."""
    assert host.ask(SWAPS) == ""
    states = host.ask(f"systemctl is-enabled {' '.join(BOOTED)} || true").split()
    assert dict(zip(BOOTED, states, strict=True)) == BOOTED
    said = host.run(
        "systemd-analyze", "verify", "--man=no", "containerd.service", "kubelet.service", GUARD, units.API_PROXY
    )
    assert (said.code, said.out, said.err) == (0, "", "")

    tuned = keys(host)
    assert tuned["net/ipv4/ip_local_port_range"] == "1024 65000"
    for name in (item.key.replace(".", "/") for item in sysctls.SYSCTLS):
        (host.place / "sys" / name).write_text("0\n")
    assert host.run("/usr/lib/systemd/systemd-sysctl").code == 0
    assert {name: keys(host)[name] for name in tuned if name.startswith(("net/", "vm/"))} == {
        name: value for name, value in tuned.items() if name.startswith(("net/", "vm/"))
    }

    for _ in range(2):
        assert host.run("python3", "-", text=TEMPLATE).code == 0
        assert "127.0.1.1 w1.example.no w1\n" in host.read("/etc/hosts")
        assert host.ask("getent ahostsv4 api.fjord.internal | head -n 1").startswith("127.0.0.1 ")
    # as it was before
    assert prepare(host)[1]["changed"] == 0
    host.write("/etc/hosts", f"{OWN_HOSTS}{host.ask(BLOCK)}")


BLOCK = "sed -n '/^# fjordkube begin/,/^# fjordkube end/p' /etc/hosts"
GUARD = "fjordkube-firewall.service"
BOOTED = {
    "containerd.service": "enabled",
    "kubelet.service": "enabled",
    GUARD: "enabled",
    units.API_PROXY: "enabled",
    "dev-vdb1.swap": "masked",
    "zramswap.service": "masked",
}


def check_rules(host: Chroot, tmp_path: Path) -> None:
    """By the release's own nft."""
    rules = [nftables.ruleset(local_policy(stack(**each)), role, INTERFACE) for each in GUARDED for role in ROLES]
    for number, text in enumerate(rules):
        host.write(f"/tmp/rules/{number}", text)
    assert host.ask("cd /tmp/rules; for file in *; do nft --check --file $file || echo $file; done") == ""
    table = "table inet mine { chain in { type filter hook input priority 0; policy drop; }; }"
    host.ask(f"nft '{table}'")
    assert [line.partition(",")[0] for line in problems(tmp_path, install=False)] == [
        "its own firewall is active (table inet mine)"
    ]
    host.ask("nft delete table inet mine")


def check_proxies(host: Chroot) -> None:
    """Of one and of three control planes, on each kind of node, by the release's own HAProxy."""
    planes = [node(f"cp{number}", "control-plane", 10 + number) for number in (1, 2, 3)]
    pairs = [
        (of, planes[:number], pace) for of in (planes[0], WORKER) for number in (1, 3) for pace in (NATIVE, EMULATED)
    ]
    for number, (of, some, pace) in enumerate(pairs):
        text = api_proxy.configuration(of, some, "api.fjord.internal", pace.api_proxy)
        host.write(f"/tmp/proxies/{number}.cfg", text)
        said = host.run("haproxy", "-c", "-f", f"/tmp/proxies/{number}.cfg")
        assert said.code == 0, said
        assert "WARNING" not in said.err + said.out


ROLES: tuple[Role, ...] = ("control-plane", "worker")
GUARDED: tuple[dict[str, Any], ...] = (
    {},
    {
        "firewall": {"ingress_from": ["198.51.100.0/24"], "node_ports_from": ["0.0.0.0/0"]},
        "kube_proxy": {"mode": "nftables"},
    },
    {"network": {"encapsulation": "vxlan-cross-subnet"}, "ingress": {"metrics": True}},
)
"""Settings that rules depend on; hundreds more are in test_consumers.py, by one nft."""


@pytest.mark.parametrize("host", ["debian-testing"], indirect=True)
def test_what_a_host_has_of_its_own_is_kept_and_comes_back(host: Chroot, tmp_path: Path) -> None:
    """Kubernetes by packages, a containerd with registries of its own, and an apt at work."""
    host.ask(
        "mkdir -p /tmp/deb/DEBIAN; cd /tmp; for name in kubeadm kubelet kubectl; do "
        "printf 'Package: %s\nVersion: 1\nArchitecture: all\n' $name >deb/DEBIAN/control; "
        "printf 'Maintainer: x\nDescription: x\n' >>deb/DEBIAN/control; "
        "dpkg-deb --build deb $name.deb >/dev/null; dpkg --install $name.deb >/dev/null; done"
    )
    for name in (*NAMES, "crictl"):
        shutil.copy(binaries.path(name), host.inside / "usr/bin" / name)
    host.write("/usr/lib/systemd/system/kubelet.service", OWN_KUBELET)
    registries = "[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = '/srv/registries'\n"
    host.write(containerd.PATH, f"version = 3\n{registries}")
    host.write("/srv/registries/docker.io/hosts.toml", 'server = "https://mirror.example.no"\n')
    host.ask(START_CONTAINERD)
    before = host.differences()

    # ends by itself
    host.ask(f"python3 -c '{LOCK}' >/dev/null 2>&1 & until [ -e /tmp/locked ]; do sleep 0.1; done")
    done, _ = prepare(host)
    assert done.code == 0, done.err
    assert re.search(r"w1: waiting for python3 \(\d+\), which works on packages", done.err)
    assert host.ask("apt-mark showhold").split() == sorted(NAMES)
    assert host.ask("systemctl is-enabled kubelet") == "enabled\n"
    assert "restart containerd.service" in host.read("/run/pretended/calls")
    assert host.read("/etc/containerd/certs.d/docker.io/hosts.toml") == 'server = "https://mirror.example.no"\n'
    assert "config_path = '/srv/registries'" in host.read(f"{containerd.PATH}.before-fjordkube")
    prepared = host.state()
    done, said = prepare(host)
    assert (done.err, said["changed"]) == ("", 0)
    assert host.state() == prepared

    assert give_back(tmp_path) == "released"
    after = host.differences()
    changed = {name for name in before.keys() | after.keys() if before.get(name, ()) != after.get(name, ())}
    # that it is enabled stays
    own = {"/etc/systemd/system/multi-user.target.wants/kubelet.service", "/etc/containerd/certs.d"}
    assert {name for name in changed if not LEFT_BY_APT.match(name) and not name.startswith(STORE)} == own
    assert host.ask("apt-mark showhold") == ""
    assert host.ask("systemctl is-active containerd") == "active\n"


OWN_KUBELET = "[Service]\nExecStart=/usr/bin/kubelet\n\n[Install]\nWantedBy=multi-user.target\n"
LOCK = (
    'import fcntl, time; file = open("/var/lib/dpkg/lock-frontend", "w"); fcntl.lockf(file, fcntl.LOCK_EX); '
    'open("/tmp/locked", "w"); time.sleep(6)'
)
"""As apt holds it."""


def test_a_cloud_init_at_work_is_seen(host: Chroot) -> None:
    ended = {"start": 1.0, "finished": 2.0, "errors": []}
    stages = dict.fromkeys(("init-local", "init", "modules-config"), ended)
    last: dict[str, Any] = {"start": 3.0, "finished": None, "errors": []}
    state: dict[str, Any] = {
        "v1": {"stage": "modules-final", "datasource": "DataSourceNoCloud", **stages, "modules-final": last}
    }
    host.write("/run/cloud-init/status.json", json.dumps(state))
    ask = shell([], {}) + "still_booting\n"
    assert host.run("bash", "-s", text=ask).out == ""
    host.write("/run/cloud-init/enabled", "")
    assert host.run("bash", "-s", text=ask).out == "cloud-init"
    state["v1"] |= {"stage": None, "modules-final": ended}
    host.write("/run/cloud-init/status.json", json.dumps(state))
    host.write("/run/cloud-init/result.json", json.dumps({"v1": {"datasource": "x", "errors": []}}))
    assert host.run("bash", "-s", text=ask).out == ""
