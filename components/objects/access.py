"""RBAC as objects: one rule, and an account with its rights in the whole cluster.

Owns the shape. Leaves the rules themselves to the modules whose programs need them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fjordkube.objects.kubernetes_object import Object

API = "rbac.authorization.k8s.io/v1"
GROUP = "rbac.authorization.k8s.io"
READ = ("get", "list", "watch")


def rule(group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] = ()) -> dict[str, Any]:
    """One RBAC rule; the empty group is Kubernetes' core, `names` narrows it to objects of these names."""
    named = {"resourceNames": list(names)} if names else {}
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs), **named}


def binding(kind: str, metadata: Mapping[str, Any], account: str, namespace: str) -> Object:
    """What binds a Role or ClusterRole to the service account of the same name."""
    return {
        "apiVersion": API,
        "kind": f"{kind}Binding",
        "metadata": dict(metadata),
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": account},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }


def cluster_access(
    account: str, namespace: str, rules: Sequence[Mapping[str, Any]], labels: Mapping[str, str] | None = None
) -> list[Object]:
    """ServiceAccount, ClusterRole and ClusterRoleBinding, all of one name."""
    metadata: dict[str, Any] = {"name": account}
    if labels:
        metadata["labels"] = dict(labels)
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**metadata, "namespace": namespace}},
        {"apiVersion": API, "kind": "ClusterRole", "metadata": metadata, "rules": [dict(entry) for entry in rules]},
        binding("ClusterRole", metadata, account, namespace),
    ]


def own_access(
    account: str, namespace: str, rules: Sequence[Mapping[str, Any]], labels: Mapping[str, str] | None = None
) -> list[Object]:
    """Role and RoleBinding for a service account in its own namespace."""
    metadata: dict[str, Any] = {"name": account, "namespace": namespace}
    if labels:
        metadata["labels"] = dict(labels)
    return [
        {"apiVersion": API, "kind": "Role", "metadata": metadata, "rules": [dict(entry) for entry in rules]},
        binding("Role", metadata, account, namespace),
    ]
