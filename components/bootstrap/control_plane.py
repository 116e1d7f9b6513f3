"""One control-plane node: a member of the cluster, and, on the one that starts it, the rest of `kubeadm init`.

Owns commands cut where others can begin: the API answers (Calico), nodes can join (workers), add-ons are
there. Leaves the host to `host/`, workers to worker.py. Every control plane runs the same idempotent member.sh; the one
that stands first in the settings starts the cluster when none lives, the others join it one after the other.

Honest limits: joining a second control plane is written (the helper's `member`) and tested without machines only. And
when the first one's machine is made anew beside living ones, it stops with the advice to reorder instead of joining.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from fjordkube.bootstrap import steps
from fjordkube.bootstrap.helper_command import HelperCommand
from fjordkube.bootstrap.kubeadm_cluster import KubeadmCluster
from fjordkube.bootstrap.kubeconfig import reachable
from fjordkube.node import Node, ssh_environment
from fjordkube.remote import Remote


@dataclass(frozen=True)
class ControlPlaneArgs:
    """What one control-plane node is made a member from."""

    node: Node
    cluster: KubeadmCluster
    after: Sequence[pulumi.Resource] = ()
    """What must be done before: this node's prepared host (Host.prepared)."""
    beside: ControlPlane | None = None
    """The control plane before this one; None for the one that starts the cluster."""
    deleted_with: pulumi.Resource | None = None
    """What ends this membership by its own end, when it is not the first."""


class ControlPlane(pulumi.ComponentResource):
    """A control-plane node from prepared host to add-ons."""

    api: pulumi.CustomResource
    """Done when this node's API is ready: objects can be created."""
    joinable: pulumi.CustomResource
    """Done when nodes can join."""
    addons: pulumi.CustomResource
    """Done when kube-proxy and CoreDNS are handed to the cluster (not: when they run)."""
    kubeconfig: pulumi.Output[str]
    """Secret. For the program: group system:masters, so it works from the moment the API answers."""
    user_kubeconfig: pulumi.Output[str]
    """Secret. For people: admin.conf, whose rights are an RBAC binding that can be taken away."""

    def __init__(self, name: str, args: ControlPlaneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:bootstrap:ControlPlane", name, None, opts)
        self._prefix, self._made_from = name, args
        self._public = pulumi.Output.all(*(node.public_address for node in args.cluster.control_planes))
        if args.beside is None:
            self._start()
        else:
            self._join(args.beside)
        self.register_outputs({"kubeconfig": self.kubeconfig, "user_kubeconfig": self.user_kubeconfig})

    def _start(self) -> None:
        # 1. An API that answers.
        api = self._command("api", self._member("kubeconfig"), self._made_from.after, secret=True)
        # 2. Nodes can join.
        joinable = self._command("joinable", self._stage("joinable"), [api])
        # 3. kube-proxy and CoreDNS, while the first nodes join.
        addons = self._command("addons", self._stage("addons"), [joinable], secret=True)
        self.api, self.joinable, self.addons = api, joinable, addons
        self.kubeconfig = self._reachable(api.stdout)
        self.user_kubeconfig = self._reachable(addons.stdout)

    def _join(self, before: ControlPlane) -> None:
        args = self._made_from
        joined = HelperCommand(
            f"{self._prefix}-joined",
            "member",
            node=args.node,
            cluster=args.cluster,
            kubeconfig=before.kubeconfig,
            script=self._member("state"),
            # kubeadm's reset takes the member out of etcd
            reset=True,
            more={
                "FJORDKUBE_CERTIFICATES_SCRIPT": steps.certificates(args.cluster.timing),
                **ssh_environment("PEER", before._made_from.node),
            },
            after=[*args.after, before.api, before.joinable],
            opts=pulumi.ResourceOptions(parent=self, deleted_with=args.deleted_with),
        )
        self.api = self.joinable = joined
        self.addons = before.addons
        self.kubeconfig = self._reachable(before.kubeconfig)
        self.user_kubeconfig = self._reachable(before.user_kubeconfig)

    def _member(self, answer: steps.Answer) -> pulumi.Output[str]:
        args = self._made_from
        return self._public.apply(lambda addresses: steps.member(args.node, args.cluster, addresses, answer))

    def _stage(self, stage: steps.Stage) -> pulumi.Output[str]:
        args = self._made_from
        return self._public.apply(lambda addresses: steps.stage(stage, args.node, args.cluster, addresses))

    def _command(
        self, step: str, text: pulumi.Output[str], after: Sequence[pulumi.Resource], secret: bool = False
    ) -> Remote:
        return Remote(
            f"{self._prefix}-{step}",
            connection=self._made_from.node.connection,
            create=text,
            triggers=[self._made_from.node.up],
            secret_output=secret,
            sudo=self._made_from.node.sudo,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )

    def _reachable(self, kubeconfig: pulumi.Output[str]) -> pulumi.Output[str]:
        def point(values: Mapping[str, Any]) -> str:
            return reachable(values["kubeconfig"], values["address"], int(values["ports"]["api"]))

        node = self._made_from.node
        parts = pulumi.Output.all(kubeconfig=kubeconfig, address=node.public_address, ports=node.ports)
        return pulumi.Output.secret(parts.apply(point))
