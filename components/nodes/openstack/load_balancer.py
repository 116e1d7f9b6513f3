"""OpenStack's load balancer (Octavia) in front of API and ingress, where the settings ask for it.

Owns listeners, pools, members and checks. Leaves names to whoever has the DNS zone: point them at `address`.

It passes TCP on and ends no TLS. Behind it, nginx sees the load balancer's address and not the client's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_openstack as openstack

from fjordkube.node import Node
from fjordkube.nodes.cloud import USES

if TYPE_CHECKING:
    from fjordkube.firewall import FirewallPolicy
    from fjordkube.settings.nodes.openstack import OpenstackNodes

CHECK_SECONDS: Final = 5
"""Between two looks at a member, and how long one may take; three that fail take it out (Octavia's own examples)."""


@dataclass(frozen=True)
class OpenstackLoadBalancerArgs:
    """What the load balancer is made from."""

    settings: OpenstackNodes
    firewall: FirewallPolicy
    """Who may reach the API, and who the ingress."""
    stack: str
    subnet: pulumi.Input[str]
    """Id of the subnet that it has its address in, and reaches nodes by."""
    route: pulumi.Resource | None
    """What its floating IP needs before it can lead here; None: nothing of this stack."""
    ports: Mapping[str, int]
    """Port of a node by use, and of the load balancer alike."""
    nodes: Sequence[Node]


class OpenstackLoadBalancer(pulumi.ComponentResource):
    """One load balancer: a listener, a pool, its members and a check for each use."""

    address: pulumi.Output[str]
    """Where clients reach it: its floating IP, or else its address among the nodes."""

    def __init__(self, name: str, args: OpenstackLoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:nodes:OpenstackLoadBalancer", name, None, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._balancer = openstack.loadbalancer.LoadBalancer(
            f"{name}-balancer",
            name=f"{args.stack}-front",
            region=args.settings.region_name,
            vip_subnet_id=args.subnet,
            tags=["fjordkube", f"fjordkube-stack={args.stack}"],
            opts=self._child,
        )
        for use in USES:
            self._use(f"{name}-{use}", use)
        self.address = self._balancer.vip_address
        if args.settings.floating_ip_pool:
            self.address = openstack.networking.FloatingIp(
                f"{name}-ip",
                pool=args.settings.floating_ip_pool,
                region=args.settings.region_name,
                port_id=self._balancer.vip_port_id,
                description=f"fjordkube: load balancer of stack {args.stack}",
                opts=pulumi.ResourceOptions(parent=self, depends_on=[args.route] if args.route else None),
            ).address
        self.register_outputs({"address": self.address})

    def _use(self, name: str, use: str) -> None:
        args, region = self._args, self._args.settings.region_name
        clients = args.firewall.admin_cidrs if use == "api" else args.firewall.ingress_from
        listener = openstack.loadbalancer.Listener(
            f"{name}-listener",
            name=f"{args.stack}-{use}",
            region=region,
            loadbalancer_id=self._balancer.id,
            protocol="TCP",
            protocol_port=args.ports[use],
            allowed_cidrs=list(clients),
            opts=self._child,
        )
        pool = openstack.loadbalancer.Pool(
            f"{name}-pool",
            name=f"{args.stack}-{use}",
            region=region,
            listener_id=listener.id,
            protocol="TCP",
            lb_method="LEAST_CONNECTIONS",
            opts=self._child,
        )
        # All in one resource: a node more is no resource more.
        openstack.loadbalancer.Members(
            f"{name}-members",
            region=region,
            pool_id=pool.id,
            members=[
                openstack.loadbalancer.MembersMemberArgs(
                    name=node.name, address=node.address, protocol_port=args.ports[use], subnet_id=args.subnet
                )
                for node in args.nodes
                if node.role == USES[use]
            ],
            opts=self._child,
        )
        openstack.loadbalancer.Monitor(
            f"{name}-check",
            region=region,
            pool_id=pool.id,
            type="TCP",
            delay=CHECK_SECONDS,
            timeout=CHECK_SECONDS,
            max_retries=3,
            opts=self._child,
        )
