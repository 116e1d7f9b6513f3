"""One environment: everything a stack file can say, and what follows from it.

Owns the whole. A `Stack` that exists is consistent: `consistency/` is asked on every construction, by `load` or by
another program.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from pydantic import Field, model_validator

from fjordkube.settings.base import Settings
from fjordkube.settings.cluster import Cluster
from fjordkube.settings.consistency import Inconsistent, findings
from fjordkube.settings.data import Data
from fjordkube.settings.demo import Demo
from fjordkube.settings.firewall import Firewall
from fjordkube.settings.gates import Gates
from fjordkube.settings.ingress import Ingress, IngressNginx
from fjordkube.settings.kube_proxy import IpvsProxy, KubeProxy
from fjordkube.settings.kubernetes import Kubernetes
from fjordkube.settings.network import Calico
from fjordkube.settings.nodes import LocalNodes, Nodes
from fjordkube.settings.residency import Residency
from fjordkube.settings.types import API_LABEL

API_PORT = 6443
"""Port of the Kubernetes API on control planes (kubeadm's default)."""


class Stack(Settings):
    """A cluster from its machines to its front door. Every field has a default, so `{}` is a valid stack."""

    cluster: Cluster = Field(default_factory=Cluster)
    """Name, domain and timing."""
    residency: Residency = "norway"
    """Where nodes and what is declared under `data` may be: norway, eea (the European Economic Area) or any. What the
    provider returns is held to it too; anything but norway is said loudly, and refused by the policy pack in
    production."""
    nodes: Nodes = Field(default_factory=LocalNodes)
    """Where nodes come from, and which."""
    kubernetes: Kubernetes = Field(default_factory=Kubernetes)
    """Version, Service range and reserved resources."""
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
    data: Data = Field(default_factory=Data)
    """Where the stack's state, backups and images are."""
    gates: Gates = Field(default_factory=Gates)
    """The measurements that must hold."""

    @model_validator(mode="after")
    def _consistent(self) -> Stack:
        found = findings(self)
        if found:
            raise Inconsistent(found)
        return self

    @property
    def api_host(self) -> str:
        """DNS name of the Kubernetes API, e.g. api.fjord.internal."""
        return f"{API_LABEL}{self.cluster.domain}"

    @property
    def control_plane_endpoint(self) -> str:
        """kubeadm's controlPlaneEndpoint, e.g. api.fjord.internal:6443; a name even with one control plane, because
        adding one later means new certificates (kubeadm#2997)."""
        return f"{self.api_host}:{API_PORT}"

    @property
    def cluster_dns(self) -> str:
        """Address of the cluster's DNS: the 10th of the Service range, kubeadm's convention, e.g. 10.96.0.10."""
        return str(IPv4Network(self.kubernetes.service_cidr)[10])
