"""The controller and its nginx on the host ports of the nodes that take traffic.

Owns the DaemonSet and what stands around it: namespace, class, ConfigMap, metrics Service. No PodDisruptionBudget: it
counts by the scale subresource, which a DaemonSet lacks, and then allows no eviction at all. Leaves the ConfigMap's
values to `tuning.py` and the admission webhook to `admission.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fjordkube.ingress.access import LEASE, NAME, NAMESPACE, access
from fjordkube.ingress.admission import CERTIFICATES, SECRET
from fjordkube.ingress.ports import HEALTH_PORT, WEBHOOK_PORT
from fjordkube.ingress.tuning import UNHEALTHY_SECONDS, grace_seconds, tuning
from fjordkube.objects import Object, http_probes
from fjordkube.settings import IngressNginx
from fjordkube.timing import TimingName

CONTROLLER = "ingress-nginx-controller"
CLASS = "nginx"
CONTROLLER_CLASS = "k8s.io/ingress-nginx"

USER, GROUP = 101, 82
"""What the files of the project's own images belong to, v1.11 to v1.15, its forks' (charts/ingress-nginx/values.yaml),
and the one that is built here."""

LABELS = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/component": "controller"}


@dataclass(frozen=True)
class Front:
    """What the controller is, and where it asks the API. It runs on workers: it tolerates no taint."""

    image: str
    """Name with tag, and digest if one is pinned."""
    api_host: str
    """Where a node reaches the API without kube-proxy, e.g. 127.0.0.1."""
    api_port: int = 6443


def front(settings: IngressNginx, usual_image: str, api_host: str, api_port: int) -> Front:
    """The settings' image if there is one, else the usual one."""
    name = settings.image or usual_image
    return Front(
        image=f"{name}@{settings.digest}" if settings.digest else name,
        api_host=api_host,
        api_port=api_port,
    )


def arguments(settings: IngressNginx) -> list[str]:
    """The controller's command line."""
    flags: dict[str, str | int] = {
        "election-id": LEASE,
        "controller-class": CONTROLLER_CLASS,
        "ingress-class": CLASS,
        "configmap": f"$(POD_NAMESPACE)/{CONTROLLER}",
        "http-port": settings.http_port,
        "https-port": settings.https_port,
        # On host ports the address that clients use is the node's.
        "report-node-internal-ip-address": "true",
        "enable-metrics": "true" if settings.metrics else "false",
        "shutdown-grace-period": UNHEALTHY_SECONDS,
        "validating-webhook": f":{WEBHOOK_PORT}",
        "validating-webhook-certificate": f"{CERTIFICATES}/tls.crt",
        "validating-webhook-key": f"{CERTIFICATES}/tls.key",
    }
    return ["/nginx-ingress-controller", *(f"--{flag}={value}" for flag, value in flags.items())]


def container(settings: IngressNginx, place: Front, timing: TimingName) -> dict[str, Any]:
    """The one container: the controller starts, feeds and drains nginx."""
    ports = {"http": settings.http_port, "https": settings.https_port, "webhook": WEBHOOK_PORT, "metrics": HEALTH_PORT}
    return {
        "name": "controller",
        "image": place.image,
        "imagePullPolicy": "IfNotPresent",
        "args": arguments(settings),
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            # Straight to the API: through the Service address it would end when kube-proxy is 80 s late.
            {"name": "KUBERNETES_SERVICE_HOST", "value": place.api_host},
            {"name": "KUBERNETES_SERVICE_PORT", "value": str(place.api_port)},
        ],
        # On the host's network every container port is a host port; the API would add hostPort to each by itself.
        "ports": [
            {"name": name, "containerPort": port, "hostPort": port, "protocol": "TCP"} for name, port in ports.items()
        ],
        **http_probes(timing, HEALTH_PORT, ready="/healthz", live="/healthz"),
        "resources": {"requests": {"cpu": "100m", "memory": "90Mi"}},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": GROUP,
            # Ports below 1024 come by file capabilities of the binaries. no_new_privs, which `false` sets, voids
            # those; containerd's unprivileged ports do not help either, they are for pods with a network of their own.
            "allowPrivilegeEscalation": True,
            "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
            "readOnlyRootFilesystem": False,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "webhook-certificate", "mountPath": CERTIFICATES, "readOnly": True}],
    }


def daemon_set(settings: IngressNginx, place: Front, timing: TimingName) -> Object:
    """One pod per node that takes traffic.

    The drain needs no preStop program: on SIGTERM the controller turns unhealthy, waits --shutdown-grace-period, asks
    nginx to quit and waits for it. nginx is in a process group of its own, which the signal does not reach.
    """
    pod: dict[str, Any] = {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "hostNetwork": True,
        "dnsPolicy": "ClusterFirstWithHostNet",
        "serviceAccountName": NAME,
        "terminationGracePeriodSeconds": grace_seconds(settings.config),
        "containers": [container(settings, place, timing)],
        "volumes": [{"name": "webhook-certificate", "secret": {"secretName": SECRET}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": CONTROLLER, "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "selector": {"matchLabels": LABELS},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {"metadata": {"labels": LABELS}, "spec": pod},
        },
    }


def surroundings(settings: IngressNginx) -> list[Object]:
    """Namespace, ConfigMap, class, and a Service for metrics where they are on."""
    metadata = {"name": CONTROLLER, "namespace": NAMESPACE, "labels": LABELS}
    found: list[Object] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": _namespace_labels()}},
        # The controller watches it: a change reaches nginx by a reload, without a new pod.
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": tuning(settings.config)},
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {
                "name": CLASS,
                "labels": LABELS,
                "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"},
            },
            "spec": {"controller": CONTROLLER_CLASS},
        },
    ]
    if settings.metrics:
        found.append(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {
                    **metadata,
                    "name": f"{CONTROLLER}-metrics",
                    # Read by Prometheus set-ups that look for annotations; others select the Service by its labels.
                    "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": str(HEALTH_PORT)},
                },
                "spec": {
                    "type": "ClusterIP",
                    "selector": LABELS,
                    "ports": [{"name": "metrics", "port": HEALTH_PORT, "targetPort": "metrics", "protocol": "TCP"}],
                },
            }
        )
    return found


def objects(settings: IngressNginx, place: Front, timing: TimingName) -> list[Object]:
    """Everything of the controller but its admission webhook."""
    return [*surroundings(settings), *access(LABELS), daemon_set(settings, place, timing)]


def _namespace_labels() -> dict[str, str]:
    # Host network and host ports: nothing less than privileged admits the pods.
    return {"app.kubernetes.io/name": NAME, "pod-security.kubernetes.io/enforce": "privileged"}
