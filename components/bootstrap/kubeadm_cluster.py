"""What kubeadm is told of a cluster, the same for all of its nodes.

Owns the facts. Leaves the documents that are made of them to configuration.py and kubelet.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi

from fjordkube.node import Node
from fjordkube.settings import Cluster, ClusterSettings, IpvsProxy, KubeProxy, Kubernetes
from fjordkube.timing import NATIVE, Timing


@dataclass(frozen=True)
class KubeadmCluster:
    """One cluster as kubeadm knows it."""

    control_planes: Sequence[Node]
    """By name: their order in the settings is no part of what kubeadm is told."""
    image_repository: str
    """Prefix of kubeadm's images, e.g. registry.k8s.io."""
    cluster: Cluster = field(default_factory=Cluster)
    """Name and domain."""
    kubernetes: Kubernetes = field(default_factory=Kubernetes)
    """Version, Service range, certificate names and reserved resources."""
    kube_proxy: KubeProxy = field(default_factory=IpvsProxy)
    pod_cidr: str = "10.244.0.0/16"
    """Where pods' addresses come from."""
    timing: Timing = NATIVE
    """Timeouts, leases and probe periods."""

    @staticmethod
    def of(
        settings: ClusterSettings, control_planes: Sequence[Node], image_repository: str, timing: Timing = NATIVE
    ) -> KubeadmCluster:
        """What a cluster's settings say."""
        return KubeadmCluster(
            sorted(control_planes, key=lambda node: node.name),
            image_repository,
            settings.cluster,
            settings.kubernetes,
            settings.kube_proxy,
            settings.network.pod_cidr,
            timing,
        )

    def beside(self, node: Node) -> list[Node]:
        """The other control planes."""
        return [plane for plane in self.control_planes if plane.name != node.name]

    @property
    def public_addresses(self) -> pulumi.Output[Sequence[str]]:
        """Where clients outside reach the control planes."""
        return pulumi.Output.all(*(plane.public_address for plane in self.control_planes))
