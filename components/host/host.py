"""Makes a machine a Kubernetes host in one SSH round trip, and gives one that was lent back as it was.

Owns the one remote command per node, and the release of a machine that outlives the stack. Leaves the machine to
`nodes/`, membership of the cluster to `bootstrap/`, and the software on it to artifacts.py; where none is brought, what
is missing is named together with its remedy.
"""

from __future__ import annotations

import pulumi

from fjordkube.host.artifacts import NodeArtifacts
from fjordkube.host.preparation import HostArgs, preparation
from fjordkube.host.release import Release
from fjordkube.remote import Remote


class Host(pulumi.ComponentResource):
    """Kernel modules, sysctls, limits, containerd, names, time, swap and etcd's disk of one node."""

    ready: pulumi.Output[str]
    """Facts as one JSON line: kernel, containerd, kubernetes, time_sync, changed (things changed by the last run)."""

    def __init__(self, name: str, args: HostArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:host:Host", name, None, opts)
        # Before the preparation, and so deleted after everything else of this node, however far it came.
        self.release = Release(f"{name}-release", args.node, self) if args.node.stays else None
        before: list[pulumi.Resource] = [self.release] if self.release else []
        if args.artifacts is not None and not args.node.carries_software:
            child = pulumi.ResourceOptions(parent=self, depends_on=before)
            before = [NodeArtifacts(f"{name}-artifacts", args.node, args.artifacts, child)]
        self.prepared = Remote(
            f"{name}-prepared",
            connection=args.node.connection,
            create=preparation(args),
            # A machine made anew needs all of it again; one that was merely restarted finds nothing to do.
            triggers=[args.node.up],
            sudo=args.node.sudo,
            opts=pulumi.ResourceOptions(parent=self, depends_on=before),
        )
        self.ready = self.prepared.stdout
        self.register_outputs({"ready": self.ready})
