"""Local virtual machines: what a stack file says about them.

Owns sizes and pinned ports. Leaves whether this host can carry them (ports in use, memory, disk, QEMU) to
`components/nodes/local/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fjordkube.settings.base import Settings
from fjordkube.settings.nodes.node import AnyNodes, NodeSettings, PoolSettings, Role, WorkerSettings
from fjordkube.settings.types import Cidr, HostPort, NamedByText


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


class LocalSize(Settings):
    """What one virtual machine is made of."""

    cpus: Annotated[int, Field(strict=True, ge=1, le=64)] | None = None
    """Virtual CPUs, e.g. 2. None: 2; workers under emulation get 1, so that the control plane wins
    (measured: six virtual CPUs on two cores starve the API server)."""
    memory_mib: Annotated[int, Field(strict=True, ge=1024, le=1048576)] = 2048
    """Memory in MiB, e.g. 2048 (measured: 1.3 GiB in use on a worker with ingress and demo)."""
    disk_gib: Annotated[int, Field(strict=True, ge=6, le=2048)] = 12
    """Greatest size of the root disk in GiB, e.g. 12; it grows as it is written (measured: the base is 2.9 GB)."""


class LocalNode(NodeSettings, LocalSize):
    """One virtual machine; its name alone is enough."""

    ports: Ports = Field(default_factory=Ports)
    """Pinned ports on this machine."""


class LocalWorker(LocalNode, WorkerSettings):
    """A virtual machine that runs workloads."""

    ports: WorkerPorts = Field(default_factory=WorkerPorts)
    """Pinned ports on this machine."""


class LocalControlPlane(LocalNode):
    """A virtual machine that runs the Kubernetes API and an etcd member."""

    role: ClassVar[Role] = "control-plane"
    cpus: Annotated[int, Field(strict=True, ge=2, le=64)] | None = None
    """Virtual CPUs, e.g. 2. None: 2, the least that kubeadm accepts for a control plane."""
    memory_mib: Annotated[int, Field(strict=True, ge=2048, le=1048576)] = 4096
    """Memory in MiB, e.g. 4096 (measured: 2.9 GB in use)."""
    etcd_disk_gib: Annotated[int, Field(strict=True, ge=1, le=64)] = 4
    """Greatest size of etcd's own disk in GiB, e.g. 4 (etcd's quota is 2 GiB, and its WAL and snapshots come on
    top)."""
    ports: ControlPlanePorts = Field(default_factory=ControlPlanePorts)
    """Pinned ports on this machine."""


class LocalPool(PoolSettings, LocalSize):
    """Virtual machines that run workloads, alike but for their number."""

    def members(self) -> Iterator[LocalWorker]:
        """Its workers, by number."""
        size = {name: getattr(self, name) for name in LocalSize.model_fields}
        for name, address in self.names():
            yield LocalWorker(name=name, address=address, labels=self.labels, taints=self.taints, **size)


class LocalNodes(AnyNodes):
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
    pools: list[LocalPool] = Field(default_factory=list)
    """Workers that are alike, e.g. [{name: web, count: 3}] for web1, web2 and web3."""

    def cores(self) -> Iterator[tuple[tuple[str | int, ...], NodeSettings, int]]:
        """See AnyNodes. Under emulation a worker that names none has one, and reserves little (timing.py)."""
        for place, node in self.placed():
            assert isinstance(node, LocalNode)
            yield (*place, "cpus"), node, node.cpus or 2
