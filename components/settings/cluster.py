"""The cluster as a whole: its name, its domain and how patient to be with it."""

from __future__ import annotations

from typing import Final, Literal

from fjordkube.settings.base import Settings
from fjordkube.settings.types import API_LABEL, Domain, Label

API_PORT: Final = 6443
"""Port of the Kubernetes API on control planes (kubeadm's default)."""

API_PROXY_ADDRESS: Final = "127.0.0.1"
API_PROXY_PORT: Final = 6444
"""Where every node reaches the API: its own proxy, on loopback alone (host/api_proxy.py)."""


class Cluster(Settings):
    """Name, domain and timing."""

    name: Label = "fjord"
    """Name of the cluster, also in the kubeconfig, e.g. fjord."""
    domain: Domain = "fjord.internal"
    """DNS domain of the cluster's outside names; nodes reach the API as api.<domain>, e.g. fjord.internal."""
    timing: Literal["auto", "native", "emulated"] = "auto"
    """Timeouts, leases and probe periods: native, emulated (machines without KVM), or auto (measured). Never changes
    what is installed or proved."""

    @property
    def api_host(self) -> str:
        """DNS name of the Kubernetes API, e.g. api.fjord.internal."""
        return f"{API_LABEL}{self.domain}"

    @property
    def control_plane_endpoint(self) -> str:
        """kubeadm's controlPlaneEndpoint, e.g. api.fjord.internal:6444: each node's own proxy by a name, also with one
        control plane, because changing it later means new certificates and kubeconfigs (kubeadm#2997)."""
        return f"{self.api_host}:{API_PROXY_PORT}"
