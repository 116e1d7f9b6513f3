"""kubeadm `patches`: probes of the control plane's static pods, etcd's share and CoreDNS' nodes, laid over what kubeadm
writes.

Owns the patch files' text. Leaves everything else of the manifests to kubeadm. CoreDNS is patched there and not in the
cluster: its pods are made once.
"""

from __future__ import annotations

from typing import Any

import yaml

from fjordkube.objects import spread
from fjordkube.timing import StaticPodProbe, Timing

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
DNS_LABELS = {"k8s-app": "kube-dns"}


def patches(timing: Timing) -> dict[str, str]:
    """File name -> strategic merge patch, for what differs from kubeadm's own."""
    # It tolerates control planes, and each cluster has a worker that takes pods: two nodes at the least.
    pod = {"topologySpreadConstraints": [spread(DNS_LABELS, 2)]}
    found = {"corednsdeployment": {"spec": {"template": {"spec": pod}}}, **_static_pods(timing)}
    return {f"{name}+strategic.yaml": yaml.safe_dump(patch, sort_keys=False) for name, patch in found.items()}


def _static_pods(timing: Timing) -> dict[str, Any]:
    found = {}
    for component in COMPONENTS:
        container: dict[str, Any] = {}
        if timing.probes is not None:
            container["livenessProbe"] = _probe(timing.probes.liveness)
            container["startupProbe"] = _probe(timing.probes.startup)
            if component == "kube-apiserver":
                container["readinessProbe"] = _probe(timing.probes.readiness)
        if component == "etcd" and timing.etcd_cpu_m is not None:
            container["resources"] = {"requests": {"cpu": f"{timing.etcd_cpu_m}m"}}
        if container:
            found[component] = {"spec": {"containers": [{"name": component, **container}]}}
    return found


def _probe(probe: StaticPodProbe) -> dict[str, int]:
    return {"timeoutSeconds": probe.timeout, "periodSeconds": probe.period, "failureThreshold": probe.failures}
