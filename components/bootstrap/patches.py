"""kubeadm `patches`: probes of the control plane's static pods, laid over what kubeadm writes.

Owns the patch files' text. Leaves everything else of the manifests to kubeadm.
"""

from __future__ import annotations

from typing import Any

import yaml

from components.pace import Pace, Probe

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


def static_pod_patches(pace: Pace) -> dict[str, str]:
    """File name -> strategic merge patch; empty when kubeadm's own probes are kept."""
    if pace.probes is None:
        return {}
    patches = {}
    for component in COMPONENTS:
        container: dict[str, Any] = {
            "name": component,
            "livenessProbe": _probe(pace.probes.liveness),
            "startupProbe": _probe(pace.probes.startup),
        }
        if component == "kube-apiserver":
            container["readinessProbe"] = _probe(pace.probes.readiness)
        text = yaml.safe_dump({"spec": {"containers": [container]}}, sort_keys=False)
        patches[f"{component}+strategic.yaml"] = text
    return patches


def _probe(probe: Probe) -> dict[str, int]:
    return {"timeoutSeconds": probe.timeout, "periodSeconds": probe.period, "failureThreshold": probe.failures}
