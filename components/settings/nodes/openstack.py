"""Instances in an OpenStack cloud: what a stack file says about them.

Owns flavors, disks, networks and what a cloud's own network model rules out. Leaves whether the SSH key can be used to
`components/nodes/openstack/`, where zones lie to `components/providers/`, and credentials to the provider's environment
(clouds.yaml or OS_*). Nothing is looked up in the cloud, so that a preview needs no answer from it: what OpenStack
wants by id is written as an id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field

from fjordkube.providers.openstack import CLOUDS
from fjordkube.settings.base import Settings
from fjordkube.settings.nodes.node import AnyNodes, NodeSettings, PoolSettings, Role, WorkerSettings
from fjordkube.settings.types import Cidr, DiskName, Flag, Line, NamedByText, Nic, Zone, refusal, shown

Place = tuple[str | int, ...]
"""A field's place below `nodes`."""

Finding = tuple[tuple[Place, ...], str, str]
"""Fields, state, fix: see AnyNodes.contradictions."""

_UUID: Final = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def is_id(text: str) -> bool:
    """Whether that is an id of OpenStack's, and not a name."""
    return bool(_UUID.fullmatch(text))


def _uuid(value: str) -> str:
    if not is_id(value):
        fix = "write the id, e.g. 4d5ad2a1-3f0d-4a8e-9a8e-4c1f4b0e7a11 (openstack ... show -f value -c id NAME)"
        raise refusal(f"{shown(value)} is not an id of OpenStack's", fix)
    return value


def _network(value: str) -> str:
    return value if value == "create" else _uuid(value)


Uuid = Annotated[str, AfterValidator(_uuid)]
"""An id of OpenStack's in lower case, e.g. 4d5ad2a1-3f0d-4a8e-9a8e-4c1f4b0e7a11."""

Name = Annotated[Line, Field(min_length=1, max_length=255)]
"""A name that OpenStack knows, e.g. m1.large."""

Gigabytes = Annotated[int, Field(strict=True, ge=1, le=16384)]
"""Size of a volume."""

SPARE: Final = 16
"""Addresses at the end of a network made here that OpenStack hands out by itself: DHCP servers, router, load
balancer. Nodes' addresses lie before them."""


