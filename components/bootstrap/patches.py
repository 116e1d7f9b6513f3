"""kubeadm `patches`: probes of the control plane's static pods and etcd's share, laid over what kubeadm writes.

Owns the patch files' text. Leaves everything else of the manifests to kubeadm.
"""

from __future__ import annotations

from typing import Any

import yaml

from fjordkube.timing import StaticPodProbe, Timing

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


def static_pod_patches(timing: Timing) -> dict[str, str]:
    """File name -> strategic merge patch; empty when kubeadm's own probes are kept."""
    if timing.probes is None:
        return {}
    patches = {}
    for component in COMPONENTS:
        container: dict[str, Any] = {
            "name": component,
            "livenessProbe": _probe(timing.probes.liveness),
            "startupProbe": _probe(timing.probes.startup),
        }
        if component == "kube-apiserver":
            container["readinessProbe"] = _probe(timing.probes.readiness)
        if component == "etcd" and timing.etcd_cpu_m is not None:
            container["resources"] = {"requests": {"cpu": f"{timing.etcd_cpu_m}m"}}
        text = yaml.safe_dump({"spec": {"containers": [container]}}, sort_keys=False)
        patches[f"{component}+strategic.yaml"] = text
    return patches


def _probe(probe: StaticPodProbe) -> dict[str, int]:
    return {"timeoutSeconds": probe.timeout, "periodSeconds": probe.period, "failureThreshold": probe.failures}
