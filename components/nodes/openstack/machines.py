"""The stack's instances in an OpenStack cloud and what surrounds them: network, groups, key pair, load balancer.

Owns what the instances share. Leaves one instance to machine.py, the security groups to security.py. Nothing is asked
of OpenStack while planning: no data source, so that a preview needs no answer from it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_openstack as openstack

from fjordkube.node import Node
from fjordkube.nodes.cloud import SeededMachinesArgs
from fjordkube.nodes.openstack.load_balancer import OpenstackLoadBalancer, OpenstackLoadBalancerArgs
from fjordkube.nodes.openstack.machine import OpenstackMachine, OpenstackMachineArgs
from fjordkube.nodes.openstack.security import security_groups, tags
from fjordkube.settings.nodes.openstack import OpenstackNode, OpenstackNodes, spare

POLICIES: Final = {"strict": "anti-affinity", "preferred": "soft-anti-affinity"}
"""OpenStack's words for `anti_affinity`."""


OpenstackMachinesArgs = SeededMachinesArgs[OpenstackNodes]
"""What all instances of a stack are made from."""


@dataclass(frozen=True)
class Surroundings:
    """The network that instances are put into."""

    network: pulumi.Input[str]
    subnet: pulumi.Input[str] | None
    """None: OpenStack finds it by the address."""
    route: pulumi.Resource | None = None
    """What joins it to the world, where that is made here."""


def key_name(stack: str, login_key: str) -> str:
    """Name of the key pair, e.g. fjordkube-production-1f3a90c2.

    With the key's digest: another key is another pair beside the old one. To delete a pair first, which one name would
    need, makes everything anew that was made with it.
    """
    return f"fjordkube-{stack}-{hashlib.sha256(login_key.encode()).hexdigest()[:8]}"


class OpenstackMachines(pulumi.ComponentResource):
    """All instances of a stack; `nodes` is what the rest of the program needs."""

    nodes: list[Node]
    load_balancer: pulumi.Output[str] | None = None
    """Address of the load balancer; None where there is none."""

    def __init__(self, name: str, args: OpenstackMachinesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:nodes:OpenstackMachines", name, None, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        settings = args.settings

        # 1. What the instances share.
        around = self._surroundings()
        groups = security_groups(name, settings, args.firewall, args.stack, self._child)
        apart = self._server_group()
        key = openstack.compute.Keypair(
            f"{name}-key",
            name=args.login_key.public.apply(lambda line: key_name(args.stack, line)),
            public_key=args.login_key.public,
            region=settings.region_name,
            opts=self._child,
        )

        # 2. The instances, all at once.
        self.nodes = []
        for node in settings.all_nodes:
            assert isinstance(node, OpenstackNode)
            made_from = OpenstackMachineArgs(
                node,
                args,
                network=around.network,
                subnet=around.subnet,
                passed=[args.firewall.pod_cidr, args.firewall.service_cidr],
                security_group=groups[node.role],
                server_group=apart.id if apart and node.role == "control-plane" else None,
                key_pair=key.name,
                route=around.route,
            )
            self.nodes.append(OpenstackMachine(f"{name}-{node.name}", made_from, self).node)

        # 3. What stands in front of them, where that is asked for.
        if settings.octavia and around.subnet is not None:
            front = OpenstackLoadBalancerArgs(
                settings, args.firewall, args.stack, around.subnet, around.route, args.ports, self.nodes
            )
            self.load_balancer = OpenstackLoadBalancer(f"{name}-front", front, self._child).address
        self.register_outputs(
            {"addresses": {node.name: node.address for node in self.nodes}, "load_balancer": self.load_balancer}
        )

    def _surroundings(self) -> Surroundings:
        args, name, settings = self._args, self._name, self._args.settings
        if settings.network != "create":
            return Surroundings(settings.network, settings.subnet)
        region, first_last = settings.region_name, spare(settings.private_cidr)
        network = openstack.networking.Network(
            f"{name}-network",
            name=f"{args.stack}-nodes",
            region=region,
            admin_state_up=True,
            # Ports keep their anti-spoofing; what else may pass is said at each port.
            port_security_enabled=True,
            tags=tags(args.stack),
            opts=self._child,
        )
        subnet = openstack.networking.Subnet(
            f"{name}-subnet",
            name=f"{args.stack}-nodes",
            region=region,
            network_id=network.id,
            cidr=settings.private_cidr,
            ip_version=4,
            enable_dhcp=True,
            # With a second, public NIC the way out is there, and two default routes would be one too many.
            no_gateway=True if settings.public_network else None,
            allocation_pools=[
                openstack.networking.SubnetAllocationPoolArgs(start=str(first_last[0]), end=str(first_last[1]))
            ],
            tags=tags(args.stack),
            opts=self._child,
        )
        if not settings.floating_ip_pool:
            return Surroundings(network.id, subnet.id)
        router = openstack.networking.Router(
            f"{name}-router",
            name=f"{args.stack}-nodes",
            region=region,
            admin_state_up=True,
            external_network_id=settings.external_network,
            tags=tags(args.stack),
            opts=self._child,
        )
        joined = openstack.networking.RouterInterface(
            f"{name}-route", region=region, router_id=router.id, subnet_id=subnet.id, opts=self._child
        )
        return Surroundings(network.id, subnet.id, joined)

    def _server_group(self) -> openstack.compute.ServerGroup | None:
        args = self._args
        policy = POLICIES.get(args.settings.anti_affinity)
        if policy is None:
            return None
        return openstack.compute.ServerGroup(
            f"{self._name}-apart",
            name=f"{args.stack}-control-planes",
            region=args.settings.region_name,
            policies=policy,
            opts=self._child,
        )
