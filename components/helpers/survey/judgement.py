"""What hosts must be to become nodes: each fact against its bound, with the fix. Pure.

Owns the bounds. Leaves asking to asking.py, and whatever is put right by itself (modules, sysctls, swap) to
scripts/host.sh.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .asking import Answer, Problem

SYSTEMS = {"debian": (12,), "ubuntu": (22, 4)}
"""Distributions with their oldest release: kernels with ip_vs, nft 1.0, and systemd with cgroup v2."""

KERNEL = (5, 10)
"""Debian 11's; IPVS reuses connections rightly from 5.9 (kube-proxy's conn_reuse_mode)."""

MEMORY_MIB = {"control-plane": 1700, "worker": 900}
"""What the kernel must see. kubeadm asks for 1700 MB of a control plane; a VPS sold with 2 or 1 GiB shows a little less
than it was sold with."""

SOLD_GIB = {"control-plane": 2, "worker": 1}
"""The size that has it."""

SHELLS = ("sh", "ash", "bash", "dash", "ksh", "mksh", "zsh", "csh", "tcsh")
"""Login shells that take a here-document, in which bash's text comes (shell.py); fish and nu do not."""

PROCESSORS = {"control-plane": 2, "worker": 1}
"""kubeadm's preflight asks for 2 on a control plane."""

FREE_GIB = 2
"""Of /var/lib, for logs, unpacked layers and what pods write."""

CLOCK_SECONDS = 30.0
"""Certificates, tokens and leases compare clocks; etcd warns from 1 s on, and half a minute is no latency any more."""


@dataclass(frozen=True)
class Host:
    """One host as the settings have it."""

    name: str
    role: str
    address: str
    prefix_length: int
    interface: str
    etcd: str
    """Device, LABEL= or UUID=; root or empty: none of its own."""


@dataclass(frozen=True)
class Wanted:
    """What all hosts must carry."""

    kubernetes: str
    """E.g. v1.36.3."""
    containerd: tuple[int, int]
    """Oldest, e.g. (2, 0)."""
    servers: Sequence[str]
    """Names and addresses of this cluster's API: a node of another one is not touched."""
    firewall: str = "refuse"
    """What becomes of a host's own: refuse, keep or replace."""
    install: bool = False
    """Whether what is missing is installed; else hosts must carry it."""

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Wanted:
        major, minor = entry["containerd"]
        return cls(
            str(entry["kubernetes"]),
            (int(major), int(minor)),
            list(entry["servers"]),
            str(entry["firewall"]),
            bool(entry["install"]),
        )


def judge(host: Host, answer: Answer, wanted: Wanted) -> list[Problem]:
    """Everything that is wrong with one host."""
    if answer.one("uid") != "0":
        # nothing else that it says can be relied on
        return [Problem("its SSH user is not root", "set nodes.ssh.sudo: true, or enter as root")]
    return [problem for check in CHECKS for problem in check(host, answer, wanted)]


def compare(answers: Mapping[str, Answer]) -> dict[str, list[Problem]]:
    """What is wrong between hosts, told of the later one: clones that were not given names and identities."""
    found: dict[str, list[Problem]] = {}
    fixes = {
        "machine_id": "make it anew: rm /etc/machine-id && systemd-machine-id-setup, and reboot",
        "hostname": "give it another by hostnamectl set-hostname",
    }
    for fact, fix in fixes.items():
        seen: dict[str, str] = {}
        for name, answer in answers.items():
            value = answer.one(fact)
            if value and value in seen:
                state = f"has the {fact.replace('_', '-')} of {seen[value]}"
                found.setdefault(name, []).append(Problem(state, fix))
            seen.setdefault(value, name)
    return found


def told(answer: Answer) -> dict[str, Any]:
    """What is worth keeping of a host; nothing that changes by itself from one minute to the next."""
    return {
        "machine_id": answer.one("machine_id"),
        "hostname": answer.one("hostname"),
        "system": answer.one("os_name"),
        "kernel": answer.one("kernel"),
        "virtualisation": answer.one("virtualisation") or "none",
        "processors": int(answer.one("processors") or 0),
        "memory_mib": int(answer.one("memory_kib") or 0) // 1024,
        "images_seen": not answer.every("images"),
    }


# --- Checks ----------------------------------------------------------------------------------------------------------


def _boot(_host: Host, answer: Answer, _wanted: Wanted) -> Iterator[Problem]:
    awaited = answer.one("booting")
    if awaited:
        fix = "try again later; 'systemctl list-jobs' and 'cloud-init status --long' there tell what it waits for"
        yield Problem(f"still boots after a minute ({awaited})", fix)


