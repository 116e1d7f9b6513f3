"""Which changes the API refuses on a living object, so that it must be replaced.

Owns the table, after pulumi-kubernetes 4.34 (provider/pkg/provider/diff.go). Leaves differences to `differences.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..differences import Path, covers, parse_path
from . import objects
from .configuration import Configuration

ALWAYS = ("kind", "metadata.name", "metadata.namespace")
IMMUTABLE = {
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "StatefulSet"): (
        "spec.selector",
        "spec.serviceName",
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): ("spec.selector", "spec.template", "spec.completions", "spec.parallelism"),
    ("", "Service"): ("spec.clusterIP",),
    ("", "PersistentVolumeClaim"): (
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeName",
    ),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
}
SECRET_DATA = ("type", "stringData", "data")
CONFIG_MAP_DATA = ("binaryData", "data")
POD_MUTABLE = ("spec.tolerations", "spec.activeDeadlineSeconds")


def forces(obj: Mapping[str, Any], old: Mapping[str, Any], configuration: Configuration, path: Path) -> bool:
    """Whether a change at the path of `obj` (its new inputs) needs a new object."""
    if path == ("apiVersion",):
        return objects.group(obj) != objects.group(old)
    if obj.get("kind") == "Pod" and objects.group(obj) == "":
        spec = covers(("spec",), path) and not _any(POD_MUTABLE, path)
        return spec or _any(ALWAYS, path)
    return _any((*ALWAYS, *_immutable(obj, configuration)), path)


def _immutable(obj: Mapping[str, Any], configuration: Configuration) -> tuple[str, ...]:
    frozen = obj.get("immutable") is True
    if objects.is_secret(obj):
        return ("type",) if configuration.secret_mutable and not frozen else SECRET_DATA
    if obj.get("kind") == "ConfigMap" and obj.get("apiVersion") == "v1":
        return () if configuration.config_map_mutable and not frozen else CONFIG_MAP_DATA
    return IMMUTABLE.get((objects.group(obj), str(obj.get("kind"))), ())


def _any(patterns: tuple[str, ...], path: Path) -> bool:
    # A parent that comes or goes takes the immutable field with it.
    parsed = [parse_path(pattern) for pattern in patterns]
    return any(covers(pattern, path) or (len(path) > 1 and covers(path, pattern)) for pattern in parsed)
