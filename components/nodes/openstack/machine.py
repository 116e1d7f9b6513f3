"""One instance in an OpenStack cloud: its port, disks and floating IP, and the `Node` that it becomes.

Owns what one instance is made of and what makes it anew. Leaves what surrounds the instances to machines.py. Not a
component of its own: a control plane with a floating IP would have nine resources with it, and eight are promised.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any, Final

import pulumi
import pulumi_openstack as openstack

from fjordkube.node import Node
from fjordkube.nodes import cloud, host_keys
from fjordkube.nodes.openstack.security import tags
from fjordkube.providers.openstack import CLOUDS
from fjordkube.settings.nodes.openstack import OpenstackNode, OpenstackNodes, is_id

BORN_WITH: Final = ["userData", "keyPair"]
"""Inputs that count at an instance's first boot alone, and for whose change the provider makes it anew. A rewritten
user data or another login key must not cost a living node, so changes of both are ignored."""


@dataclass(frozen=True)
class OpenstackMachineArgs(cloud.MachineArgs[OpenstackNodes, OpenstackNode]):
    """What one instance is made from."""

    network: pulumi.Input[str]
    """Id of the instances' network."""
    subnet: pulumi.Input[str] | None
    """Id of its IPv4 subnet; None: OpenStack finds it by the address."""
    passed: Sequence[str]
    """Ranges whose addresses the instance may send and receive beside its own: pods and Services. Without them
    OpenStack drops pods' packets in silence, while BGP is established (kubespray#2877)."""
    security_group: openstack.networking.SecGroup
    server_group: pulumi.Input[str] | None
    """Id of the group whose members stand on different hosts; None: it has no such group."""
    key_pair: pulumi.Input[str]
    """Name of the key pair."""
    route: pulumi.Resource | None
    """What a floating IP needs before it can lead here; None: nothing of this stack."""

    @property
    def etcd_volume_gib(self) -> int:
        """0: it has none."""
        return int(getattr(self.node, "etcd_volume_gib", 0))

    @property
    def identity(self) -> str:
        """What makes the instance anew when it changes, in one line: OpenStack's disks and places are for life."""
        settings, node = self.settings, self.node
        facts = {
            "address": f"{self.address}/{IPv4Network(settings.private_cidr).prefixlen}",
            "availability_zone": settings.availability_zone,
            "etcd": [self.etcd_volume_gib, settings.etcd_volume_type] if self.etcd_volume_gib else None,
            "image": settings.image,
            "network": settings.network,
            "port": node.port,
            "public_network": settings.public_network,
            "region": settings.region_name,
            "root": [node.root_volume_gib, settings.root_volume_type] if node.root_volume_gib else None,
        }
        return json.dumps({name: fact for name, fact in facts.items() if fact is not None}, sort_keys=True)


