"""The demo: a small web application behind Service and Ingress, so that a new cluster has something to answer with.

Owns its namespace and objects. Leaves the program and its image to the bundle, and asking it to the gates. Upstream
publishes no such image, so agnhost stands in where images are upstream's: its serve-hostname answers every path with
the pod's name. Not its netexec, whose /shell runs what anybody asks for, and which writes to its own file system.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from fjordkube.objects import KubernetesObject, Object, Objects, http_probes, spread
from fjordkube.settings import Demo as DemoSettings
from fjordkube.timing import TimingName

NAMESPACE = "demo"
NAME = "demo"
PORT = 8080
UID = 65532
"""nobody's user in the bundle's image, as distroless images have it."""
LABELS = {"app.kubernetes.io/name": NAME}
STAND_IN = "agnhost"
"""Last part of the image's name, e.g. of registry.k8s.io/e2e-test-images/agnhost:2.66.1, from whatever registry."""


@dataclass(frozen=True)
class DemoArgs:
    """What `Demo` needs."""

    settings: DemoSettings
    """Host name and number of replicas."""
    image: str
    """Its image; listens on 8080, answers /healthz, says which pod it is."""
    provider: pulumi.ProviderResource
    """The cluster."""
    timing: TimingName = "native"
    """Sets the probes' periods, nothing else."""
    nodes: int = 1
    """How many nodes take it; with two or more, no node gets a second replica before two have one."""
    ingress_class: str = "nginx"
    after: Sequence[pulumi.Resource] = ()
    """What must be there before the first object."""
    deleted_with: pulumi.Resource | None = None
    """The machine or cluster whose end is the end of these objects too."""


def confined() -> dict[str, Any]:
    """What the program may use and do, wherever it runs: little, and nothing."""
    return {
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": UID,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def program(image: str) -> dict[str, Any]:
    """What the image is started with, so that it listens on `PORT`: nothing, but for the stand-in."""
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return {"args": ["serve-hostname", f"--port={PORT}"]} if name == STAND_IN else {}


def container(image: str, timing: TimingName) -> dict[str, Any]:
    """The program, with no rights at all."""
    return {
        "name": NAME,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        **program(image),
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        **http_probes(timing, "http", ready="/healthz", live="/healthz"),
        **confined(),
    }


def deployment(settings: DemoSettings, image: str, timing: TimingName, nodes: int = 1) -> Object:
    """The replicas, over the `nodes` that take them. More than two change nothing: one more touches no pod."""
    pod = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 5,
        "topologySpreadConstraints": [spread(LABELS, min(nodes, 2))],
        "containers": [container(image, timing)],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "replicas": settings.replicas,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": pod},
        },
    }


def objects(settings: DemoSettings, image: str, timing: TimingName, ingress_class: str, nodes: int = 1) -> list[Object]:
    """Namespace, Deployment, Service and Ingress."""
    metadata = {"name": NAME, "namespace": NAMESPACE, "labels": LABELS}
    backend = {"service": {"name": NAME, "port": {"name": "http"}}}
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        },
        deployment(settings, image, timing, nodes),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {
                "type": "ClusterIP",
                "selector": LABELS,
                "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
            },
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": metadata,
            "spec": {
                "ingressClassName": ingress_class,
                "rules": [
                    {
                        "host": str(settings.host),
                        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
                    }
                ],
            },
        },
    ]


class Demo(pulumi.ComponentResource):
    """The demo application."""

    host: pulumi.Output[str]
    """Name to ask for in the Host header."""

    def __init__(self, name: str, args: DemoArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fjordkube:demo:Demo", name, None, opts)
        self.objects = Objects(
            name,
            objects(args.settings, args.image, args.timing, args.ingress_class, args.nodes),
            args.provider,
            pulumi.ResourceOptions(parent=self, depends_on=list(args.after), deleted_with=args.deleted_with),
        )
        self.ingress: KubernetesObject = self.objects.get("Ingress", NAME)
        self.host = pulumi.Output.from_input(str(args.settings.host))
        self.register_outputs({"host": self.host})
