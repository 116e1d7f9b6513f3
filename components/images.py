"""What a cluster's objects are made of: image references by component.

Owns the references of the images that this project builds itself. Leaves upstream's to artifacts/upstream.py, Calico's
definitions to network/definitions.py, a virtual machine's disk to nodes/local/vm_image.py, and what goes with what to
versions.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from fjordkube.artifacts import upstream as published
from fjordkube.errors import FjordkubeError
from fjordkube.settings import ClusterSettings, LocalNodes, Stack

KUBERNETES: Final = "fjordkube.local/kubernetes"
"""Prefix of kubeadm's images (its imageRepository); no registry answers to it, so nothing is pulled by chance."""


@dataclass(frozen=True)
class Images:
    """Image references of one set of versions."""

    references: Mapping[str, str]
    """Full name with tag by component, e.g. calico-node -> fjordkube.local/calico/node:v3.28.5."""
    kubernetes: str
    """Prefix of kubeadm's images, e.g. registry.k8s.io."""

    @property
    def sandbox(self) -> str:
        """The pause image, which must lie on the nodes."""
        return self.references["pause"]

    def of(self, *components: str) -> dict[str, str]:
        """References of some components. KeyError for one that is not there."""
        return {component: self.references[component] for component in components}


BUILT: Final[Mapping[tuple[str, str], Mapping[str, str]]] = MappingProxyType(
    {
        ("v1.37.1", "v3.28.5"): {
            "kube-apiserver": f"{KUBERNETES}/kube-apiserver:v1.37.1",
            "kube-controller-manager": f"{KUBERNETES}/kube-controller-manager:v1.37.1",
            "kube-scheduler": f"{KUBERNETES}/kube-scheduler:v1.37.1",
            "kube-proxy": f"{KUBERNETES}/kube-proxy:v1.37.1",
            "coredns": f"{KUBERNETES}/coredns:v1.14.6",
            "etcd": f"{KUBERNETES}/etcd:3.7.0-0",
            "pause": f"{KUBERNETES}/pause:3.10.2",
            "calico-node": "fjordkube.local/calico/node:v3.28.5",
            "calico-cni": "fjordkube.local/calico/cni:v3.28.5",
            "calico-kube-controllers": "fjordkube.local/calico/kube-controllers:v3.28.5",
            "ingress-nginx-controller": "fjordkube.local/ingress-nginx/controller:v1.11.0",
            "demo": "fjordkube.local/fjordkube/demo:v1",
        }
    }
)
"""By versions of Kubernetes and Calico, as kubeadm and offline/sources.toml have them (a test compares the two)."""


def built(kubernetes: str, calico: str) -> Images:
    """The images that this project builds for these versions. FjordkubeError where there are none."""
    found = BUILT.get((kubernetes, calico))
    if found is None:
        raise FjordkubeError(
            f"images: none for Kubernetes {kubernetes} with Calico {calico}; use versions of the table"
        )
    return Images(found, KUBERNETES)


def upstream(kubernetes: str, calico: str, ingress: str = published.INGRESS_NGINX) -> Images:
    """The images that upstream publishes for these versions, by the same components; demo: agnhost (demo.py).

    FjordkubeError where the table of what is published has no such version.
    """
    return Images(published.references(kubernetes, calico, ingress), published.REGISTRY)


def of(settings: ClusterSettings) -> Images:
    """What a cluster's objects are made of, as `artifacts` says. FjordkubeError where its versions have no images."""
    kubernetes, calico = settings.kubernetes.version, settings.network.version
    local = isinstance(settings, Stack) and isinstance(settings.nodes, LocalNodes)
    if local or settings.artifacts.origin == "built":
        return built(kubernetes, calico)
    return upstream(kubernetes, calico, settings.ingress.version or published.INGRESS_NGINX)