def spare(private_cidr: str) -> tuple[IPv4Address, IPv4Address]:
    """First and last address that OpenStack may hand out by itself, e.g. 10.2.0.239 and 10.2.0.254 of a /24."""
    network = IPv4Network(private_cidr)
    count = min(SPARE, network.num_addresses // 4)
    return network.broadcast_address - count, network.broadcast_address - 1


class OpenstackSize(Settings):
    """What one instance is made of."""

    flavor: Name | None = None
    """OpenStack's flavor, e.g. m1.large; another one restarts the instance. None: the flavor of its role."""
    root_volume_gib: Gigabytes | None = None
    """Size of a volume for the root disk in GiB, e.g. 30, for flavors without a disk. None: the flavor's own disk."""


class OpenstackNode(NodeSettings, OpenstackSize):
    """One instance; its name alone is enough where its network is made here."""

    port: Uuid | None = None
    """Id of a port that was made before (openstack port create), whose address is `address`. None: one is made. A
    project can choose an address only in a network of its own (Neutron's default policy), so that nodes in a network
    that a whole cloud shares need one each."""


class OpenstackWorker(OpenstackNode, WorkerSettings):
    """An instance that runs workloads."""


class OpenstackControlPlane(OpenstackNode):
    """An instance that runs the Kubernetes API and an etcd member."""

    role: ClassVar[Role] = "control-plane"
    etcd_volume_gib: Annotated[int, Field(strict=True, ge=0, le=16384)] = 10
    """Size of etcd's own volume in GiB, e.g. 10 (etcd's quota is 2 GiB, and its WAL and snapshots come on top; many
    clouds give more IOPS to a larger one). 0: etcd shares the root disk, which is right where that is a local NVMe and
    volumes are not."""


class OpenstackPool(PoolSettings, OpenstackSize):
    """Instances that run workloads, alike but for their number."""

    def members(self) -> Iterator[OpenstackWorker]:
        """Its workers, by number."""
        size = {name: getattr(self, name) for name in OpenstackSize.model_fields}
        for name, address in self.names():
            yield OpenstackWorker(name=name, address=address, labels=self.labels, taints=self.taints, **size)


class OpenstackNodes(AnyNodes):
    """Instances in an OpenStack cloud, made by its API: a network, security groups, a server group, volumes."""

    source: Literal["openstack"] = "openstack"
    """Where nodes come from: openstack."""
    cloud: Literal["nrec", "safespring", "other"] = Field(examples=["safespring"])
    """Whose cloud it is: nrec or safespring, whose zones and networks are known here, or other."""
    zone: Zone = Field(examples=["osl2"])
    """Where instances stand: NREC's region (osl, bgo), Safespring's site (osl2), or for another cloud country, dash,
    place, e.g. no-osl1."""
    region: Name | None = None
    """OpenStack's name of the region that is `zone`, e.g. RegionOne. None: it has the zone's name, as at NREC and
    Safespring."""
    availability_zone: Name | None = None
    """Availability zone within the region, e.g. osl-default-1. None: the cloud's own choice."""
    image: Name = Field(examples=["debian-13"])
    """Image of the root disk, by its name or its id: a plain Debian or Ubuntu with cloud-init, on which `up` installs
    the rest (see artifacts). Its id where any volume is made, since OpenStack knows volumes' images by nothing else;
    another one makes every instance anew."""
    control_plane_flavor: Name | None = None
    """Flavor of control planes that name none, e.g. m1.large; at least 2 vCPUs and 4 GiB."""
    worker_flavor: Name | None = None
    """Flavor of workers that name none, e.g. m1.large."""
    private_cidr: Cidr = "10.2.0.0/24"
    """The instances' network, e.g. 10.2.0.0/24; every node's address lies in it. For a network that is there already,
    the range of its IPv4 subnet."""
    network: Annotated[str, AfterValidator(_network)] = "create"
    """create: a network of the stack's own; or the id of one that is there already."""
    subnet: Uuid | None = None
    """Id of the IPv4 subnet of a network that is there already; needed for a load balancer. None: OpenStack finds it by
    the address."""
    interface: Nic = "ens3"
    """NIC on that network as the image names it, e.g. ens3 (BIOS machines) or enp3s0 (UEFI, as in NREC)."""
    public_network: Name | None = None
    """Name of a public network that each instance gets a second NIC in, e.g. ext-net. None: no second NIC."""
    floating_ip_pool: Name | None = None
    """Name of the external network that each instance gets a floating IP from, e.g. public. None: no floating IPs.
    With neither, instances are reached at their own addresses: in a public network, over a VPN, or from a machine
    beside them."""
    external_network: Uuid | None = None
    """Id of that external network; the router of a network made here leads to it."""
    root_volume_type: Name | None = None
    """Volume type of root volumes, e.g. fast. None: the cloud's default."""
    etcd_volume_type: Name | None = None
    """Volume type of etcd's volumes, e.g. mass-storage-ssd: a fast one. None: the cloud's default, which the disk gate
    may refuse."""
    etcd_device: DiskName = "/dev/vdb"
    """etcd's volume as the image names it, e.g. /dev/vdb, or /dev/sdb for images with hw_disk_bus=scsi."""
    ssh_key_file: Line = "~/.ssh/id_ed25519"
    """Private key to enter instances as root, mode 0600 and without a passphrase, e.g. ~/.ssh/fjordkube; a relative
    path starts in the checkout. Instances have the key that they were made with: another is no change of a living
    one."""
    anti_affinity: Literal["strict", "preferred", "none"] = "strict"
    """Whether control planes stand on different hosts: strict (an instance without a host of its own is not made),
    preferred (Safespring advises against it, since it fails silently), or none."""
    octavia: Flag = False
    """Whether OpenStack's load balancer (Octavia) stands in front of API and ingress."""
    protect: Flag = False
    """Whether Pulumi refuses to delete instances; the policy pack asks for it in production."""
    control_planes: list[Annotated[OpenstackControlPlane, NamedByText]] = Field(
        min_length=1, default_factory=lambda: [OpenstackControlPlane(name="cp1")]
    )
    """Control-plane nodes, names or mappings, e.g. [cp1, cp2, cp3]; an odd number, because etcd votes."""
    workers: list[Annotated[OpenstackWorker, NamedByText]] = Field(
        min_length=1, default_factory=lambda: [OpenstackWorker(name="w1"), OpenstackWorker(name="w2")]
    )
    """Worker nodes, names or mappings, e.g. [w1, {name: w2, flavor: m1.xlarge}]; at least one."""
    pools: list[OpenstackPool] = Field(default_factory=list)
    """Workers that are alike, e.g. [{name: web, count: 3, flavor: m1.xlarge}] for web1, web2 and web3."""

    @property
    def routed(self) -> bool:
        """Whether the cloud routes each instance by itself, so that nodes are nobody's neighbours."""
        return self.cloud in CLOUDS and CLOUDS[self.cloud].routed

    @property
    def region_name(self) -> str:
        """The region as OpenStack names it."""
        return self.region or self.zone

    def flavor_of(self, node: OpenstackNode) -> str:
        """The node's flavor, its own or its role's; a loaded stack's nodes all have one."""
        return node.flavor or str(self.control_plane_flavor if node.role == "control-plane" else self.worker_flavor)

    @property
    def has_volumes(self) -> bool:
        """Whether any node has a volume, for its root disk or for etcd."""
        nodes = [node for _, node in self._instances()]
        return any(node.root_volume_gib or getattr(node, "etcd_volume_gib", 0) for node in nodes)

    def _instances(self) -> Iterator[tuple[Place, OpenstackNode]]:
        for place, node in self.placed():
            assert isinstance(node, OpenstackNode)
            yield place, node

    def contradictions(self) -> Iterator[Finding]:
        """See AnyNodes."""
        yield from self._flavors_are_named()
        yield from self._volumes_have_an_image_and_types_a_volume()
        yield from self._ports_are_told_apart()
        yield from self._clients_find_one_way_in()
        yield from self._addresses_are_free()
        yield from self._routed_clouds_have_no_networks_to_make()
        if self.octavia and self.network != "create" and not self.subnet and not self.routed:
            fix = "add the id of the network's IPv4 subnet, where the load balancer gets its address"
            yield (("subnet",), ("octavia",), ("network",)), "is missing, and nodes.octavia needs it", fix

    def _flavors_are_named(self) -> Iterator[Finding]:
        for role, field in (("control-plane", "control_plane_flavor"), ("worker", "worker_flavor")):
            bare = [(place, node) for place, node in self._instances() if node.role == role and not node.flavor]
            if bare and not getattr(self, field):
                fix = "add one of the cloud's, e.g. m1.large (openstack flavor list names them)"
                read: tuple[Place, ...] = ((field,), *((*place, "flavor") for place, _ in bare))
                yield read, f"is missing, and {bare[0][1].name} names no flavor of its own", fix

    def _volumes_have_an_image_and_types_a_volume(self) -> Iterator[Finding]:
        if self.has_volumes and not is_id(self.image):
            fix = "write its id (openstack image show -f value -c id NAME), or make no volumes (etcd_volume_gib: 0)"
            read: tuple[Place, ...] = (("image",), ("control_planes",), ("workers",), ("pools",))
            yield read, "is a name, and instances with volumes take their image by its id alone", fix
        nodes = [node for _, node in self._instances()]
        if self.root_volume_type and not any(node.root_volume_gib for node in nodes):
            fix = "remove it, or give nodes a root_volume_gib, e.g. 30"
            yield (("root_volume_type",),), "is given, and no node has a root volume", fix
        if self.etcd_volume_type and not any(getattr(node, "etcd_volume_gib", 0) for node in nodes):
            fix = "remove it, or give control planes an etcd_volume_gib, e.g. 10"
            yield (("etcd_volume_type",), ("control_planes",)), "is given, and no control plane has a volume", fix

    def _ports_are_told_apart(self) -> Iterator[Finding]:
        seen: dict[str, tuple[Place, str]] = {}
        for place, node in self._instances():
            if not node.port:
                continue
            field: Place = (*place, "port")
            if node.port in seen:
                other, name = seen[node.port]
                yield (field, (*other, "port")), f"is also the port of {name}", "give each node its own"
            elif self.network == "create":
                fix = "remove it (one is made), or name the port's network in nodes.network"
                yield (field, ("network",)), "is given, and a network that is made now has no ports yet", fix
            elif not node.address:
                fix = "write the port's address (openstack port show -f value -c fixed_ips ID)"
                yield ((*place, "address"), field), "is missing, and a port has an address of its own", fix
            seen.setdefault(node.port, (place, node.name))

    def _clients_find_one_way_in(self) -> Iterator[Finding]:
        if self.public_network and self.floating_ip_pool:
            state = "is given beside nodes.public_network, and a node has one public address"
            yield (("floating_ip_pool",), ("public_network",)), state, "remove one of them"
        if self.routed:
            return
        if self.network == "create" and not self.public_network and not self.floating_ip_pool:
            state = "is create without a way in: neither nodes.floating_ip_pool nor nodes.public_network is given"
            fix = "add one of them, or name a network that you reach, by its id"
            yield (("network",), ("floating_ip_pool",), ("public_network",)), state, fix
        if self.network == "create" and self.floating_ip_pool and not self.external_network:
            fix = f"add its id (openstack network show -f value -c id {shown(self.floating_ip_pool)})"
            state = "is missing, and the router of the network that is made leads there"
            yield (("external_network",), ("floating_ip_pool",), ("network",)), state, fix
        if self.external_network and (self.network != "create" or not self.floating_ip_pool):
            state = "is given, and no router is made: that is done for floating IPs in a network that is made here"
            read: tuple[Place, ...] = (("external_network",), ("floating_ip_pool",), ("network",))
            yield read, state, "remove it, or set nodes.network: create and nodes.floating_ip_pool"

    def _addresses_are_free(self) -> Iterator[Finding]:
        if self.network != "create":
            return
        network, (first, last) = IPv4Network(self.private_cidr), spare(self.private_cidr)
        for place, node in self._instances():
            address = self.address_of(node)
            if address is None or network.num_addresses < 4:
                continue
            field: Place = (*place, "first_address" if place[0] == "pools" else "address")
            where = f"{address}" if node.address else f"{address} (derived from the name {node.name})"
            if address == str(network[1]):
                yield (field, ("private_cidr",)), f"{where} is the gateway's in nodes.private_cidr", "use another"
            elif first <= IPv4Address(address) <= last:
                state = f"{where} lies in {first} to {last}, which OpenStack hands out by itself (DHCP, router)"
                yield (field, ("private_cidr",)), state, "use one before them, or a larger range"

    def _routed_clouds_have_no_networks_to_make(self) -> Iterator[Finding]:
        if not self.routed:
            return
        name = CLOUDS[self.cloud].title
        if self.network == "create":
            fix = "name one of the cloud's networks by its id (openstack network list)"
            yield (("network",), ("cloud",)), f"is create, and projects at {name} make no networks", fix
        absent = {
            "public_network": f"is given, and an instance at {name} works with one NIC alone",
            "floating_ip_pool": f"is given, and {name} has no floating IPs",
            "external_network": f"is given, and projects at {name} make no routers",
            "octavia": f"is true, and {name} has no load balancer as a service",
        }
        for field, state in absent.items():
            if getattr(self, field):
                fix = "remove it; a node's address in nodes.network is its public one where that network is public"
                yield ((field,), ("cloud",)), state, fix
        shared = f"in a network that all of {name} shares, no project chooses addresses"
        for place, node in self._instances():
            if place[0] != "pools" and not node.port and self.network != "create":
                fix = f"add the id of one that was made by: openstack port create --network ... {node.name}"
                yield ((*place, "port"), ("network",), ("cloud",)), f"is missing, and {shared}", fix
        for index, pool in enumerate(self.pools):
            if pool.count:
                state = f"is {pool.count}, and {shared}: each node needs a port that was made before"
                fix = "list the pool's nodes under workers, each with its port and address"
                yield (("pools", index, "count"), ("cloud",)), state, fix
