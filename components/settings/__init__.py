"""Settings: everything a stack file can say, as one closed, frozen model."""

from __future__ import annotations

from components.settings.cluster import Cluster
from components.settings.demo import Demo
from components.settings.firewall import Firewall
from components.settings.gates import Gates
from components.settings.ingress import Ingress, IngressNginx
from components.settings.kube_proxy import Conntrack, IptablesProxy, IpvsProxy, KubeProxy, NftablesProxy, Scheduler
from components.settings.kubernetes import KubeReserved, Kubernetes, SystemReserved
from components.settings.loading import load
from components.settings.network import Calico
from components.settings.nginx_config import NginxConfig
from components.settings.nodes import (
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
    UpcloudControlPlane,
    UpcloudNode,
    UpcloudNodes,
    UpcloudPool,
    UpcloudWorker,
    WorkerPorts,
    WorkerSettings,
)
from components.settings.stack import API_PORT, Stack

__all__ = [
    "API_PORT",
    "AnyNodes",
    "Bastion",
    "Calico",
    "Cluster",
    "Conntrack",
    "ControlPlanePorts",
    "Demo",
    "ExistingControlPlane",
    "ExistingNode",
    "ExistingNodes",
    "ExistingWorker",
    "Firewall",
    "Gates",
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
    "NftablesProxy",
    "NginxConfig",
    "NodeSettings",
    "Nodes",
    "PoolSettings",
    "Ports",
    "Scheduler",
    "Stack",
    "UpcloudControlPlane",
    "UpcloudNode",
    "UpcloudNodes",
    "UpcloudPool",
    "UpcloudWorker",
    "SystemReserved",
    "WorkerPorts",
    "WorkerSettings",
    "load",
]
