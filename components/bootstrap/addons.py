"""What a cluster gets once, from whichever control plane stands first: kubeconfigs, joins, kube-proxy, CoreDNS.

Owns the rest of `kubeadm init` as commands cut where others can begin. They leave nothing on their node, ask the
cluster what is there already, and undo nothing on their end: another first one only runs them again. Leaves membership
to control_plane.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from fjordkube.bootstrap import steps
from fjordkube.bootstrap.kubeadm_cluster import KubeadmCluster
from fjordkube.bootstrap.kubeconfig import reachable
from fjordkube.node import Node
from fjordkube.remote import Remote


class Addons(pulumi.ComponentResource):
    """From an API that answers to kube-proxy and CoreDNS."""

    api: pulumi.CustomResource
    """Done when objects can be created: the API answers and its administrator's kubeconfig is known."""
    joinable: pulumi.CustomResource
    """Done when nodes can join."""
    handed: pulumi.CustomResource
    """Done when kube-proxy and CoreDNS are handed to the cluster (not: when they run)."""
    kubeconfig: pulumi.Output[str]
    """Secret. For the program: group system:masters, so it works from the moment the API answers."""
    user_kubeconfig: pulumi.Output[str]
    """Secret. For people: admin.conf, whose rights are an RBAC binding that can be taken away."""

    def __init__(
        self,
        name: str,
        node: Node,
        cluster: KubeadmCluster,
        identifier: pulumi.Output[str],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`node`: a control plane. `identifier`: another one where the cluster starts anew. `after`: its membership."""
        super().__init__("fjordkube:bootstrap:Addons", f"{name}-addons", None, opts)
        self._prefix, self._node, self._cluster, self._identifier = name, node, cluster, identifier
        # 1. An API that answers.
        # Read once: of several, whichever was asked, the credentials are the cluster's; asked again, they would be
        # unknown at preview, and every object would seem to change.
        once = ["connection"] if len(cluster.control_planes) > 1 else None
        self.api = api = self._command("api", steps.kubeconfig(), after, secret=True, ignore=once)
        # 2. Nodes can join.
        self.joinable = self._command("joinable", self._stage("joinable"), [api])
        # 3. kube-proxy and CoreDNS, while the first nodes join.
        self.handed = handed = self._command("addons", self._stage("addons"), [self.joinable], secret=True)
        self.kubeconfig = self._reachable(api.stdout)
        self.user_kubeconfig = self._reachable(handed.stdout)
        self.register_outputs({"kubeconfig": self.kubeconfig, "user_kubeconfig": self.user_kubeconfig})

    def _stage(self, stage: steps.Stage) -> pulumi.Output[str]:
        node, cluster = self._node, self._cluster
        return cluster.public_addresses.apply(lambda addresses: steps.stage(stage, node, cluster, addresses))

    def _command(
        self,
        step: str,
        text: pulumi.Input[str],
        after: Sequence[pulumi.Resource],
        secret: bool = False,
        ignore: list[str] | None = None,
    ) -> Remote:
        return Remote(
            f"{self._prefix}-{step}",
            connection=self._node.connection,
            create=text,
            triggers=[self._identifier],
            secret_output=secret,
            sudo=self._node.sudo,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after), ignore_changes=ignore),
        )

    def _reachable(self, printed: pulumi.Output[str]) -> pulumi.Output[str]:
        parts = pulumi.Output.all(printed, self._node.api_endpoint)
        return pulumi.Output.secret(parts.apply(lambda pair: reachable(*pair)))
