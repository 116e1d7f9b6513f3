"""calico-kube-controllers: gives back the addresses of nodes that are gone.

Owns its Deployment and disruption budget. Only the node controller runs: the others serve Calico's own etcd datastore.
"""

from __future__ import annotations

from fjordkube.network.calico_access import CONTROLLERS, NAMESPACE
from fjordkube.network.calico_node import API_ENVIRONMENT
from fjordkube.objects import Object, exec_probes
from fjordkube.timing import TimingName

CHECK = "/usr/bin/check-status"


def controllers(image: str, timing: TimingName) -> list[Object]:
    """Deployment and PodDisruptionBudget. One replica: a second would only wait for the first's lease."""
    labels = {"k8s-app": CONTROLLERS}
    metadata = {"name": CONTROLLERS, "namespace": NAMESPACE, "labels": labels}
    container = {
        "name": CONTROLLERS,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        # Not in Calico's manifest: by its node's way to the API it starts without waiting for kube-proxy.
        "envFrom": [API_ENVIRONMENT],
        "env": [
            {"name": "ENABLED_CONTROLLERS", "value": "node"},
            {"name": "DATASTORE_TYPE", "value": "kubernetes"},
        ],
        **exec_probes(timing, ready=[CHECK, "-r"], live=[CHECK, "-l"]),
    }
    pod = {
        # That way is the node's loopback. It listens on nothing: its health is a file, its metrics are off unless a
        # KubeControllersConfiguration gives them a port (kube-controllers/pkg/config/runconfig.go, v3.28 and v3.32).
        "hostNetwork": True,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "priorityClassName": "system-cluster-critical",
        "serviceAccountName": CONTROLLERS,
        "tolerations": [
            {"key": "CriticalAddonsOnly", "operator": "Exists"},
            {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
        ],
        "containers": [container],
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": 1,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": metadata,
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
        },
    ]
