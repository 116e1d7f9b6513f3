"""The kubelet's configuration, the same on all nodes (kubeadm keeps it in the ConfigMap kubelet-config).

Owns the KubeletConfiguration. Leaves what hardens it to hardening.py, and flags of one node (its address) to
configuration.py.
"""

from __future__ import annotations

from typing import Any

from fjordkube.bootstrap import hardening
from fjordkube.settings import Kubernetes
from fjordkube.settings.types import cpu_millis
from fjordkube.timing import Timing


def kubelet_configuration(kubernetes: Kubernetes, timing: Timing) -> dict[str, Any]:
    """KubeletConfiguration (kubelet.config.k8s.io/v1beta1)."""
    document: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "systemd",
        "clusterDNS": [kubernetes.cluster_dns],
        "failSwapOn": True,
        # Every container gets the runtime's default system-call filter unless it asks for another.
        "seccompDefault": True,
        "kubeReserved": _reserved(kubernetes.kube_reserved.cpu, kubernetes.kube_reserved.memory, timing),
        "systemReserved": _reserved(kubernetes.system_reserved.cpu, kubernetes.system_reserved.memory, timing),
        "evictionHard": dict(timing.eviction_hard),
        "imageGCHighThresholdPercent": timing.image_gc_high_percent,
        **hardening.kubelet(kubernetes.hardening),
    }
    periods = {
        "runtimeRequestTimeout": timing.kubelet.runtime_request_timeout,
        "nodeStatusUpdateFrequency": timing.kubelet.node_status_update,
        "syncFrequency": timing.kubelet.sync,
        "volumeStatsAggPeriod": timing.kubelet.volume_statistics,
        "containerLogMonitorInterval": timing.kubelet.log_monitor,
    }
    document |= {key: f"{seconds}s" for key, seconds in periods.items() if seconds is not None}
    if timing.kubelet.events_per_second is not None:
        document["eventRecordQPS"] = timing.kubelet.events_per_second
        document["eventBurst"] = 10 * timing.kubelet.events_per_second
    if timing.kubelet.node_lease_duration is not None:
        document["nodeLeaseDurationSeconds"] = timing.kubelet.node_lease_duration
    return document


def _reserved(cpu: str, memory: str, timing: Timing) -> dict[str, str]:
    limit = timing.reserved_cpu_limit_m
    if limit is not None and cpu_millis(cpu) > limit:
        cpu = f"{limit}m"
    return {"cpu": cpu, "memory": memory}
