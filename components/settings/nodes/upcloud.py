"""Servers at UpCloud: what a stack file says about them.

Owns what a node needs of a plan, disks and what surrounds the servers. Leaves whether the SSH key can be used to
`components/nodes/upcloud/`, plans and zones to `components/providers/upcloud.py`, and credentials to the provider's
environment.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field

from fjordkube.providers.provider import Size
from fjordkube.providers.upcloud import PLANS, nearest, smallest
from fjordkube.settings.base import Settings
from fjordkube.settings.nodes.node import AnyNodes, NodeSettings, PoolSettings, Role, WorkerSettings
from fjordkube.settings.types import Cidr, Flag, Line, NamedByText, Nic, Zone, refusal, shown

Place = tuple[str | int, ...]
"""A field's place below `nodes`."""

CONTROL_PLANE: Final = Size(2, 4)
"""kubeadm refuses fewer than 2 CPUs (its preflight check NumCPU); measured: 2.9 GB in use with etcd and the API."""

WORKER: Final = Size(1, 2)
"""kubeadm's documentation asks for 2 GB; measured: 1.3 GiB in use on a worker with ingress and demo."""


def _plan(value: str) -> str:
    if value in PLANS:
        return value
    if value.upper().startswith("DEV-"):
        near = nearest(value.upper().removeprefix("DEV-"))
        raise refusal(f"{shown(value)} is a developer plan, whose storage is not MaxIOPS", f"use {near or '2xCPU-4GB'}")
    near = nearest(value)
    fix = f"use {near}" if near else "use one such as 2xCPU-4GB (components/providers/upcloud.py has all)"
    raise refusal(f"{shown(value)} is not a plan of UpCloud's that is known here", fix)


Plan = Annotated[str, AfterValidator(_plan), Field(json_schema_extra={"examples": ["2xCPU-4GB", "4xCPU-8GB"]})]
"""Name of a plan in the table."""

Gigabytes = Annotated[int, Field(strict=True, ge=10, le=2048)]
"""Size of a storage; UpCloud's provider takes 10 to 2048."""


class UpcloudSize(Settings):
    """What one server is made of."""

    plan: Plan | None = None
    """UpCloud's plan, e.g. 4xCPU-8GB; another one restarts the server. None: the plan of its role."""
    root_disk_gib: Gigabytes = 30
    """Size of the root disk in GB, e.g. 30: system, images and logs. It can grow, and restarts the server for it."""


class UpcloudNode(NodeSettings, UpcloudSize):
    """One server; its name alone is enough."""


class UpcloudWorker(UpcloudNode, WorkerSettings):
    """A server that runs workloads."""


class UpcloudControlPlane(UpcloudNode):
    """A server that runs the Kubernetes API and an etcd member."""

    role: ClassVar[Role] = "control-plane"
    etcd_disk_gib: Gigabytes = 10
    """Size of etcd's own disk in GB, e.g. 10, the least that UpCloud has (etcd's quota is 2 GiB, and its WAL and
    snapshots come on top)."""


class UpcloudPool(PoolSettings, UpcloudSize):
    """Servers that run workloads, alike but for their number."""

    def members(self) -> Iterator[UpcloudWorker]:
        """Its workers, by number."""
        size = {name: getattr(self, name) for name in UpcloudSize.model_fields}
        for name, address in self.names():
            yield UpcloudWorker(name=name, address=address, labels=self.labels, taints=self.taints, **size)


