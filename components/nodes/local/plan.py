"""From settings to what is asked of each machine: pure, but for one look at what each machine's folder remembers.

Owns the defaults that depend on the host (vCPUs), and the two numbers that make Pulumi see what it cannot know: `boot`
(is it down?) and `generation` (must its disks be made anew?).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fjordkube.errors import MachineError
from fjordkube.helpers.local_vm import computer, places, power, record
from fjordkube.helpers.local_vm.places import Files
from fjordkube.helpers.local_vm.record import Made
from fjordkube.helpers.local_vm.spec import GUEST_PORTS, Disk, Power, Wanted
from fjordkube.settings import LocalControlPlane, LocalNode, LocalWorker
from fjordkube.settings.nodes.node import Role

if TYPE_CHECKING:
    from fjordkube.settings import LocalNodes

INTERFACE = "eth1"
"""NIC of the private network: second on the machine, and named by the kernel in that order."""


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
    stack: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[str] = ()

    @property
    def files(self) -> Files:
        return places.files(self.stack, self.name)


def machines(
    settings: LocalNodes, stack: str, emulated: bool, guest_ports: Mapping[str, int] = GUEST_PORTS
) -> list[Machine]:
    """Every machine of the stack, control planes first. `guest_ports`: port inside a machine by use.

    Raises MachineError where the paths of their sockets would be too long.
    """
    folder = places.sockets(stack)
    if len(str(folder)) + places.LONGEST_SOCKET > places.SOCKET_PATH_LIMIT:
        raise MachineError(f"{folder.parent}: too long for Unix sockets; set TMPDIR to a shorter path, e.g. /tmp")
    nodes = [node for node in settings.all_nodes if isinstance(node, LocalNode)]
    return [_machine(settings, node, stack, emulated, guest_ports) for node in nodes]


def find(machine: Machine) -> Found:
    """Looks at the machine's folder and process."""
    at = machine.files
    started = record.read_started(at.directory)
    return Found(
        made=record.read_made(at.directory),
        boot=started.boot if started else 0,
        running=power.is_running(at),
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


def disk_spec(machine: Machine, settings: LocalNodes, image: str, emulated: bool, found: Found) -> Disk:
    """What `disk` is asked. `image`: digest of what the machine is made from."""
    return Disk(
        computer=computer.here(),
        stack=machine.stack,
        name=machine.name,
        role=machine.role,
        address=machine.address,
        prefix_length=ipaddress.ip_network(str(settings.private_cidr)).prefixlen,
        interface=INTERFACE,
        emulated=emulated,
        disk_gib=machine.disk_gib,
        etcd_disk_gib=machine.etcd_disk_gib,
        ports=machine.ports,
        image=image,
        generation=generation(found, machine.disk_gib, machine.etcd_disk_gib),
    )


def power_spec(machine: Machine, emulated: bool, found: Found) -> Power:
    """What `power` is asked."""
    return Power(
        computer=computer.here(),
        stack=machine.stack,
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
        boot=boot(found),
    )


def replaced_with(spec: Disk) -> list[str]:
    """What a machine cannot change while keeping its disks: another value of these makes it anew."""
    return [
        f"computer {spec.computer}",
        f"image {spec.image}",
        f"address {spec.address}/{spec.prefix_length}",
        f"generation {spec.generation}",
    ]


def _machine(
    settings: LocalNodes, node: LocalNode, stack: str, emulated: bool, guest_ports: Mapping[str, int]
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
        stack=stack,
        labels=node.labels if isinstance(node, LocalWorker) else {},
        taints=node.taints if isinstance(node, LocalWorker) else (),
    )
