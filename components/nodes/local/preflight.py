"""What must hold on this computer before machines are built or registered: programs, memory, disk space, ports.

Owns looking; changes nothing. All problems are found before any is told, each as `thing: state; fix`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fjordkube.errors import UnfitComputer
from fjordkube.helpers.local_vm import places, ports, process, qemu
from fjordkube.nodes.local import plan
from fjordkube.nodes.local.plan import Machine
from fjordkube.roots import home_root

if TYPE_CHECKING:
    from fjordkube.settings import LocalNodes

PACKAGES = {
    "qemu-img": "qemu-utils",
    "vde_switch": "vde2",
    "mke2fs": "e2fsprogs",
    "resize2fs": "e2fsprogs",
    "ssh-keygen": "openssh-client",
}
"""Debian's package for each program."""

MEMORY_MARGIN_MIB = 1024
"""For QEMU itself and the programs of the run: three default machines (8192 MiB) took 7.7 GB at their peak,
so the guests' own sizes nearly cover it."""

NEW_DISK_GIB = 3
"""Room that one new machine takes of its sparse disks during `up`, with logs and unpacked images."""


def check(settings: LocalNodes, stack: str, emulated: bool = True, programs: bool = True) -> None:
    """Raises UnfitComputer with every problem at once; returns when the stack's machines can run here.

    `programs`: whether a missing program is a problem (it is none where it is installed next).
    """
    machines = plan.machines(settings, stack, emulated)
    problems = [*(_programs() if programs else []), *_memory(machines), *_space(machines), *_ports(machines)]
    if problems:
        raise UnfitComputer(problems)


def _programs() -> list[str]:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    wanted = {qemu.program(os.environ): "qemu-system-x86", **PACKAGES}
    missing = {name: package for name, package in wanted.items() if shutil.which(name, path=path) is None}
    return [f"{name}: not in PATH; install it (Debian package {package})" for name, package in missing.items()]


def _memory(machines: Sequence[Machine]) -> list[str]:
    down = [machine for machine in machines if process.pid_of(machine.files.pid) is None]
    if not down:
        return []
    needed = sum(machine.memory_mib for machine in down) + MEMORY_MARGIN_MIB
    available = memory_available_mib(Path("/proc/meminfo").read_text())
    if available >= needed:
        return []
    sizes = ", ".join(f"{machine.name} {machine.memory_mib}" for machine in down)
    return [
        f"memory: {available} MiB available, {needed} MiB needed ({sizes}, margin {MEMORY_MARGIN_MIB});"
        " end other programs, or set fewer workers or a smaller memory_mib"
    ]


def _space(machines: Sequence[Machine]) -> list[str]:
    new = [machine for machine in machines if not machine.files.root.exists()]
    if not new:
        return []
    place = home_root().resolve()
    while not place.exists():
        place = place.parent
    free, needed = shutil.disk_usage(place).free // 2**30, NEW_DISK_GIB * len(new)
    if free >= needed:
        return []
    need = f"{len(new)} new machine{'s need' if len(new) > 1 else ' needs'} {needed} GiB"
    return [
        f"disk: {place} has {free} GiB free, {need};"
        " free some space, or set FJORDKUBE_HOME to a folder on a larger disk"
    ]


def _ports(machines: Sequence[Machine]) -> list[str]:
    owned = ports.owners(places.claims())
    problems = []
    for machine in machines:
        found = plan.find(machine)
        kept = dict(found.made.ports) if found.made else {}
        # A running QEMU holds exactly the ports that are kept; anyone else on them, or on a pinned one, is in the way.
        held = set(kept.values()) if process.pid_of(machine.files.pid) is not None else set()
        for use, pin in machine.ports.items():
            port = pin or kept.get(use)
            if port is None or port in held:
                continue
            fix = "pin another" if pin else f"end that program, or pin another port for {use}"
            holder = owned.get(port)
            if holder is not None and holder != machine.files.directory:
                problems.append(f"{machine.name}.ports.{use}: {port} is held by the machine in {holder}; {fix}")
            elif ports.in_use(port):
                problems.append(f"{machine.name}.ports.{use}: {port} is in use on 127.0.0.1; {fix}")
    return problems


def memory_available_mib(meminfo: str) -> int:
    """MemAvailable of /proc/meminfo's text, MiB."""
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 0
