"""The stack's servers at UpCloud and what surrounds them: private network, server group, load balancer.

Owns what the servers share. Leaves one server to machine.py, the rules of its firewall to `components/firewall/`.
Nothing is asked of UpCloud while planning: no data source, so that a preview needs no answer from it.
"""

from __future__ import annotations

from typing import Final

import pulumi
import pulumi_upcloud as upcloud

from fjordkube.firewall.upcloud import firewall_rules
from fjordkube.node import Node
from fjordkube.nodes.cloud import SeededMachinesArgs
from fjordkube.nodes.upcloud.load_balancer import UpcloudLoadBalancer, UpcloudLoadBalancerArgs
from fjordkube.nodes.upcloud.machine import UpcloudMachine, UpcloudMachineArgs
from fjordkube.settings import NodeSettings
from fjordkube.settings.nodes.upcloud import UpcloudNode, UpcloudNodes

POLICIES: Final = {"strict": "strict", "preferred": "yes", "none": "no"}
"""UpCloud's words for `anti_affinity`."""


UpcloudMachinesArgs = SeededMachinesArgs[UpcloudNodes]
"""What all servers of a stack are made from."""


class UpcloudMachines(pulumi.ComponentResource):
    """All servers of a stack; `nodes` is what the rest of the program needs."""

    nodes: list[Node]
    load_balancer: pulumi.Output[str] | None = None
    """Name at which the load balancer is reached; None where there is none."""

    def __init__(self, name: str, args: UpcloudMachinesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:nodes:UpcloudMachines", name, None, opts)
        settings, child = args.settings, pulumi.ResourceOptions(parent=self)
        labels = {"fjordkube-stack": args.stack}

        # 1. What the servers share.
        network = upcloud.Network(
            f"{name}-network",
            name=f"{args.stack}-nodes",
            zone=settings.zone,
            ip_network=upcloud.NetworkIpNetworkArgs(
                address=settings.private_cidr, family="IPv4", dhcp=True, dhcp_default_route=False
            ),
            labels=labels,
            opts=child,
        )
        group = upcloud.ServerGroup(
            f"{name}-control-planes",
            title=f"{args.stack}-control-planes",
            anti_affinity_policy=POLICIES[settings.anti_affinity],
            # Servers name the group; it would else be updated whenever one of them is.
            track_members=False,
            labels=labels,
            opts=child,
        )

        # 2. The servers, all at once.
        machines = [self._machine(name, args, node, network, group) for node in settings.all_nodes]
        self.nodes = [machine.node for machine in machines]

        # 3. What stands in front of them, where that is asked for.
        if settings.load_balancer:
            front = UpcloudLoadBalancer(
                f"{name}-front",
                UpcloudLoadBalancerArgs(settings, args.stack, network.id, args.ports, self.nodes),
                child,
            )
            self.load_balancer = front.address
        self.register_outputs(
            {"addresses": {node.name: node.address for node in self.nodes}, "load_balancer": self.load_balancer}
        )

    def _machine(
        self,
        name: str,
        args: UpcloudMachinesArgs,
        node: NodeSettings,
        network: upcloud.Network,
        group: upcloud.ServerGroup,
    ) -> UpcloudMachine:
        assert isinstance(node, UpcloudNode)
        made_from = UpcloudMachineArgs(
            node,
            args,
            network=network.id,
            server_group=group.id if node.role == "control-plane" else None,
            firewall_rules=firewall_rules(args.firewall, node.role),
        )
        return UpcloudMachine(f"{name}-{node.name}", made_from, self)
