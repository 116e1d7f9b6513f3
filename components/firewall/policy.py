"""What decides who may reach the nodes of one cluster: its choices, and its nodes' addresses.

Owns the facts that the table and its renderers read. Leaves what follows from them to `table.py` and `sources.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fjordkube.settings import ClusterSettings

if TYPE_CHECKING:
    from fjordkube.node import Node


@dataclass(frozen=True)
class FirewallPolicy:
    """Networks are IPv4 in CIDR notation, e.g. 203.0.113.0/24."""

    node_networks: tuple[str, ...]
    """Private networks of the nodes."""
    pod_cidr: str
    service_cidr: str
    control_planes: tuple[str, ...] = ()
    """Their private addresses, e.g. 192.168.77.11."""
    admin_cidrs: tuple[str, ...] = ()
    """Who may reach SSH and the Kubernetes API from outside."""
    ssh_ports: tuple[int, ...] = (22,)
    """On which nodes answer SSH."""
    ingress_from: tuple[str, ...] = ("0.0.0.0/0",)
    """Who may reach the ingress's ports."""
    node_ports_from: tuple[str, ...] = ()
    """Who may reach NodePorts from outside."""
    http_port: int = 80
    """The ingress's port for HTTP on its nodes."""
    https_port: int = 443
    """The same for HTTPS."""
    ingress_metrics: bool = True
    """Whether pods may read the ingress controller's metrics."""
    encapsulated: bool = False
    """Whether pods' packets travel in VXLAN between nodes."""
    ipvs: bool = True
    """Whether kube-proxy runs in IPVS mode: the nodes then hold the Services' addresses."""

    @staticmethod
    def of(
        settings: ClusterSettings, node_networks: Sequence[str], control_planes: Sequence[str] = ()
    ) -> FirewallPolicy:
        """What a cluster's settings say."""
        ingress, firewall = settings.ingress, settings.firewall
        return FirewallPolicy(
            node_networks=tuple(dict.fromkeys(node_networks)),
            pod_cidr=settings.network.pod_cidr,
            service_cidr=settings.kubernetes.service_cidr,
            control_planes=tuple(control_planes),
            admin_cidrs=tuple(firewall.admin_cidrs),
            ingress_from=tuple(firewall.ingress_from),
            node_ports_from=tuple(firewall.node_ports_from),
            http_port=ingress.http_port,
            https_port=ingress.https_port,
            ingress_metrics=ingress.metrics,
            encapsulated=settings.network.encapsulated,
            ipvs=settings.kube_proxy.mode == "ipvs",
        )

    def of_node(self, node: Node) -> FirewallPolicy:
        """The same with what is particular to one node: its own administrators and port for SSH."""
        return dataclasses.replace(
            self,
            admin_cidrs=(*self.admin_cidrs, *node.admin_networks),
            ssh_ports=tuple(dict.fromkeys((*self.ssh_ports, node.ssh_port))),
        )
