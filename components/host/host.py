"""Makes a machine a Kubernetes host in one SSH round trip, and gives one that was lent back as it was.

Owns the one remote command per node, and the release of a machine that outlives the stack. Leaves the machine to
`nodes/`, membership of the cluster to `bootstrap/`, and downloading packages to node sources that offer it: what is
missing is named together with its remedy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from fjordkube.host.preparation import preparation
from fjordkube.host.release import Release
from fjordkube.node import Node
from fjordkube.remote import Remote
from fjordkube.settings import Stack
from fjordkube.timing import Timing


@dataclass(frozen=True)
class HostArgs:
    """What one host is prepared from."""

    node: Node
    settings: Stack
    timing: Timing
    all_nodes: Sequence[Node]
    """Every node of the cluster, in settings' order: the control planes among them answer to the API's name."""
    sandbox_image: str
    """The pause image on the nodes, e.g. fjordkube.local/kubernetes/pause:3.10.2."""


class Host(pulumi.ComponentResource):
    """Kernel modules, sysctls, limits, containerd, names, time, swap and etcd's disk of one node."""

    ready: pulumi.Output[str]
    """Facts as one JSON line: kernel, containerd, kubernetes, time_sync, changed (things changed by the last run)."""

    def __init__(self, name: str, args: HostArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:host:Host", name, None, opts)
        # Before the preparation, and so deleted after everything else of this node, however far it came.
        self.release = Release(f"{name}-release", args.node, self) if args.node.stays else None
        self.prepared = Remote(
            f"{name}-prepared",
            connection=args.node.connection,
            create=preparation(args.node, args.settings, args.timing, args.all_nodes, args.sandbox_image),
            # A machine made anew needs all of it again; one that was merely restarted finds nothing to do.
            triggers=[args.node.up],
            sudo=args.node.sudo,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.release] if self.release else None),
        )
        self.ready = self.prepared.stdout
        self.register_outputs({"ready": self.ready})
