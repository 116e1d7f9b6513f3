"""kubeadm `patches`: probes of the control plane's static pods and etcd's share, laid over what kubeadm writes.

Owns the patch files' text. Leaves everything else of the manifests to kubeadm.
"""

from __future__ import annotations

from typing import Any

import yaml

from fjordkube.timing import StaticPodProbe, Timing

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


def static_pod_patches(timing: Timing) -> dict[str, str]:
    """File name -> strategic merge patch, for what differs from kubeadm's own probes and requests."""
    patches = {}
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
            spec = {"containers": [{"name": component, **container}]}
            patches[f"{component}+strategic.yaml"] = yaml.safe_dump({"spec": spec}, sort_keys=False)
    return patches


def _probe(probe: StaticPodProbe) -> dict[str, int]:
    return {"timeoutSeconds": probe.timeout, "periodSeconds": probe.period, "failureThreshold": probe.failures}
