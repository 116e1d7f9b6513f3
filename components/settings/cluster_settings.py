"""A cluster as its settings describe it, on whatever machines: what `KubernetesCluster` is told.

Owns the sections that say nothing of machines. Leaves where nodes come from, and where data is declared to lie, to
stack.py, which adds them.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from fjordkube.settings.artifacts import Artifacts, UpstreamArtifacts
from fjordkube.settings.base import Settings
from fjordkube.settings.cluster import Cluster
from fjordkube.settings.consistency import Inconsistent, cluster_findings
from fjordkube.settings.demo import Demo
from fjordkube.settings.firewall import Firewall
from fjordkube.settings.gates import Gates
from fjordkube.settings.ingress import Ingress, IngressNginx
from fjordkube.settings.kube_proxy import IpvsProxy, KubeProxy
from fjordkube.settings.kubernetes import Kubernetes
from fjordkube.settings.network import Calico
from fjordkube.settings.residency import Residency


class ClusterSettings(Settings):
    """A cluster from kubeadm to its front door. Every field has a default."""

    cluster: Cluster = Field(default_factory=Cluster)
    """Name, domain and timing."""
    residency: Residency = "norway"
    """Where nodes and what is declared under `data` may be: norway, eea (the European Economic Area) or any. What the
    provider returns is held to it too; anything but norway is said loudly, and refused by the policy pack in
    production."""
    kubernetes: Kubernetes = Field(default_factory=Kubernetes)
    """Version, Service range and reserved resources."""
    artifacts: Artifacts = Field(default_factory=UpstreamArtifacts)
    """Where programs and images come from that nodes need; machines of source local carry them on their disk."""
    kube_proxy: KubeProxy = Field(default_factory=IpvsProxy)
    """How Services reach their endpoints."""
    network: Calico = Field(default_factory=Calico)
    """The pod network."""
    firewall: Firewall = Field(default_factory=Firewall)
    """Who may reach the nodes from outside."""
    ingress: Ingress = Field(default_factory=IngressNginx)
    """The front door."""
    demo: Demo = Field(default_factory=Demo)
    """The demo application."""
    gates: Gates = Field(default_factory=Gates)
    """The measurements that must hold."""

    @model_validator(mode="after")
    def _consistent(self) -> ClusterSettings:
        if found := cluster_findings(self):
            raise Inconsistent(found)
        return self
