"""One control-plane node's membership of the cluster, the same for each: none is the first.

Owns when it becomes a member and leaves. Every one runs the helper's `member`, which asks the node and all others: a
member is left alone, beside a living one it joins, and only where no other has anything of a cluster it starts one.
Leaves the host to `host/`, what the cluster gets once to addons.py, workers to worker.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from fjordkube.bootstrap import steps
from fjordkube.bootstrap.helper_command import HelperCommand
from fjordkube.bootstrap.kubeadm_cluster import KubeadmCluster
from fjordkube.node import Node, reached


@dataclass(frozen=True)
class ControlPlaneArgs:
    """What one control-plane node is made a member from."""

    node: Node
    cluster: KubeadmCluster
    after: Sequence[pulumi.Resource] = ()
    """What must be done before: every control plane's prepared host (Host.prepared: all are asked), the membership of
    the one before it, and, where it is not the first in the settings, joins possible (Addons.joinable)."""
    deleted_with: pulumi.Resource | None = None
    """What ends this membership by its own end: the cluster, where its machines end with it."""


class ControlPlane(pulumi.ComponentResource):
    """A control plane that is a member, with an API that answers."""

    member: pulumi.CustomResource
    """Done when this node's API is ready."""

    def __init__(self, name: str, args: ControlPlaneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:bootstrap:ControlPlane", name, None, opts)
        node, cluster = args.node, args.cluster
        self.member = HelperCommand(
            f"{name}-member",
            "member",
            node=node,
            cluster=cluster,
            script=cluster.public_addresses.apply(lambda addresses: steps.member(node, cluster, addresses)),
            reset=node.stays,
            more={
                "FJORDKUBE_ADDRESS": node.address,
                "FJORDKUBE_API": node.api_endpoint,
                "FJORDKUBE_PEERS": reached(cluster.beside(node), api=True),
                "FJORDKUBE_PEER_SCRIPT": steps.peer(cluster.timing),
            },
            after=args.after,
            opts=pulumi.ResourceOptions(parent=self, deleted_with=args.deleted_with),
        )
        self.register_outputs({})
