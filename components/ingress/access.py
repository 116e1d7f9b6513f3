"""What the ingress controller may ask of the API.

Owns its account, roles and bindings: those that ingress-nginx v1.11 needs, which reads Ingresses, Secrets and endpoints
of every namespace and writes nothing but events, its leader lease and the addresses in an Ingress's status.
"""

from __future__ import annotations

from typing import Any

from fjordkube.objects import Object
from fjordkube.objects.access import READ, cluster_access, own_access, rule

NAME = "ingress-nginx"
NAMESPACE = "ingress-nginx"
LEASE = "ingress-nginx-leader"

_WATCH = ("list", "watch")
_NETWORKING = "networking.k8s.io"

_SHARED: list[dict[str, Any]] = [
    rule("", ["services"], READ),
    rule(_NETWORKING, ["ingresses", "ingressclasses"], READ),
    rule(_NETWORKING, ["ingresses/status"], ["update"]),
    rule("discovery.k8s.io", ["endpointslices"], READ),
    rule("", ["events"], ["create", "patch"]),
]

CLUSTER_RULES: list[dict[str, Any]] = [
    *_SHARED,
    rule("", ["configmaps", "endpoints", "pods", "secrets", "namespaces"], _WATCH),
    rule("", ["nodes"], READ),
    rule("coordination.k8s.io", ["leases"], _WATCH),
]

OWN_RULES: list[dict[str, Any]] = [
    *_SHARED,
    rule("", ["namespaces"], ["get"]),
    rule("", ["configmaps", "pods", "secrets", "endpoints"], READ),
    rule("coordination.k8s.io", ["leases"], ["get", "update"], names=[LEASE]),
    rule("coordination.k8s.io", ["leases"], ["create"]),
]


def access(labels: dict[str, str]) -> list[Object]:
    """Account, rights in the cluster, and rights in its own namespace."""
    return [
        *cluster_access(NAME, NAMESPACE, CLUSTER_RULES, labels),
        *own_access(NAME, NAMESPACE, OWN_RULES, labels),
    ]
