"""What every node has, whatever it is made of, and the addresses that follow from names.

Owns the parents of all sources' node classes. Leaves sizes, plans, keys and ports to each source's own file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from fjordkube.providers.catalog import PROVIDERS
from fjordkube.settings.base import Settings
from fjordkube.settings.types import Cidr, IPv4, LabelKey, LabelValue, NodeName, PoolName, Taint

Role = Literal["control-plane", "worker"]

OFFSETS: Final[dict[Role, int]] = {"control-plane": 10, "worker": 100}
"""cp1 has the 11th address of the private network and w1 the 101st, which leaves room for 89 control planes between."""

TRAILING_NUMBER: Final = re.compile(r"([0-9]+)\Z")


class NodeSettings(Settings):
    """One node; its name alone is enough where its source can make it."""

    role: ClassVar[Role] = "worker"
    name: NodeName
    """Host name and Kubernetes node name, e.g. w1. A trailing number gives it an address."""
    address: IPv4 | None = None
    """Address in the private network, e.g. 192.168.77.101. None: from the trailing number n of the name, the (10+n)th
    address for a control plane and the (100+n)th for a worker, whatever other nodes there are."""

    def address_in(self, private_cidr: str) -> str | None:
        """The node's address, given or derived from its name; None when the name has no trailing number."""
        if self.address:
            return self.address
        number = TRAILING_NUMBER.search(self.name)
        # more digits than an IPv4 address has could not fit in any network
        if not number or len(number[1]) > 10:
            return None
        value = int(IPv4Network(private_cidr).network_address) + OFFSETS[self.role] + int(number[1])
        return str(IPv4Address(value)) if value < 2**32 else None


class WorkerSettings(NodeSettings):
    """A node that runs workloads."""

    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Kubernetes labels of the node, e.g. {tier: web}; one that is taken out here is taken off the node."""
    taints: list[Taint] = Field(default_factory=list)
    """Kubernetes taints, e.g. ["dedicated=web:NoSchedule"]; one that is taken out here is taken off the node."""


class PoolSettings(Settings):
    """Workers that are alike, told apart by number: web1, web2 and web3 for a pool web of 3.

    It grows and shrinks at its highest number: with `count` one less, the last of them goes and no other is touched.
    """

    name: PoolName
    """Name before the number, e.g. web."""
    count: Annotated[int, Field(strict=True, ge=0, le=1000)]
    """How many, e.g. 3; 0 keeps the pool's line and takes its nodes away."""
    first_address: IPv4 | None = None
    """Private address of number 1, the others follow, e.g. 192.168.77.121. None: as for a worker of that name, so that
    two pools, or a pool and workers with the same numbers, need one."""
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Kubernetes labels of each of its nodes, e.g. {tier: web}."""
    taints: list[Taint] = Field(default_factory=list)
    """Kubernetes taints of each of its nodes, e.g. ["dedicated=web:NoSchedule"]."""

    def names(self) -> Iterator[tuple[str, str | None]]:
        """Name and given address of each member, in the order of numbers."""
        first = int(IPv4Address(self.first_address)) if self.first_address else None
        for index in range(self.count):
            address = None if first is None or first + index >= 2**32 else str(IPv4Address(first + index))
            yield f"{self.name}{index + 1}", address


class AnyNodes(Settings):
    """The parent of all sources: reading what their fields say."""

    source: str
    """Where nodes come from."""
    private_cidr: Cidr
    """Network between the nodes, e.g. 10.1.0.0/24; every node's address lies in it."""

    @property
    def all_nodes(self) -> Sequence[NodeSettings]:
        """Control planes, then workers, then pools' members by number."""
        return [node for _, node in self.placed()]

    def placed(self) -> Iterator[tuple[tuple[str | int, ...], NodeSettings]]:
        """Every node with its place below `nodes`, e.g. ("workers", 0); a pool's members share the pool's."""
        for kind in ("control_planes", "workers"):
            for index, node in enumerate(getattr(self, kind)):
                yield (kind, index), node
        for index, pool in enumerate(getattr(self, "pools", [])):
            for member in pool.members():
                yield ("pools", index), member

    @property
    def provider(self) -> str:
        """Whose zones these are, e.g. upcloud or safespring; without a table in `components/providers/`, a
        source's zones are codes of country and place."""
        cloud = getattr(self, "cloud", None)
        return str(cloud) if cloud in PROVIDERS else self.source

    def zones(self) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """Every zone that the file names: its place below `nodes`, the provider, the zone; none for local machines."""
        seen = set()
        for place, owner in [((), self), *self.placed()]:
            path = (*place, "zone")
            zone = getattr(owner, "zone", None)
            if zone and path not in seen:
                seen.add(path)
                yield path, self.provider, zone

    def cores(self) -> Iterator[tuple[tuple[str | int, ...], NodeSettings, int]]:
        """Every node whose CPUs the settings say: the field below `nodes` that they follow from, the node, how many.
        A source whose settings say them overrides it."""
        yield from ()

    def contradictions(self) -> Iterator[tuple[tuple[tuple[str | int, ...], ...], str, str]]:
        """What does not hold between fields of this source alone: the fields that were read, each by its place below
        `nodes` and the one to change first; state; fix. A source with such rules overrides it."""
        yield from ()

    @property
    def addresses(self) -> dict[str, str]:
        """Private address by node name, given or derived from the name; nodes without one are left out (a loaded
        stack has none such)."""
        found = {node.name: self.address_of(node) for node in self.all_nodes}
        return {name: address for name, address in found.items() if address}

    def address_of(self, node: NodeSettings) -> str | None:
        """The node's address, given or derived from its name; None when the name has no trailing number."""
        return node.address_in(self.private_cidr)
