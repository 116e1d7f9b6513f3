"""From settings to what is asked of each machine: pure, but for one look at what each machine's folder remembers.

Owns the defaults that depend on the host (vCPUs), the places of a machine's files, and the two numbers that make
Pulumi see what it cannot know: `boot` (is it down?) and `generation` (must its disks be made anew?).
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fjordkube.errors import MachineError
from fjordkube.helpers.local_vm import power, record
from fjordkube.helpers.local_vm.qemu import Files
from fjordkube.helpers.local_vm.record import Made
from fjordkube.helpers.local_vm.spec import GUEST_PORTS, Disk, Power, Wanted
from fjordkube.node import Role
from fjordkube.roots import cache_root, home_root, runtime_root
from fjordkube.settings import LocalControlPlane, LocalNode, LocalWorker

if TYPE_CHECKING:
    from fjordkube.nodes.local.vm_image import VmImage
    from fjordkube.settings import LocalNodes

INTERFACE = "eth1"
"""NIC of the private network: second on the machine, and named by the kernel in that order."""

SOCKET_PATH_LIMIT = 107
"""Bytes of a Unix socket's path (unix(7): 108 with its end)."""


@dataclass(frozen=True)
class Found:
    """What a look at a machine's folder says; nothing is started or changed by it."""

    made: Made | None
    """None: no disks yet."""
    boot: int
    """Number of the last start; 0: never started."""
    running: bool


@dataclass(frozen=True)
class Machine:
    """One machine as the settings ask for it."""

    name: str
    role: Role
    address: str
    cpus: int
    memory_mib: int
    disk_gib: int
    etcd_disk_gib: int
    """GiB; 0 on workers."""
    ports: Wanted
    guest_ports: Mapping[str, int]
    """Port inside the machine by use."""
    directory: Path
    sockets: Path
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[str] = ()

    @property
    def files(self) -> Files:
        return Files(self.directory, self.sockets, self.name)


def machines(
    settings: LocalNodes, stack: str, emulated: bool, guest_ports: Mapping[str, int] = GUEST_PORTS
) -> list[Machine]:
    """Every machine of the stack, control planes first. `guest_ports`: port inside a machine by use."""
    # one folder for all: they meet at the switch in it
    nodes = [node for node in settings.all_nodes if isinstance(node, LocalNode)]
    shared = sockets(stack, [node.name for node in nodes])
    return [_machine(settings, node, stack, emulated, guest_ports, shared) for node in nodes]


def find(machine: Machine) -> Found:
    """Looks at the machine's folder and process."""
    started = record.read_started(machine.directory)
    return Found(
        made=record.read_made(machine.directory),
        boot=started.boot if started else 0,
        running=power.is_running(machine.files),
    )


def boot(found: Found) -> int:
    """The start that is wanted: the one that runs, or the next one when it is down."""
    return found.boot if found.running and found.boot else found.boot + 1


def generation(found: Found, disk_gib: int, etcd_disk_gib: int) -> int:
    """The disks that are wanted: those that are there, or new ones where a smaller size is asked (none shrinks)."""
    made = found.made
    if made is None:
        return 1
    smaller = disk_gib < made.disk_gib or etcd_disk_gib < made.etcd_disk_gib
    return made.generation + 1 if smaller else made.generation


def disk_spec(machine: Machine, settings: LocalNodes, image: VmImage, emulated: bool, found: Found) -> Disk:
    """What `disk` is asked."""
    return Disk(
        directory=machine.directory,
        name=machine.name,
        role=machine.role,
        address=machine.address,
        prefix_length=ipaddress.ip_network(str(settings.private_cidr)).prefixlen,
        interface=INTERFACE,
        emulated=emulated,
        disk_gib=machine.disk_gib,
        etcd_disk_gib=machine.etcd_disk_gib,
        ports=machine.ports,
        kernel=image.kernel,
        initrd=image.initrd,
        base=image.disk,
        claims=claims(),
        sockets=machine.sockets,
        generation=generation(found, machine.disk_gib, machine.etcd_disk_gib),
    )


def power_spec(machine: Machine, emulated: bool, found: Found) -> Power:
    """What `power` is asked."""
    return Power(
        directory=machine.directory,
        name=machine.name,
        role=machine.role,
        address=machine.address,
        accelerator="tcg" if emulated else "kvm",
        cpus=machine.cpus,
        memory_mib=machine.memory_mib,
        disk_gib=machine.disk_gib,
        etcd_disk_gib=machine.etcd_disk_gib,
        ports=machine.ports,
        guest_ports=machine.guest_ports,
        sockets=machine.sockets,
        boot=boot(found),
    )


def replaced_with(spec: Disk, image: VmImage) -> list[str]:
    """What a machine cannot change while keeping its disks: another value of these makes it anew."""
    return [f"image {image.digest}", f"address {spec.address}/{spec.prefix_length}", f"generation {spec.generation}"]


def claims() -> Path:
    """Where all checkouts of this user note the ports of their machines."""
    return cache_root() / "ports.json"


def sockets(stack: str, names: Sequence[str]) -> Path:
    """Folder of the stack's sockets; by digest where the stack's name would make a path too long.

    Raises MachineError when even that does not fit.
    """
    root = runtime_root()
    longest = max((len(name) for name in names), default=0) + len("/.qmp")
    # vde clients bind to <switch>/.<pid>-<number> beside the switch's own sockets
    longest = max(longest, len("/switch/.4194304-00000"))
    for folder in (root / stack, root / hashlib.sha256(stack.encode()).hexdigest()[:8]):
        if len(str(folder)) + longest <= SOCKET_PATH_LIMIT:
            return folder
    raise MachineError(f"{root}: too long for Unix sockets; set TMPDIR to a shorter path, e.g. /tmp")


def _machine(
    settings: LocalNodes,
    node: LocalNode,
    stack: str,
    emulated: bool,
    guest_ports: Mapping[str, int],
    sockets_folder: Path,
) -> Machine:
    control_plane = node.role == "control-plane"
    # the ingress runs on workers alone
    uses = ["ssh", "api"] if control_plane else ["ssh", "http", "https"]
    address = settings.address_of(node)
    if address is None:  # not in settings that were loaded: those are consistent
        raise MachineError(f"{node.name}: has no address, and none follows from its name; give it one")
    return Machine(
        name=node.name,
        role=node.role,
        address=address,
        # A worker's second vCPU spins on a descheduled sibling where two host cores carry all machines; the control
        # plane's is worth 40 s of `up` (343 s, 385 s). QEMU 7.2 is not to be trusted with two: see adr/0003.
        cpus=node.cpus or (1 if emulated and not control_plane else 2),
        memory_mib=node.memory_mib,
        disk_gib=node.disk_gib,
        etcd_disk_gib=node.etcd_disk_gib if isinstance(node, LocalControlPlane) else 0,
        ports={use: getattr(node.ports, use) for use in uses},
        guest_ports={use: guest_ports[use] for use in uses},
        directory=home_root().resolve() / "vm" / stack / node.name,
        sockets=sockets_folder,
        labels=node.labels if isinstance(node, LocalWorker) else {},
        taints=node.taints if isinstance(node, LocalWorker) else (),
    )