class OpenstackMachine:
    """`<name>` is the instance, `<name>-port` its port or the port's groups, `<name>-ip` its floating IP."""

    instance: openstack.compute.Instance
    node: Node

    def __init__(self, name: str, args: OpenstackMachineArgs, parent: pulumi.Resource) -> None:
        self._name, self._args, self._parent = name, args, parent

        # 1. The port: the address, and what may pass it.
        self._port, self._port_made = self._its_port()

        # 2. The instance with its disks; its user data carries the host key.
        disk = args.settings.etcd_device if args.etcd_volume_gib else None
        self.instance = self._instance(args.user_data(disk))

        # 3. Where it is reached.
        self.node = self._node(self._public_address())

    def _its_port(self) -> tuple[pulumi.Input[str], pulumi.Resource]:
        args, child = self._args, pulumi.ResourceOptions(parent=self._parent)
        if args.node.port:
            groups = openstack.networking.PortSecGroupAssociate(
                f"{self._name}-port",
                port_id=args.node.port,
                region=args.settings.region_name,
                security_group_ids=[args.security_group.id],
                # These groups alone: the project's default group would let in what the table does not.
                enforce=True,
                opts=child,
            )
            return args.node.port, groups
        port = openstack.networking.Port(
            f"{self._name}-port",
            name=args.title,
            region=args.settings.region_name,
            network_id=args.network,
            admin_state_up=True,
            fixed_ips=[openstack.networking.PortFixedIpArgs(subnet_id=args.subnet, ip_address=args.address)],
            port_security_enabled=True,
            security_group_ids=[args.security_group.id],
            allowed_address_pairs=[
                openstack.networking.PortAllowedAddressPairArgs(ip_address=cidr) for cidr in args.passed
            ],
            tags=tags(args.shared.stack),
            opts=child,
        )
        return port.id, port

    def _disks(self) -> list[openstack.compute.InstanceBlockDeviceArgs]:
        """Volumes that are made with the instance and go with it; none: the flavor's own disk alone."""
        args, node = self._args, self._args.node
        settings = args.settings
        if not node.root_volume_gib and not args.etcd_volume_gib:
            return []
        root = openstack.compute.InstanceBlockDeviceArgs(
            source_type="image",
            uuid=settings.image,
            boot_index=0,
            delete_on_termination=True,
            destination_type="volume" if node.root_volume_gib else "local",
            volume_size=node.root_volume_gib,
            volume_type=settings.root_volume_type if node.root_volume_gib else None,
        )
        if not args.etcd_volume_gib:
            return [root]
        etcd = openstack.compute.InstanceBlockDeviceArgs(
            source_type="blank",
            boot_index=-1,
            delete_on_termination=True,
            destination_type="volume",
            volume_size=args.etcd_volume_gib,
            volume_type=settings.etcd_volume_type,
        )
        return [root, etcd]

    def _instance(self, user_data: pulumi.Output[str]) -> openstack.compute.Instance:
        args = self._args
        settings, disks = args.settings, self._disks()
        more: dict[str, Any] = {}
        if disks:
            more["block_devices"] = disks
        elif is_id(settings.image):
            more["image_id"] = settings.image
        else:
            more["image_name"] = settings.image
        if args.server_group is not None:
            more["scheduler_hints"] = [openstack.compute.InstanceSchedulerHintArgs(group=args.server_group)]
        nics = [openstack.compute.InstanceNetworkArgs(port=self._port)]
        if settings.public_network:
            nics.append(openstack.compute.InstanceNetworkArgs(name=settings.public_network))
            # The group of a NIC without a port of ours is named at the instance.
            more["security_groups"] = [args.security_group.name]
        return openstack.compute.Instance(
            self._name,
            name=args.node.name,
            region=settings.region_name,
            availability_zone=settings.availability_zone,
            flavor_name=settings.flavor_of(args.node),
            networks=nics,
            key_pair=args.key_pair,
            user_data=user_data,
            # Read without a network, and without the metadata service's limit of 16 kB.
            config_drive=True,
            metadata=args.labels,
            **more,
            opts=pulumi.ResourceOptions(
                parent=self._parent,
                protect=settings.protect,
                ignore_changes=BORN_WITH,
                replacement_trigger=args.identity,
                # The new instance has the old one's port.
                delete_before_replace=True,
                depends_on=[self._port_made],
            ),
        )

    def _public_address(self) -> pulumi.Input[str]:
        args, node = self._args, self._args.node
        if args.settings.floating_ip_pool:
            floating = openstack.networking.FloatingIp(
                f"{self._name}-ip",
                pool=args.settings.floating_ip_pool,
                region=args.settings.region_name,
                port_id=self._port,
                description=f"fjordkube: {node.name} of stack {args.shared.stack}",
                opts=pulumi.ResourceOptions(parent=self._parent, depends_on=[args.route] if args.route else None),
            )
            return floating.address
        if args.settings.public_network:
            found = self.instance.networks.apply(lambda nics: public_address(node.name, nics))
            return cloud.once_made(self.instance, found)
        return args.address

    def _node(self, public: pulumi.Input[str]) -> Node:
        args, instance = self._args, self.instance
        # With the id: only an instance that is made stands somewhere.
        zone = pulumi.Output.all(instance.id, instance.region, instance.availability_zone).apply(
            lambda found: returned_zone(args.settings, found[1], found[2])
        )
        return cloud.node_of(
            args.node,
            args.shared,
            public_address=public,
            host_key=host_keys.public(args.host_key),
            # An instance that was restarted is the same one: nobody tells the engine of it.
            up=instance.id.apply(str),
            identity=args.identity,
            machine=instance,
            zone=zone,
            etcd_device=cloud.ETCD_DEVICE if args.etcd_volume_gib else None,
        )


def returned_zone(settings: OpenstackNodes, region: str | None, availability_zone: str | None) -> str:
    """Where an instance stands, as the cloud answered: its availability zone where that names one of the cloud's zones
    (NREC: bgo-default-1), else the region whose API has made it; empty where it said neither."""
    for zone in CLOUDS[settings.cloud].zones if settings.cloud in CLOUDS else ():
        if availability_zone and (availability_zone == zone or availability_zone.startswith(f"{zone}-")):
            return zone
    return settings.zone if region == settings.region_name else region or ""


def public_address(name: str, networks: Sequence[Any] | None) -> str:
    """The address of the second NIC, as OpenStack returned it; MachineError where there is none."""
    found = (nic.fixed_ip_v4 for nic in list(networks or [])[1:])
    problem = "OpenStack returned no IPv4 address in nodes.public_network; look at the instance's networks"
    return cloud.returned(found, f"nodes[{name}]: {problem}")
