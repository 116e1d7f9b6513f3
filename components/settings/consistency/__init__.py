"""What must hold between the fields of a stack, each of which is valid by itself.

Owns every check that reads more than one field, in modules by topic. Each has the checks of a cluster alone
(`of_cluster`) and those that also read its nodes (`of_nodes`); they take what they read. Leaves checks of this machine
(ports in use, memory, disk) to `components/nodes/local/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fjordkube.settings.consistency import artifacts, ingress, kubernetes, network, nodes, places, ranges
from fjordkube.settings.consistency.finding import Finding, Inconsistent, Path

if TYPE_CHECKING:
    from fjordkube.settings.cluster_settings import ClusterSettings
    from fjordkube.settings.stack import Stack

__all__ = ["Finding", "Inconsistent", "Path", "cluster_findings", "findings"]


def findings(stack: Stack) -> list[Finding]:
    """Every contradiction in the stack; empty when it holds."""
    return [*cluster_findings(stack, [stack.nodes.private_cidr]), *_node_findings(stack)]


def cluster_findings(settings: ClusterSettings, taken: Sequence[str] = ()) -> list[Finding]:
    """The contradictions that are there whatever the nodes are; networks that are `taken` are not offered."""
    admins = settings.firewall.admin_cidrs
    return [
        *ranges.of_cluster(settings.kubernetes.service_cidr, settings.network.pod_cidr, admins, taken),
        *kubernetes.of_cluster(settings.kubernetes, settings.kube_proxy.mode),
        *artifacts.of_cluster(settings.artifacts, _versions(settings)),
        *network.of_cluster(settings.network),
        *ingress.of_cluster(settings.ingress, settings.demo, settings.cluster.api_host),
    ]


def _versions(settings: ClusterSettings) -> dict[str, str | None]:
    return {
        "kubernetes": settings.kubernetes.version,
        "network": settings.network.version,
        "ingress": settings.ingress.version,
    }


def _node_findings(stack: Stack) -> Iterator[Finding]:
    admins = stack.firewall.admin_cidrs
    yield from ranges.of_nodes(stack.kubernetes.service_cidr, stack.network.pod_cidr, admins, stack.nodes)
    yield from artifacts.of_nodes("artifacts" in stack.model_fields_set, stack.nodes, _versions(stack))
    yield from network.of_nodes(stack.network, stack.nodes)
    yield from nodes.of_nodes(stack.kubernetes, stack.nodes, stack.cluster.timing)
    yield from places.of_nodes(stack.residency, stack.nodes, stack.data, admins)
    yield from ingress.of_nodes(stack.ingress, stack.nodes)
