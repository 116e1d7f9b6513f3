"""QEMU's command line: a pure function of what is asked and of the ports chosen.

Owns every word of it. Leaves running it to process.py. Network: eth0 is QEMU's user network with restrict=on, so a
guest reaches nothing outside, and only forwarded loopback ports reach it; eth1 is the stack's vde switch.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from .places import Files
from .spec import Power

PROGRAM = "qemu-system-x86_64"

SANDBOX = "on,obsolete=deny,resourcecontrol=deny"
"""System calls that a running machine never needs. Not elevateprivileges and spawn: QEMU 7.2 filters before it has
daemonised, and then ends by SIGSYS."""

EMULATED_NICE: Mapping[str, int] = {"control-plane": 4, "worker": 7}
"""Of emulated machines, whose idle guests alone keep two cores busy: what a person runs beside them goes first.

The control plane must win the contest for host cores, or its API server starves and everything retries: a difference
of 3 has workers weigh half as much. 10 starved the workers instead: SSH only after 159 s. So did 6, where the kernel
weighs sessions: on a slow host calico-node was ready on 1 of 3 nodes after 9 min, and on all within 2 min once workers
weighed as much as the rest."""

TRANSLATION_CACHE_MIB = 1024
"""tb-size: QEMU's default cache thrashes with Go programs of 100 MB."""


def hardware_address(directory: Path, address: str, network: str) -> str:
    """A locally administered unicast MAC that stays the same for this machine and differs between stacks."""
    digest = hashlib.sha256(f"{directory}\0{address}\0{network}".encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def nice(spec: Power) -> int:
    """Host priority: under emulation vCPUs outnumber cores."""
    return EMULATED_NICE[spec.role] if spec.accelerator == "tcg" else 0


def program(environment: Mapping[str, str]) -> str:
    """QEMU's program: $FJORDKUBE_QEMU (a path, for a newer QEMU than the system's), or the one in PATH."""
    return environment.get("FJORDKUBE_QEMU") or PROGRAM


def cache_mode(environment: Mapping[str, str]) -> str:
    """writeback honours the guest's flushes, so disks survive a host that loses power. $FJORDKUBE_DISK_CACHE=unsafe
    drops flushes: for clusters of tests, which are thrown away."""
    return "unsafe" if environment.get("FJORDKUBE_DISK_CACHE") == "unsafe" else "writeback"


def command(
    spec: Power, at: Files, ports: Mapping[str, int], append: str, cache: str, qemu: str = PROGRAM
) -> list[str]:
    """The words that start this machine as a daemon. `ports`: host port by use; `append`: kernel command line."""
    forwards = "".join(f",hostfwd=tcp:127.0.0.1:{port}-:{spec.guest_ports[use]}" for use, port in sorted(ports.items()))
    words = [qemu, "-name", f"{spec.name},process={spec.name}", "-nodefaults", "-no-user-config"]
    words += ["-M", "q35", *_accelerator(spec.accelerator), "-smp", str(spec.cpus), "-m", str(spec.memory_mib)]
    words += ["-kernel", str(at.kernel), "-initrd", str(at.initrd), "-append", append]
    # The guest finds vda and vdb by order, so the root disk is first and the seed, found by serial, last.
    words += _disk("root", at.root, "qcow2", f"cache={cache},aio=threads,discard=unmap,detect-zeroes=unmap")
    if spec.etcd_disk_gib:
        words += _disk("etcd", at.etcd, "raw", f"cache={cache},aio=threads,discard=unmap")
    words += _disk("seed", at.seed, "raw", "readonly=on")
    # eth0, then eth1: without predictable names the kernel numbers NICs in PCI order.
    words += ["-netdev", f"user,id=outside,restrict=on{forwards}"]
    words += ["-device", _nic("outside", hardware_address(at.directory, spec.address, "outside"))]
    words += ["-netdev", f"vde,id=private,sock={_escaped(at.switch)}"]
    words += ["-device", _nic("private", hardware_address(at.directory, spec.address, "private"))]
    words += ["-device", "virtio-rng-pci"]
    words += ["-display", "none", "-chardev", f"file,id=console,path={_escaped(at.console)}"]
    words += ["-serial", "chardev:console"]
    words += ["-qmp", f"unix:{_escaped(at.qmp)},server=on,wait=off"]
    # Until SSH has answered (power.py) a reboot inside ends the process: a guest that panics is seen at once.
    words += ["-sandbox", SANDBOX, "-no-reboot", "-daemonize", "-pidfile", str(at.pid)]
    return words


def _accelerator(accelerator: str) -> list[str]:
    if accelerator == "kvm":
        return ["-accel", "kvm", "-cpu", "host"]
    # Westmere: what Debian's amd64 needs, and AES, for all the TLS inside a cluster (measured: AES-128-GCM 7 times as
    # fast as with Nehalem). QEMU 7.2 crashes with -cpu max.
    return ["-accel", f"tcg,thread=multi,tb-size={TRANSLATION_CACHE_MIB}", "-cpu", "Westmere"]


def _disk(serial: str, path: Path, form: str, options: str) -> list[str]:
    drive = f"file={_escaped(path)},if=none,id={serial},format={form},{options}"
    return ["-drive", drive, "-device", f"virtio-blk-pci,drive={serial},serial={serial}"]


def _nic(network: str, address: str) -> str:
    return f"virtio-net-pci,netdev={network},mac={address},romfile="


def _escaped(path: Path | str) -> str:
    """A comma inside a QEMU option is written twice."""
    return os.fspath(path).replace(",", ",,")