def _system(_host: Host, answer: Answer, _wanted: Wanted) -> Iterator[Problem]:
    name, version = answer.one("os_id"), answer.one("os_version")
    shown = answer.one("os_name") or name or "an unknown system"
    fix = "install Debian 12 or newer, or Ubuntu 22.04 or newer"
    if name not in SYSTEMS:
        yield Problem(f"runs {shown}, which is not supported", fix)
    # Debian's testing says no number: it is newer than any
    elif version and _numbers(version) < SYSTEMS[name]:
        yield Problem(f"runs {shown}, which is too old", fix)
    if answer.one("architecture") != "x86_64":
        yield Problem(f"is a machine of {answer.one('architecture') or 'unknown architecture'}", "use x86-64")
    if _numbers(answer.one("kernel"))[:2] < KERNEL:
        newer = "boot the newest kernel of the distribution (linux-image-amd64, linux-image-generic)"
        yield Problem(f"runs kernel {answer.one('kernel')}, older than {KERNEL[0]}.{KERNEL[1]}", newer)
    if answer.one("cgroups") != "cgroup2fs":
        off = "boot without systemd.unified_cgroup_hierarchy=0: the kubelet needs cgroup v2"
        yield Problem("has cgroup v1", off)
    if not answer.one("machine_id"):
        yield Problem("has no /etc/machine-id", "run systemd-machine-id-setup, and reboot")


def _login(_host: Host, answer: Answer, _wanted: Wanted) -> Iterator[Problem]:
    user, _, shell = answer.one("login_shell").partition(" ")
    if shell and shell not in SHELLS:
        state = f"the login shell of {user} is {shell}, which takes no here-document"
        yield Problem(state, f"chsh -s /bin/bash {user}")


def _virtualisation(_host: Host, answer: Answer, _wanted: Wanted) -> Iterator[Problem]:
    container = answer.one("container")
    if container not in ("", "none"):
        fix = "rent a VPS with a kernel of its own (KVM), or metal"
        yield Problem(f"is a container ({container}), whose kernel is not its own", fix)


def _size(host: Host, answer: Answer, _wanted: Wanted) -> Iterator[Problem]:
    what = host.role.replace("-", " ")
    memory = int(answer.one("memory_kib") or 0) // 1024
    if memory < MEMORY_MIB[host.role]:
        state = f"has {memory} MiB of memory, and a {what} needs {MEMORY_MIB[host.role]}"
        yield Problem(state, f"use a machine with {SOLD_GIB[host.role]} GiB or more")
    processors = int(answer.one("processors") or 0)
    if processors < PROCESSORS[host.role]:
        state = f"has {processors} processor{'s' * (processors != 1)}, and a {what} needs {PROCESSORS[host.role]}"
        yield Problem(state, "use a larger machine")
    free = int(answer.one("disk_free_kib") or 0) / 2**20
    if free < FREE_GIB:
        yield Problem(f"has {free:.1f} GiB free in /var/lib, and needs {FREE_GIB}", "free some, or use a larger disk")


def _network(host: Host, answer: Answer, _wanted: Wanted) -> Iterator[Problem]:
    nics = answer.every("nic")
    if host.interface not in nics:
        real = [nic for nic in nics if nic != "lo" and not nic.startswith(("cali", "kube-ipvs", "veth"))]
        fix = f"set interface to the NIC on the private network; it has {', '.join(real) or 'none'}"
        yield Problem(f"has no NIC {host.interface}", fix)
        return
    lengths = {address: int(length or 0) for address, _, length in (a.partition("/") for a in answer.every("address"))}
    if host.address not in lengths:
        has = f"it has {', '.join(lengths)}" if lengths else "it has none"
        yield Problem(
            f"{host.interface} does not have the address {host.address} ({has})",
            "give the NIC its private address, or correct address or interface",
        )
    elif lengths[host.address] != host.prefix_length:
        length = lengths[host.address]
        why = ", with which Calico takes every neighbour for a far one (calico#2375)" if length == 32 else ""
        yield Problem(
            f"{host.interface} has {host.address}/{length}{why}, and nodes.private_cidr has /{host.prefix_length}",
            f"give the NIC the address with /{host.prefix_length}, or correct nodes.private_cidr",
        )


def _firewall(_host: Host, answer: Answer, wanted: Wanted) -> Iterator[Problem]:
    if wanted.firewall == "keep":
        return
    for name in answer.every("firewall"):
        state = f"its own firewall is active ({name}), and packets between nodes must pass it too"
        if name.startswith("table "):
            off = f"take it out of /etc/nftables.conf and 'nft delete {name}'"
            yield Problem(
                state, f"{off}, or set firewall.existing: keep if it lets through what docs/firewall.md lists"
            )
        elif wanted.firewall == "refuse":
            off = {"ufw": "ufw disable", "firewalld": "systemctl disable --now firewalld"}[name]
            way = "firewall.existing: replace (ours stands in for it until down)"
            yield Problem(state, f"{off}, or set {way}, or keep if it lets through what docs/firewall.md lists")


