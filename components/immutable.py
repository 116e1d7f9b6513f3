"""What a living cluster cannot take: the settings that it was started with, kept in the stack's state and held to.

Owns the comparison, at preview and again before anything is reached. The facts lie in a `pulumi:Stash`, which keeps its
first value whatever it is given later and answers previews from the state; outputs of the stack would not do, for a run
that fails takes them away. Whose machine is made anew starts anew. Leaves what the settings may be at all to settings/,
and consent to what can be done, such as the end of a node, to commands/.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

import pulumi

from fjordkube.node import Node
from fjordkube.settings import ClusterSettings

INSTEAD: Final = {
    "network.pod_cidr": (
        "every pod's address and every node's podCIDR lie in it; another range needs a second Calico IPPool and each "
        "pod made anew in it, or another cluster"
    ),
    "network.block_size": "a Calico IPPool keeps its own (its documentation); another needs another pool, or cluster",
    "kubernetes.service_cidr": (
        "a Service keeps its address for life, the cluster's DNS too; another range needs every Service made anew, or "
        "another cluster"
    ),
    "kubernetes.version": (
        "raising it is kubeadm's work on each node in turn, which is not offered yet; another needs another cluster"
    ),
    "cluster.domain": (
        "the API's name is in every kubeconfig and certificate of the cluster (kubeadm#2997); another needs all of "
        "them made anew, or another cluster"
    ),
}
"""Why each setting stays as it is, and what another value would need."""

BORN: Final = "born"
"""Key of the record's own: the cluster's name, and the identity of the machine that is all of it, where it is alone."""

ETCD_INSTEAD: Final = (
    "etcd's data is on the first, and on another it would start empty; another needs the control plane taken out and "
    "made anew with it, while others keep the data"
)

OTHERWISE: Final = (
    "With another value it is another cluster: move to a new stack that has it, or take this one down first where "
    "nothing on it is missed, as after a first up that failed."
)


def facts(settings: ClusterSettings) -> dict[str, str]:
    """By field, what a cluster has for life."""
    return {
        "network.pod_cidr": settings.network.pod_cidr,
        "network.block_size": str(settings.network.block_size),
        "kubernetes.service_cidr": settings.kubernetes.service_cidr,
        "kubernetes.version": settings.kubernetes.version,
        "cluster.domain": settings.cluster.domain,
    }


def etcd_facts(control_planes: Sequence[Node]) -> dict[str, str]:
    """The same of each control plane."""
    return {f"nodes.control_planes[{node.name}].etcd_disk": node.etcd_device or "root" for node in control_planes}


class Immutable(pulumi.ComponentResource):
    """What a cluster was started with. A program that gives it another value fails, in a preview too."""

    holds: pulumi.Output[bool]
    """Resolves when nothing was changed that cannot be; the run fails otherwise."""
    cluster: pulumi.Resource
    """The record of the cluster: it lives as long as the cluster does, whichever machines come and go."""
    identifier: pulumi.Output[str]
    """Another text only when a cluster starts anew; known at preview."""

    def __init__(
        self,
        name: str,
        settings: ClusterSettings,
        control_planes: Sequence[Node],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("fjordkube:cluster:Immutable", name, None, opts)
        # A lone control plane's machine is the cluster: with another one all of it starts anew. Several outlive each.
        lone = control_planes[0].identity if len(control_planes) == 1 else ""
        born = {BORN: f"{name.removesuffix('-immutable')} {lone}"}
        self.cluster = cluster = self._kept(f"{name}-cluster", facts(settings) | born, lone)
        # One record, however many control planes: with another set of machines it is written anew, and so does not see
        # a disk that is changed in the same edit.
        machines = json.dumps(sorted([node.name, node.identity] for node in control_planes))
        etcd = self._kept(f"{name}-etcd", etcd_facts(control_planes), machines)
        wanted = facts(settings) | etcd_facts(control_planes)
        self.holds = pulumi.Output.all(cluster.output, etcd.output).apply(lambda kept: _judged(kept, wanted))
        # under mocks of the engine nothing is kept
        self.identifier = cluster.output.apply(lambda kept: str((kept or born)[BORN]))
        self.register_outputs({})

    def _kept(self, name: str, values: Mapping[str, str], identity: str) -> pulumi.Stash:
        options = pulumi.ResourceOptions(parent=self, replacement_trigger=identity or None)
        return pulumi.Stash(name, input=dict(values), opts=options)


def problems(kept: Sequence[Mapping[str, str] | None], wanted: Mapping[str, str]) -> list[str]:
    """A line `field: state; fix` for each value that is no more what it was."""
    lines = []
    # under mocks of the engine, as in tests of a program, nothing is kept
    for field, earlier in (item for values in kept for item in (values or {}).items()):
        now = wanted.get(field, earlier)
        if now != earlier:
            why = INSTEAD.get(field, ETCD_INSTEAD)
            lines.append(f"{field}: {earlier} in the cluster that lives, and now {now}; write {earlier} again: {why}")
    return lines


def _judged(kept: Sequence[Mapping[str, str] | None], wanted: Mapping[str, str]) -> bool:
    if lines := problems(kept, wanted):
        raise pulumi.RunError("\n".join([*lines, OTHERWISE]))
    return True
