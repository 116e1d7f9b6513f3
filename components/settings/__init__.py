"""Settings: everything a stack file can say, as one closed, frozen model."""

from __future__ import annotations

from fjordkube.settings.artifacts import Artifacts, BundleArtifacts, MirrorArtifacts, UpstreamArtifacts
from fjordkube.settings.cluster import API_PORT, API_PROXY_ADDRESS, API_PROXY_PORT, Cluster
from fjordkube.settings.cluster_settings import ClusterSettings
from fjordkube.settings.demo import Demo
from fjordkube.settings.firewall import Firewall
from fjordkube.settings.gates import Gates
from fjordkube.settings.hardening import Hardening
from fjordkube.settings.ingress import Ingress, IngressNginx
from fjordkube.settings.kube_proxy import Conntrack, IptablesProxy, IpvsProxy, KubeProxy, NftablesProxy, Scheduler
from fjordkube.settings.kubernetes import KubeReserved, Kubernetes, SystemReserved
from fjordkube.settings.loading import load
from fjordkube.settings.network import Calico
from fjordkube.settings.nginx_config import NginxConfig
from fjordkube.settings.nodes import (
    AnyNodes,
    Bastion,
    ControlPlanePorts,
    ExistingControlPlane,
    ExistingNode,
    ExistingNodes,
    ExistingWorker,
    LocalControlPlane,
    LocalNode,
    LocalNodes,
    LocalPool,
    LocalWorker,
    Nodes,
    NodeSettings,
    PoolSettings,
    Ports,
    WorkerPorts,
    WorkerSettings,
)
from fjordkube.settings.stack import Stack

__all__ = [
    "API_PORT",
    "API_PROXY_ADDRESS",
    "API_PROXY_PORT",
    "AnyNodes",
    "Artifacts",
    "Bastion",
    "BundleArtifacts",
    "Calico",
    "Cluster",
    "ClusterSettings",
    "Conntrack",
    "ControlPlanePorts",
    "Demo",
    "ExistingControlPlane",
    "ExistingNode",
    "ExistingNodes",
    "ExistingWorker",
    "Firewall",
    "Gates",
    "Hardening",
    "Ingress",
    "IngressNginx",
    "IptablesProxy",
    "IpvsProxy",
    "KubeProxy",
    "KubeReserved",
    "Kubernetes",
    "LocalControlPlane",
    "LocalNode",
    "LocalNodes",
    "LocalPool",
    "LocalWorker",
    "MirrorArtifacts",
    "NftablesProxy",
    "NginxConfig",
    "NodeSettings",
    "Nodes",
    "PoolSettings",
    "Ports",
    "Scheduler",
    "Stack",
    "SystemReserved",
    "UpstreamArtifacts",
    "WorkerPorts",
    "WorkerSettings",
    "load",
]