def _clock(_host: Host, answer: Answer, _wanted: Wanted) -> Iterator[Problem]:
    try:
        clock = float(answer.one("clock"))
    except ValueError:
        return
    # it was read somewhere between question and answer: what is told is the least that it can be off
    off = max(answer.begun - clock, clock - answer.ended, 0.0)
    if off > CLOCK_SECONDS:
        way = "behind" if clock < answer.begun else "ahead of"
        fix = "install chrony there (or here: timedatectl tells which clock is wrong)"
        yield Problem(f"its clock is {off:.0f} s {way} this computer's", fix)


def _modules(_host: Host, answer: Answer, _wanted: Wanted) -> Iterator[Problem]:
    missing = answer.every("module_missing")
    if missing:
        kernel = answer.one("kernel")
        yield Problem(
            f"kernel {kernel} has no module {', '.join(missing)}",
            f"install a full kernel and boot it (Debian: linux-image-amd64; Ubuntu: linux-image-generic or "
            f"linux-modules-extra-{kernel}); kube_proxy.mode nftables needs no ip_vs",
        )


def _software(_host: Host, answer: Answer, wanted: Wanted) -> Iterator[Problem]:
    missing = answer.every("program_missing")
    if missing:
        yield Problem(f"has no {', '.join(missing)}", "install them: docs/artifacts.md says from which packages")
    for unit in answer.every("unit_masked"):
        yield Problem(f"its {unit} is masked, so it never starts", f"systemctl unmask {unit}")
    if wanted.install:
        yield from _room_for_ours(answer)
        return
    for program in ("kubeadm", "kubelet", "kubectl"):
        version = _version(answer.one(program))
        if program not in missing and version != wanted.kubernetes:
            fix = f"install {wanted.kubernetes}, or set kubernetes.version"
            yield Problem(f"its {program} is {version or 'of unknown version'}", fix)
    oldest = ".".join(map(str, wanted.containerd))
    containerd = _version(answer.one("containerd"))
    if "containerd" not in missing and _numbers(containerd)[:2] < wanted.containerd:
        state = f"its containerd is {containerd or 'of unknown version'}"
        yield Problem(state, f"upgrade it to {oldest} or newer, which Kubernetes {wanted.kubernetes} needs")
    for unit in answer.every("unit_missing"):
        fix = "install the package that carries the unit, or write it beside the program"
        yield Problem(f"has no unit {unit}, so nothing starts it at boot", fix)
    images = answer.every("image_missing")
    if images:
        yield Problem(
            f"containerd has no image {', '.join(images)}",
            "import them into namespace k8s.io (docs/artifacts.md), or leave artifacts.install: false out",
        )


def _room_for_ours(answer: Answer) -> Iterator[Problem]:
    """What is in the way of programs that are brought."""
    own = answer.every("own_program")
    if own:
        fix = "remove them, or set artifacts.install: false to use them"
        yield Problem(f"has {', '.join(own)} of its own in /usr/local/bin", fix)
    if answer.one("docker") == "active":
        fix = "stop and remove Docker (its images and containers are its own), or set artifacts.install: false"
        yield Problem("runs Docker, whose containerd would be replaced", fix)


def _etcd(host: Host, answer: Answer, _wanted: Wanted) -> Iterator[Problem]:
    if host.role != "control-plane" or host.etcd in ("", "root"):
        return
    if not answer.one("etcd_device"):
        fix = "attach the disk and name it by lsblk -f, or write etcd_disk: root"
        yield Problem(f"has no disk {host.etcd} for etcd", fix)
    elif not answer.one("etcd_type"):
        device = answer.one("etcd_device")
        yield Problem(
            f"etcd's disk {device} is not formatted",
            f"if nothing on it is wanted: mkfs.ext4 -L etcd {device}; no disk is formatted by fjordkube",
        )


def _cluster(_host: Host, answer: Answer, wanted: Wanted) -> Iterator[Problem]:
    server = answer.one("cluster")
    name = server.removeprefix("https://").rpartition(":")[0].strip("[]")
    if server and name not in wanted.servers:
        fix = "take it out of this list, or out of that cluster: kubeadm reset"
        yield Problem(f"is a node of another cluster already ({server})", fix)
    for other in answer.every("other_kubernetes"):
        yield Problem(
            f"runs another Kubernetes already ({other})", f"uninstall {other}, or take the host out of the list"
        )
    if not server:
        for port in dict.fromkeys(answer.every("port_taken")):
            fix = f"stop what listens there: ss -ltnp 'sport = :{port}'"
            yield Problem(f"its port {port} is taken", fix)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _version(words: str) -> str:
    """The first vX.Y.Z in a program's words, with its v."""
    found = re.search(r"v?(\d+\.\d+\.\d+[^\s]*)", words)
    return f"v{found[1]}" if found else ""


CHECKS: Sequence[Callable[[Host, Answer, Wanted], Iterator[Problem]]] = (
    _boot,
    _system,
    _login,
    _virtualisation,
    _size,
    _network,
    _firewall,
    _clock,
    _modules,
    _software,
    _etcd,
    _cluster,
)
"""Every check of one host, in the order in which problems are told."""
