"""One worker's membership of the cluster.

Owns when a worker joins and leaves. Leaves the host to `host/`, the joining to helpers/ and scripts/join.sh; the
resource's `delete` is the one place that takes a worker out of the cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from fjordkube.bootstrap import steps
from fjordkube.bootstrap.helper_command import HelperCommand
from fjordkube.bootstrap.kubeadm_cluster import KubeadmCluster
from fjordkube.node import Node


@dataclass(frozen=True)
class WorkerArgs:
    """What one worker joins with."""

    node: Node
    cluster: KubeadmCluster
    kubeconfig: pulumi.Input[str]
    """The program's kubeconfig (secret), reachable from where Pulumi runs."""
    after: Sequence[pulumi.Resource] = ()
    """What must be done before: this node's prepared host (Host.prepared), joins possible (ControlPlane.joinable)."""
    deleted_with: pulumi.Resource | None = None
    """What ends this membership by its own end, e.g. the control plane's machine: no drain in a cluster that goes."""


class Worker(pulumi.ComponentResource):
    """A worker that the API knows."""

    joined: pulumi.CustomResource
    """Done when the node is registered; its end takes the node out of the cluster."""

    def __init__(self, name: str, args: WorkerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:bootstrap:Worker", name, None, opts)
        self.joined = HelperCommand(
            f"{name}-joined",
            "join",
            node=args.node,
            cluster=args.cluster,
            kubeconfig=args.kubeconfig,
            script=steps.join(args.node, args.cluster),
            reset=args.node.stays,
            after=args.after,
            opts=pulumi.ResourceOptions(parent=self, deleted_with=args.deleted_with),
        )
        self.register_outputs({})