class UpcloudNodes(AnyNodes):
    """Servers at UpCloud, made by its API: MaxIOPS storage, a private network, a firewall at each server."""

    source: Literal["upcloud"] = "upcloud"
    """Where nodes come from: upcloud."""
    zone: Zone = "no-svg1"
    """UpCloud's zone, e.g. no-svg1 (Stavanger)."""
    private_cidr: Cidr = "10.1.0.0/24"
    """The servers' private network, e.g. 10.1.0.0/24; every node's address lies in it, and its first address is
    UpCloud's own (DHCP)."""
    interface: Nic = "eth1"
    """NIC on the private network as the image names it, e.g. eth1: UpCloud's Debian has eth0 for the first, which is
    public here, and eth1 for the second (its documentation says so; not seen by us)."""
    ssh_key_file: Line = "~/.ssh/id_ed25519"
    """Private key to enter servers as root, mode 0600 and without a passphrase, e.g. ~/.ssh/fjordkube; a relative path
    starts in the checkout. Servers have the key that they were made with: another is no change of a living one."""
    template: Annotated[Line, Field(min_length=1, max_length=255)] = "Debian GNU/Linux 13 (Trixie)"
    """Image of the root disk, by its name or its UUID: a plain Debian or Ubuntu with cloud-init, on which `up` installs
    the rest (see artifacts); another one makes every server anew."""
    storage_tier: Literal["maxiops"] = "maxiops"
    """Kind of storage of all disks: maxiops, UpCloud's fastest; etcd is promised NVMe and takes no other."""
    encrypt: Flag = True
    """Whether disks are encrypted at rest; another answer makes every server anew."""
    control_plane_plan: Plan = "2xCPU-4GB"
    """Plan of control planes that name none, e.g. 2xCPU-4GB, the least that a control plane needs."""
    worker_plan: Plan = "2xCPU-4GB"
    """Plan of workers that name none, e.g. 4xCPU-8GB."""
    anti_affinity: Literal["strict", "preferred", "none"] = "strict"
    """Whether control planes stand on different hosts: strict (a server without a host of its own does not start),
    preferred, or none."""
    load_balancer: Flag = False
    """Whether UpCloud's managed load balancer stands in front of API and ingress; it costs, and needs a few minutes."""
    load_balancer_plan: Annotated[Line, Field(min_length=1, max_length=64)] = "production-small"
    """Plan of the load balancer, e.g. production-small (two nodes) or development (one)."""
    protect: Flag = False
    """Whether Pulumi refuses to delete servers and etcd's disks; the policy pack asks for it in production."""
    control_planes: list[Annotated[UpcloudControlPlane, NamedByText]] = Field(
        min_length=1, default_factory=lambda: [UpcloudControlPlane(name="cp1")]
    )
    """Control-plane nodes, names or mappings, e.g. [cp1, cp2, cp3]; an odd number, because etcd votes."""
    workers: list[Annotated[UpcloudWorker, NamedByText]] = Field(
        min_length=1, default_factory=lambda: [UpcloudWorker(name="w1"), UpcloudWorker(name="w2")]
    )
    """Worker nodes, names or mappings, e.g. [w1, {name: w2, plan: 4xCPU-8GB}]; at least one."""
    pools: list[UpcloudPool] = Field(default_factory=list)
    """Workers that are alike, e.g. [{name: web, count: 3, plan: 4xCPU-8GB}] for web1, web2 and web3."""

    def plan_of(self, node: UpcloudNode) -> str:
        """The node's plan, its own or its role's."""
        return node.plan or (self.control_plane_plan if node.role == "control-plane" else self.worker_plan)

    def cores(self) -> Iterator[tuple[Place, NodeSettings, int]]:
        """See AnyNodes. A plan that is too small whatever is reserved is told as such."""
        for place, node in self.placed():
            assert isinstance(node, UpcloudNode)
            is_plane = node.role == "control-plane"
            size, shared = PLANS[self.plan_of(node)], "control_plane_plan" if is_plane else "worker_plan"
            if size.holds(CONTROL_PLANE if is_plane else WORKER):
                yield (*place, "plan") if node.plan else (shared,), node, size.cores

    def contradictions(self) -> Iterator[tuple[tuple[Place, ...], str, str]]:
        """See AnyNodes."""
        yield from self._plans_suffice()
        yield from self._addresses_are_free()

    def _addresses_are_free(self) -> Iterator[tuple[tuple[Place, ...], str, str]]:
        network = IPv4Network(self.private_cidr)
        for place, node in self.placed():
            if network.num_addresses > 1 and node.address == str(network[1]):
                given = "first_address" if place[0] == "pools" else "address"
                state = f"{node.address} is UpCloud's own in the network, whose DHCP has it"
                yield ((*place, given), ("private_cidr",)), state, "use another"

    def _plans_suffice(self) -> Iterator[tuple[tuple[Place, ...], str, str]]:
        told = set()
        for place, node in self.placed():
            if not isinstance(node, UpcloudNode):
                continue
            plan, is_plane = self.plan_of(node), node.role == "control-plane"
            need, role = (CONTROL_PLANE, "control plane") if is_plane else (WORKER, "worker")
            shared: Place = ("control_plane_plan",) if is_plane else ("worker_plan",)
            field = (*place, "plan") if node.plan else shared
            if not PLANS[plan].holds(need) and field not in told:
                told.add(field)
                state = f"{plan} has {PLANS[plan]}, and a {role} needs {need}"
                yield (field,), state, f"use {smallest(need)} or a larger one"
