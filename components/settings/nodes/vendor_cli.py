"""Machines of a vendor whose only interface is a command: what a stack file says about them.

Owns what is asked of the vendor. Leaves the contract with its command to `components/nodes/vendor_cli/`, where zones
lie to `components/providers/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fjordkube.settings.base import Settings
from fjordkube.settings.nodes.node import AnyNodes, NodeSettings, PoolSettings, Role, WorkerSettings
from fjordkube.settings.types import Cidr, DiskName, Line, NamedByText, Nic, Zone

Word = Annotated[Line, Field(min_length=1, max_length=255)]
"""What the vendor calls a plan or an image."""


class VendorSize(Settings):
    """What one machine is made of."""

    plan: Word | None = None
    """The vendor's plan, e.g. nvme-4; another one makes the machine anew. None: the plan of its role."""


class VendorNode(NodeSettings, VendorSize):
    """One machine; its name alone is enough."""


class VendorWorker(VendorNode, WorkerSettings):
    """A machine that runs workloads."""


class VendorControlPlane(VendorNode):
    """A machine that runs the Kubernetes API and an etcd member."""

    role: ClassVar[Role] = "control-plane"
    etcd_disk: DiskName = "LABEL=etcd"
    """Etcd's disk as the vendor's image names it, e.g. LABEL=etcd or /dev/vdb1; root: the one that the system is on."""


class VendorPool(PoolSettings, VendorSize):
    """Machines that run workloads, alike but for their number."""

    def members(self) -> Iterator[VendorWorker]:
        """Its workers, by number."""
        for name, address in self.names():
            yield VendorWorker(name=name, address=address, labels=self.labels, taints=self.taints, plan=self.plan)


class VendorNodes(AnyNodes):
    """Machines of a vendor whose only interface is a command, by a contract in JSON (docs/sources/vendor_cli.md)."""

    source: Literal["vendor_cli"] = "vendor_cli"
    """Where nodes come from: vendor_cli."""
    command: list[Word] = Field(min_length=1, examples=[["adapters/coolvds.sh"]])
    """The vendor's command with its first arguments, e.g. [adapters/coolvds.sh]; a word with a slash starts in the
    checkout, one without is looked for in PATH. It is run without a shell; a verb is its last argument."""
    zone: Zone = Field(examples=["no-osl1"])
    """Where machines are to stand: country, dash, place, e.g. no-osl1. The vendor must answer with the same."""
    private_cidr: Cidr = "10.1.0.0/24"
    """The machines' private network, e.g. 10.1.0.0/24; every node's address lies in it."""
    interface: Nic = "eth1"
    """NIC on the private network as the vendor's image names it, e.g. eth1."""
    image: Word = Field(examples=["debian-13"])
    """The vendor's image, e.g. debian-13: a plain Debian or Ubuntu, on which `up` installs the rest (see artifacts);
    another one makes every machine anew."""
    control_plane_plan: Word = Field(examples=["nvme-4"])
    """Plan of control planes that name none, e.g. nvme-4."""
    worker_plan: Word = Field(examples=["nvme-2"])
    """Plan of workers that name none, e.g. nvme-2."""
    ssh_key_file: Line = "~/.ssh/id_ed25519"
    """Private key to enter machines as root, mode 0600 and without a passphrase; a relative path starts in the
    checkout. Its public line is in the order."""
    call_seconds: Annotated[int, Field(strict=True, ge=1, le=3600)] = 120
    """How long one call of the command may take, in seconds; then it is ended with all that it has started."""
    patience_seconds: Annotated[int, Field(strict=True, ge=1, le=86400)] = 1200
    """How long a machine may be building after it was ordered, in seconds."""
    control_planes: list[Annotated[VendorControlPlane, NamedByText]] = Field(
        min_length=1, default_factory=lambda: [VendorControlPlane(name="cp1")]
    )
    """Control-plane nodes, names or mappings, e.g. [cp1, cp2, cp3]; an odd number, because etcd votes."""
    workers: list[Annotated[VendorWorker, NamedByText]] = Field(
        min_length=1, default_factory=lambda: [VendorWorker(name="w1"), VendorWorker(name="w2")]
    )
    """Worker nodes, names or mappings, e.g. [w1, {name: w2, plan: nvme-4}]; at least one."""
    pools: list[VendorPool] = Field(default_factory=list)
    """Workers that are alike, e.g. [{name: web, count: 3, plan: nvme-4}] for web1, web2 and web3."""

    def plan_of(self, node: VendorNode) -> str:
        """The node's plan, its own or its role's."""
        return node.plan or (self.control_plane_plan if node.role == "control-plane" else self.worker_plan)
