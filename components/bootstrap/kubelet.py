"""The kubelet's configuration, the same on all nodes (kubeadm keeps it in the ConfigMap kubelet-config).

Owns the KubeletConfiguration. Leaves flags of one node (its address) to configuration.py.
"""

from __future__ import annotations

from typing import Any

from components.pace import Pace
from components.settings import Stack


def kubelet_configuration(settings: Stack, pace: Pace) -> dict[str, Any]:
    """KubeletConfiguration (kubelet.config.k8s.io/v1beta1)."""
    kubernetes = settings.kubernetes
    document: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "systemd",
        "clusterDNS": [settings.cluster_dns],
        "failSwapOn": True,
        # Every container gets the runtime's default system-call filter unless it asks for another.
        "seccompDefault": True,
        "kubeReserved": _reserved(kubernetes.kube_reserved.cpu, kubernetes.kube_reserved.memory, pace),
        "systemReserved": _reserved(kubernetes.system_reserved.cpu, kubernetes.system_reserved.memory, pace),
        "evictionHard": dict(pace.eviction_hard),
        "imageGCHighThresholdPercent": pace.image_gc_high_percent,
    }
    periods = {
        "runtimeRequestTimeout": pace.kubelet.runtime_request_timeout,
        "nodeStatusUpdateFrequency": pace.kubelet.node_status_update,
        "syncFrequency": pace.kubelet.sync,
        "volumeStatsAggPeriod": pace.kubelet.volume_statistics,
        "containerLogMonitorInterval": pace.kubelet.log_monitor,
    }
    document |= {key: f"{seconds}s" for key, seconds in periods.items() if seconds is not None}
    if pace.kubelet.events_per_second is not None:
        document["eventRecordQPS"] = pace.kubelet.events_per_second
        document["eventBurst"] = 10 * pace.kubelet.events_per_second
    if pace.kubelet.node_lease_duration is not None:
        document["nodeLeaseDurationSeconds"] = pace.kubelet.node_lease_duration
    return document


def _reserved(cpu: str, memory: str, pace: Pace) -> dict[str, str]:
    limit = pace.reserved_cpu_limit_m
    if limit is not None and _millicores(cpu) > limit:
        cpu = f"{limit}m"
    return {"cpu": cpu, "memory": memory}


def _millicores(cpu: str) -> int:
    """ "500m" -> 500, "1.5" -> 1500."""
    return int(cpu[:-1]) if cpu.endswith("m") else round(float(cpu) * 1000)
