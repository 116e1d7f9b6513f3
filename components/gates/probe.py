"""The probe: a pod on every node between which the data path is measured, and a NetworkPolicy to be enforced on it.

Owns its namespace and objects. Leaves asking it to helpers/gates/data_path.py. It stays in the cluster, so that a later
`up` can measure again; it has no kubelet probes, so that it costs a cluster at rest nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fjordkube.demo import PORT, confined, program
from fjordkube.objects import Object

NAMESPACE = "fjordkube-gates"
NAME = "probe"
LABELS = {"app.kubernetes.io/name": NAME}
SELECTOR = ",".join(f"{key}={value}" for key, value in LABELS.items())
"""The same as a label selector."""


def container(image: str) -> dict[str, Any]:
    """The demo's program, with no rights at all."""
    return {
        "name": NAME,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        **program(image),
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        **confined(),
    }


def daemon_set(image: str, taint_keys: Collection[str] = ()) -> Object:
    """One probe per node, control planes and nodes with a taint of `taint_keys` (e.g. ["dedicated"]) too.

    Not before a node is ready, so no taint whatever its key: without its network a pod only fails.
    """
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "tolerations": [
            {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"},
            *({"key": key, "operator": "Exists"} for key in sorted(set(taint_keys))),
        ],
        "containers": [container(image)],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "selector": {"matchLabels": LABELS},
            # nobody depends on them: all at once
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}},
            "template": {"metadata": {"labels": LABELS}, "spec": pod},
        },
    }


def policy() -> Object:
    """Lets in what comes from pods of this namespace, by any protocol, and nothing else."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "podSelector": {"matchLabels": LABELS},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {}}]}],
        },
    }


def objects(image: str, taint_keys: Collection[str] = ()) -> list[Object]:
    """Namespace, NetworkPolicy and DaemonSet."""
    namespace: Object = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }
    return [namespace, policy(), daemon_set(image, taint_keys)]
