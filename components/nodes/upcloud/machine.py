"""One server at UpCloud: its disks, NICs and firewall, and the `Node` that it becomes.

Owns what one server is made of and what makes it anew. Leaves what surrounds the servers to machines.py. Not a
component of its own: a control plane with a disk for etcd would have nine resources with it, and eight are promised.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any, Final

import pulumi
import pulumi_upcloud as upcloud

from fjordkube.node import Node
from fjordkube.nodes import cloud, host_keys
from fjordkube.settings.nodes.upcloud import UpcloudNode, UpcloudNodes

ETCD_DISK: Final = "/dev/vdb"
"""The second disk on the virtio bus, as the guest names it: position 1 is asked for below."""

BORN_WITH: Final = ["userData", "login"]
"""Inputs that count at a server's first boot alone, and for whose change UpCloud's provider makes the server anew
(terraform-provider-upcloud, internal/service/server: RequiresReplace). A rewritten user data or another login key must
not cost a living node, so changes of both are ignored, also when something else makes the server anew."""


@dataclass(frozen=True)
class UpcloudMachineArgs(cloud.MachineArgs[UpcloudNodes, UpcloudNode]):
    """What one server is made from."""

    network: pulumi.Input[str]
    """Id of the private network."""
    server_group: pulumi.Input[str] | None
    """Id of the group whose members stand on different hosts; None: it has no such group."""
    firewall_rules: Sequence[Mapping[str, str]]
    """See components.firewall.upcloud."""

    @property
    def identity(self) -> str:
        """What makes the server anew when it changes, in one line."""
        settings = self.settings
        facts = {
            "address": f"{self.address}/{IPv4Network(settings.private_cidr).prefixlen}",
            "encrypt": settings.encrypt,
            "template": settings.template,
            "tier": settings.storage_tier,
            "zone": settings.zone,
        }
        return json.dumps(facts, sort_keys=True)


class UpcloudMachine:
    """`<name>` is the server, `<name>-etcd` etcd's disk on a control plane, `<name>-firewall` the server's rules."""

    server: upcloud.Server
    node: Node

    def __init__(self, name: str, args: UpcloudMachineArgs, parent: pulumi.Resource) -> None:
        self._name, self._args, self._parent = name, args, parent

        # 1. Etcd's disk, which the server is started with.
        disk = self._etcd_disk()

        # 2. The server; its user data carries the host key.
        self.server = self._server(disk, args.user_data(ETCD_DISK if disk else None))

        # 3. Its firewall, which is the server's own part and goes with it.
        upcloud.ServerFirewallRules(
            f"{name}-firewall",
            server_id=self.server.id,
            firewall_rules=[upcloud.ServerFirewallRulesFirewallRuleArgs(**rule) for rule in args.firewall_rules],
            opts=pulumi.ResourceOptions(parent=parent, deleted_with=self.server),
        )
        self.node = self._node(disk is not None)

    def _etcd_disk(self) -> upcloud.Storage | None:
        args = self._args
        size = getattr(args.node, "etcd_disk_gib", None)
        if not size:
            return None
        return upcloud.Storage(
            f"{self._name}-etcd",
            title=f"{args.title}-etcd",
            zone=args.settings.zone,
            size=size,
            tier=args.settings.storage_tier,
            encrypt=args.settings.encrypt,
            labels=args.labels,
            # A machine made anew is a new member: it finds no data of the one that was before it.
            opts=pulumi.ResourceOptions(
                parent=self._parent, protect=args.settings.protect, replacement_trigger=args.identity
            ),
        )

    def _server(self, disk: upcloud.Storage | None, user_data: pulumi.Output[str]) -> upcloud.Server:
        args = self._args
        settings, node = args.settings, args.node
        root = upcloud.ServerTemplateArgs(
            storage=settings.template,
            title=f"{args.title}-root",
            size=node.root_disk_gib,
            tier=settings.storage_tier,
            encrypt=settings.encrypt,
            address="virtio",
            address_position="0",
        )
        more: dict[str, Any] = {}
        if disk:
            second = upcloud.ServerStorageDeviceArgs(
                storage=disk.id, type="disk", address="virtio", address_position="1"
            )
            more["storage_devices"] = [second]
        if args.server_group is not None:
            more["server_group"] = args.server_group
        return upcloud.Server(
            self._name,
            hostname=node.name,
            title=args.title,
            zone=settings.zone,
            plan=settings.plan_of(node),
            template=root,
            network_interfaces=[
                upcloud.ServerNetworkInterfaceArgs(type="public", index=1, ip_address_family="IPv4"),
                upcloud.ServerNetworkInterfaceArgs(
                    type="private",
                    index=2,
                    network=args.network,
                    ip_address_family="IPv4",
                    ip_address=args.address,
                    # Pods send with addresses of their own: filtered, BGP is established and no packet arrives.
                    source_ip_filtering=False,
                ),
            ],
            # The image's cloud-init asks the metadata service for its user data.
            metadata=True,
            user_data=user_data,
            login=upcloud.ServerLoginArgs(user="root", keys=[args.shared.login_key.public], create_password=False),
            firewall=True,
            labels=args.labels,
            **more,
            opts=pulumi.ResourceOptions(
                parent=self._parent,
                protect=settings.protect,
                ignore_changes=BORN_WITH,
                replacement_trigger=args.identity,
                # The new server has the old one's address.
                delete_before_replace=True,
            ),
        )

    def _node(self, has_etcd_disk: bool) -> Node:
        args, server = self._args, self.server
        public = server.network_interfaces.apply(lambda interfaces: public_address(args.node.name, interfaces))
        return cloud.node_of(
            args.node,
            args.shared,
            public_address=cloud.once_made(server, public),
            host_key=host_keys.public(args.host_key),
            # A server that was restarted is the same one: nobody tells the engine of it.
            up=server.id.apply(str),
            identity=args.identity,
            machine=server,
            zone=server.zone,
            etcd_device=cloud.ETCD_DEVICE if has_etcd_disk else None,
        )


def public_address(name: str, interfaces: Sequence[Any] | None) -> str:
    """The address of the public NIC, as UpCloud returned it; MachineError where there is none."""
    found = (interface.ip_address for interface in interfaces or [] if interface.type == "public")
    problem = "UpCloud returned no public address; look at the server's network interfaces"
    return cloud.returned(found, f"nodes[{name}]: {problem}")
