"""Kubernetes objects as Pulumi resources: one object, one resource, one readable diff."""

from components.objects.collection import Objects, naming, prepared, wants
from components.objects.kubernetes_object import KubernetesObject, Object, token
from components.objects.manifest import manifest
from components.objects.probes import Probe, exec_probes, http_probes

__all__ = [
    "KubernetesObject",
    "Object",
    "Objects",
    "Probe",
    "exec_probes",
    "http_probes",
    "manifest",
    "naming",
    "prepared",
    "token",
    "wants",
]
