"""UpCloud's managed load balancer in front of API and ingress, where the settings ask for it.

Owns its frontends, backends and members. Leaves names to whoever has the DNS zone: point them at `address`.

It passes TCP on and ends no TLS. Behind it, nginx sees the load balancer's private address and not the client's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_upcloud as upcloud

from fjordkube.node import Node
from fjordkube.nodes.cloud import USES, once_made

if TYPE_CHECKING:
    from fjordkube.settings.nodes.upcloud import UpcloudNodes

SESSIONS: Final = 50000
"""Connections to one node at a time; more wait. UpCloud's own example has 1000, too few for a front door."""


@dataclass(frozen=True)
class UpcloudLoadBalancerArgs:
    """What the load balancer is made from."""

    settings: UpcloudNodes
    stack: str
    network: pulumi.Input[str]
    """Id of the nodes' private network, by which it reaches them."""
    ports: Mapping[str, int]
    """Port of a node by use, and of the load balancer alike."""
    nodes: Sequence[Node]


class UpcloudLoadBalancer(pulumi.ComponentResource):
    """One load balancer: a frontend and a backend for each use, a member for each node and use."""

    address: pulumi.Output[str]
    """DNS name of its public side."""

    def __init__(self, name: str, args: UpcloudLoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:nodes:UpcloudLoadBalancer", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self._balancer = upcloud.Loadbalancer(
            f"{name}-balancer",
            name=f"{args.stack}-front",
            plan=args.settings.load_balancer_plan,
            zone=args.settings.zone,
            networks=[
                upcloud.LoadbalancerNetworkArgs(name="public", type="public", family="IPv4"),
                upcloud.LoadbalancerNetworkArgs(name="nodes", type="private", family="IPv4", network=args.network),
            ],
            labels={"fjordkube-stack": args.stack},
            opts=child,
        )
        for use in USES:
            self._use(f"{name}-{use}", use, args, child)
        self.address = once_made(self._balancer, self._balancer.networks.apply(_public_name))
        self.register_outputs({"address": self.address})

    def _use(self, name: str, use: str, args: UpcloudLoadBalancerArgs, child: pulumi.ResourceOptions) -> None:
        backend = upcloud.LoadbalancerBackend(f"{name}-backend", loadbalancer=self._balancer.id, name=use, opts=child)
        upcloud.LoadbalancerFrontend(
            f"{name}-frontend",
            loadbalancer=self._balancer.id,
            name=use,
            mode="tcp",
            port=args.ports[use],
            # by the resource and not by the word, so that it comes after its backend
            default_backend_name=backend.name,
            networks=[upcloud.LoadbalancerFrontendNetworkArgs(name="public")],
            opts=child,
        )
        for node in args.nodes:
            if node.role == USES[use]:
                upcloud.LoadbalancerStaticBackendMember(
                    f"{name}-{node.name}",
                    backend=backend.id,
                    name=node.name,
                    ip=node.address,
                    port=args.ports[use],
                    weight=100,
                    max_sessions=SESSIONS,
                    opts=child,
                )


def _public_name(sides: Sequence[Any] | None) -> str:
    return next((str(side.dns_name or "") for side in sides or [] if side.type == "public"), "")
