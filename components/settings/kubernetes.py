"""Kubernetes itself: version, Service range, certificate names, hardening and what nodes keep for themselves."""

from __future__ import annotations

from ipaddress import IPv4Network

from pydantic import Field

from fjordkube import versions
from fjordkube.settings.base import Settings
from fjordkube.settings.hardening import Hardening
from fjordkube.settings.types import CertificateName, Cidr, CpuQuantity, KubernetesVersion, MemoryQuantity


class KubeReserved(Settings):
    """What a node keeps for kubelet and containerd; source: kubespray's defaults."""

    cpu: CpuQuantity = "100m"
    """CPU, e.g. 100m."""
    memory: MemoryQuantity = "256Mi"
    """Memory, e.g. 256Mi."""


class SystemReserved(Settings):
    """What a node keeps for its system daemons; source: kubespray's defaults."""

    cpu: CpuQuantity = "500m"
    """CPU, e.g. 500m."""
    memory: MemoryQuantity = "512Mi"
    """Memory, e.g. 512Mi."""


class Kubernetes(Settings):
    """The control plane's and kubelets' choices."""

    version: KubernetesVersion = versions.DEFAULT_KUBERNETES
    """Kubernetes version, e.g. v1.37.1; which were run here: docs/artifacts.md."""
    service_cidr: Cidr = "10.96.0.0/12"
    """Service addresses, e.g. 10.96.0.0/12 (kubeadm's default); /12 to /28, the API server's limits. The cluster's DNS
    has the 10th address."""
    extra_sans: list[CertificateName] = Field(default_factory=list)
    """More names and addresses for the API's certificate, e.g. [api.example.no, "*.example.no", 203.0.113.7]."""
    kube_reserved: KubeReserved = Field(default_factory=KubeReserved)
    """Kept for kubelet and containerd."""
    system_reserved: SystemReserved = Field(default_factory=SystemReserved)
    """Kept for system daemons."""
    hardening: Hardening = Field(default_factory=Hardening)
    """What API server and kubelets refuse, encrypt and write down."""

    @property
    def cluster_dns(self) -> str:
        """Address of the cluster's DNS: the 10th of the Service range, kubeadm's convention, e.g. 10.96.0.10."""
        return str(IPv4Network(self.service_cidr)[10])
