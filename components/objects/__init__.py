"""Kubernetes objects as Pulumi resources: one object, one resource, one readable diff."""

from fjordkube.objects.collection import Objects, naming, prepared, wants
from fjordkube.objects.kubernetes_object import KubernetesObject, Object, token
from fjordkube.objects.manifest import manifest
from fjordkube.objects.probes import Probe, exec_probes, http_probes
from fjordkube.objects.spread import spread

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
    "spread",
    "token",
    "wants",
]
