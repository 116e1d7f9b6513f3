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
from fjordkube.node import Node
from fjordkube.settings import Stack
from fjordkube.timing import Timing


@dataclass(frozen=True)
class WorkerArgs:
    """What one worker joins with."""

    node: Node
    settings: Stack
    timing: Timing
    kubeconfig: pulumi.Input[str]
    """The program's kubeconfig (secret), reachable from where Pulumi runs."""
    after: Sequence[pulumi.Resource] = ()
    """What must be done before: this node's prepared host (Host.prepared), joins possible (ControlPlane.membership)."""
    deleted_with: pulumi.Resource | None = None
    """What ends this membership by its own end, e.g. the control plane's machine: no drain in a cluster that goes."""
    machine_stays: bool = False
    """Whether the machine outlives its membership (a VPS that was given to us): it is then reset on delete."""


class Worker(pulumi.ComponentResource):
    """A worker that the API knows."""

    joined: pulumi.Output[str]
    """One JSON line: node, state."""

    def __init__(self, name: str, args: WorkerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:bootstrap:Worker", name, None, opts)
        self.membership = HelperCommand(
            f"{name}-membership",
            "join",
            node=args.node,
            settings=args.settings,
            timing=args.timing,
            kubeconfig=args.kubeconfig,
            script=steps.join(args.node, args.settings, args.timing),
            reset=args.machine_stays,
            after=args.after,
            opts=pulumi.ResourceOptions(parent=self, deleted_with=args.deleted_with),
        )
        self.joined = self.membership.stdout
        self.register_outputs({"joined": self.joined})
