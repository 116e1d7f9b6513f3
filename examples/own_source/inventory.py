"""A source of one's own: machines from an inventory in the stack's configuration, as a component that gives nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from fjordkube.node import Node
from fjordkube.remote import connection


@dataclass(frozen=True)
class InventoryArgs:
    """What `Inventory` is made from."""

    machines: Sequence[Mapping[str, Any]]
    """One mapping a machine: name, role, address, public, host_key, zone."""
    key: pulumi.Input[str]
    """Secret. The private key that enters all of them as root."""
    prefix_length: int = 24
    """Of the private network, e.g. 24."""
    interface: str = "eth1"
    """NIC on it."""


class Inventory(pulumi.ComponentResource):
    """Machines that somebody keeps a list of; `nodes` is what `KubernetesCluster` takes."""

    nodes: list[Node]

    def __init__(self, name: str, args: InventoryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("example:nodes:Inventory", name, None, opts)
        self.nodes = [self._node(machine, args) for machine in args.machines]
        self.register_outputs({"addresses": {node.name: node.address for node in self.nodes}})

    def _node(self, machine: Mapping[str, Any], args: InventoryArgs) -> Node:
        plane = machine["role"] == "control-plane"
        return Node(
            name=machine["name"],
            role=machine["role"],
            address=machine["address"],
            prefix_length=args.prefix_length,
            interface=args.interface,
            public_address=machine["public"],
            ports={"ssh": 22, "api": 6443} if plane else {"ssh": 22, "http": 80, "https": 443},
            connection=connection(machine["public"], 22, args.key, machine["host_key"]),
            # another host key is another machine of that name
            up=pulumi.Output.from_input(machine["host_key"]),
            identity=machine["host_key"],
            zone=machine["zone"],  # judged by the stack's residency before anything reaches it
        )
