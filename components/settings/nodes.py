"""Where nodes come from. Today: local virtual machines; other sources join as variants told apart by `source`.

Owns what a user says about machines, and the addresses that follow from names. Leaves whether this host can carry
them (ports in use, memory, disk, QEMU) to `components/nodes/local/`, and what must hold between nodes to
`consistency.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from components.settings.base import Settings, with_default_tag
from components.settings.types import Cidr, HostPort, IPv4, NamedByText, NodeName

CONTROL_PLANE_OFFSET: Final = 10
"""cp1 has the 11th address of the private network."""
WORKER_OFFSET: Final = 100
"""w1 has the 101st address of the private network; leaves room for 89 control planes below."""

_TRAILING_NUMBER: Final = re.compile(r"(\d+)$")


class Ports(Settings):
    """Ports on this machine's loopback address that lead to a node; what is not pinned is chosen and kept in state."""

    ssh: HostPort | None = None
    """Leads to the node's SSH, e.g. 2201."""


class WorkerPorts(Ports):
    """The same, and the ingress, which runs on workers."""

    http: HostPort | None = None
    """Leads to the ingress's HTTP port, e.g. 8080."""
    https: HostPort | None = None
    """Leads to the ingress's HTTPS port, e.g. 8443."""


class ControlPlanePorts(Ports):
    """The same, and the Kubernetes API."""

    api: HostPort | None = None
    """Leads to the node's Kubernetes API, e.g. 6443."""


class LocalNode(Settings):
    """One virtual machine; its name alone is enough."""

    name: NodeName
    """Host name and Kubernetes node name, e.g. w1. A trailing number gives it an address."""
    address: IPv4 | None = None
    """Address in the private network, e.g. 192.168.77.101. None: from the trailing number n of the name, the (10+n)th
    address for a control plane and the (100+n)th for a worker, whatever other nodes there are."""
    cpus: Annotated[int, Field(strict=True, ge=1, le=64)] | None = None
    """Virtual CPUs, e.g. 2. None: 2; workers under emulation get 1, so that the control plane wins
    (measured: six virtual CPUs on two cores starve the API server)."""
    memory_mib: Annotated[int, Field(strict=True, ge=1024, le=1048576)] = 2048
    """Memory in MiB, e.g. 2048 (measured: 1.3 GiB in use on a worker with ingress and demo)."""
    disk_gib: Annotated[int, Field(strict=True, ge=6, le=2048)] = 12
    """Greatest size of the root disk in GiB, e.g. 12; it grows as it is written (measured: the base is 2.9 GB)."""
    ports: Ports = Field(default_factory=Ports)
    """Pinned ports on this machine."""


class LocalWorker(LocalNode):
    """A virtual machine that runs workloads."""

    ports: WorkerPorts = Field(default_factory=WorkerPorts)
    """Pinned ports on this machine."""


class LocalControlPlane(LocalNode):
    """A virtual machine that runs the Kubernetes API and an etcd member."""

    cpus: Annotated[int, Field(strict=True, ge=2, le=64)] | None = None
    """Virtual CPUs, e.g. 2. None: 2, the least that kubeadm accepts for a control plane."""
    memory_mib: Annotated[int, Field(strict=True, ge=2048, le=1048576)] = 4096
    """Memory in MiB, e.g. 4096 (measured: 2.9 GB in use)."""
    etcd_disk_gib: Annotated[int, Field(strict=True, ge=1, le=64)] = 4
    """Greatest size of etcd's own disk in GiB, e.g. 4 (etcd's quota is 2 GiB, and its WAL and snapshots come on
    top)."""
    ports: ControlPlanePorts = Field(default_factory=ControlPlanePorts)
    """Pinned ports on this machine."""


class LocalNodes(Settings):
    """Virtual machines on this machine, by QEMU: with KVM where a guest boots with it, else emulated."""

    source: Literal["local"] = "local"
    """Where nodes come from: local."""
    private_cidr: Cidr = "192.168.77.0/24"
    """Network between the machines, e.g. 192.168.77.0/24; every node's address lies in it. It exists only inside the
    machines' own switch."""
    accelerator: Literal["auto", "kvm", "tcg"] = "auto"
    """How QEMU runs guests: kvm, tcg (emulation), or auto (KVM if a guest really boots with it)."""
    control_planes: list[Annotated[LocalControlPlane, NamedByText]] = Field(
        min_length=1, default_factory=lambda: [LocalControlPlane(name="cp1")]
    )
    """Control-plane nodes, names or mappings, e.g. [cp1]; an odd number, because etcd votes."""
    workers: list[Annotated[LocalWorker, NamedByText]] = Field(
        min_length=1, default_factory=lambda: [LocalWorker(name="w1"), LocalWorker(name="w2")]
    )
    """Worker nodes, names or mappings, e.g. [w1, {name: w2, memory_mib: 3072}]; at least one, because control planes
    take no workloads."""

    @property
    def all_nodes(self) -> Sequence[LocalNode]:
        """Control planes, then workers, as the file has them."""
        return [*self.control_planes, *self.workers]

    @property
    def addresses(self) -> dict[str, str]:
        """Private address by node name, given or derived from the name; nodes without one are left out (a loaded
        stack has none such)."""
        found = {node.name: self.address_of(node) for node in self.all_nodes}
        return {name: address for name, address in found.items() if address}

    def address_of(self, node: LocalNode) -> str | None:
        """The node's address, given or derived from its name; None when the name has no trailing number."""
        if node.address:
            return node.address
        number = _TRAILING_NUMBER.search(node.name)
        # more digits than an IPv4 address has could not fit in any network
        if not number or len(number[1]) > 10:
            return None
        offset = CONTROL_PLANE_OFFSET if isinstance(node, LocalControlPlane) else WORKER_OFFSET
        first = int(IPv4Network(self.private_cidr).network_address)
        value = first + offset + int(number[1])
        return str(IPv4Address(value)) if value < 2**32 else None


# One source today. A second one turns this into `Annotated[LocalNodes | Other, Field(discriminator="source"), ...]`.
Nodes = Annotated[LocalNodes, BeforeValidator(with_default_tag("source", "local"))]
"""Node sources, told apart by `source`."""
