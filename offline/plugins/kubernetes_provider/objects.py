"""Kubernetes objects as plain data: names, annotations, and what counts as the same.

Owns the small questions every other module asks of an object, and the keys that Pulumi spells differently. Leaves
Pulumi's own state around an object to `checkpoint.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

PREFIX = "pulumi.com/"
AUTONAMED = PREFIX + "autonamed"
SKIP_AWAIT = PREFIX + "skipAwait"
TIMEOUT = PREFIX + "timeoutSeconds"
PATCH_FORCE = PREFIX + "patchForce"
FIELD_MANAGER = PREFIX + "patchFieldManager"
PROPAGATION = PREFIX + "deletionPropagationPolicy"

READ_ONLY = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)
"""Metadata that only the API server writes."""

DASHED = {
    "x_kubernetes_embedded_resource": "x-kubernetes-embedded-resource",
    "x_kubernetes_int_or_string": "x-kubernetes-int-or-string",
    "x_kubernetes_list_map_keys": "x-kubernetes-list-map-keys",
    "x_kubernetes_list_type": "x-kubernetes-list-type",
    "x_kubernetes_map_type": "x-kubernetes-map-type",
    "x_kubernetes_preserve_unknown_fields": "x-kubernetes-preserve-unknown-fields",
    "x_kubernetes_validations": "x-kubernetes-validations",
}
"""Keys in Pulumi's SDK and state, and in the API (pulumi-kubernetes, provider.go)."""
UNDERSCORED = {dashed: underscored for underscored, dashed in DASHED.items()}

CLUSTER_SCOPED = {
    "APIService",
    "CSIDriver",
    "CSINode",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
}
"""Kinds of the API itself without namespaces: needed before a cluster can be asked."""


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A copy with keys renamed at every depth."""
    if isinstance(value, dict):
        return {names.get(key, key): renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [renamed(item, names) for item in value]
    return value


def metadata(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object's metadata, empty where it is missing or not known yet."""
    found = obj.get("metadata")
    return found if isinstance(found, dict) else {}


def name(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("name") or "")


def namespace(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("namespace") or "")


def annotation(obj: Mapping[str, Any], key: str) -> str:
    """The annotation's value, or an empty text."""
    found = metadata(obj).get("annotations")
    return str(found.get(key) or "") if isinstance(found, dict) else ""


def is_true(obj: Mapping[str, Any], key: str) -> bool:
    return annotation(obj, key) == "true"


def identity(obj: Mapping[str, Any]) -> str:
    """Pulumi's id of the object: namespace/name, or the name alone."""
    return f"{namespace(obj)}/{name(obj)}" if namespace(obj) else name(obj)


def title(obj: Mapping[str, Any]) -> str:
    """For messages: DaemonSet ingress-nginx/controller."""
    return f"{obj.get('kind')} {identity(obj)}"


def group(obj: Mapping[str, Any]) -> str:
    """The API group, empty for the core."""
    return str(obj.get("apiVersion") or "").rpartition("/")[0]


def is_crd(obj: Mapping[str, Any]) -> bool:
    return obj.get("kind") == "CustomResourceDefinition" and group(obj) == "apiextensions.k8s.io"


def is_secret(obj: Mapping[str, Any]) -> bool:
    return obj.get("kind") == "Secret" and obj.get("apiVersion") == "v1"


def writable(obj: Mapping[str, Any]) -> Object:
    """The object without what only the API server writes."""
    result = dict(obj)
    if isinstance(result.get("metadata"), dict):
        result["metadata"] = {key: value for key, value in result["metadata"].items() if key not in READ_ONLY}
    return result


def drifted(inputs: Any, before: Any, now: Any) -> Any:
    """The inputs as the cluster has them now: changed exactly where the live object changed since it was stored.

    Comparing two live objects, not live with input, keeps the server's own spelling of a value ("1000m" as "1") from
    looking like drift.
    """
    if isinstance(inputs, dict) and isinstance(before, dict) and isinstance(now, dict):
        result = {}
        for key, value in inputs.items():
            if key in now:
                result[key] = drifted(value, before.get(key), now[key])
            elif key not in before:
                # Write-only: the server never shows it.
                result[key] = value
        return result
    if isinstance(inputs, list) and isinstance(before, list) and isinstance(now, list):
        if len(before) == len(now) == len(inputs):
            return [drifted(*items) for items in zip(inputs, before, now, strict=True)]
        return inputs if before == now else now
    return inputs if before == now else now
