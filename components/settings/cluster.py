"""The cluster as a whole: its name, its domain and how patient to be with it."""

from __future__ import annotations

from typing import Literal

from fjordkube.settings.base import Settings
from fjordkube.settings.types import Domain, Label


class Cluster(Settings):
    """Name, domain and timing."""

    name: Label = "fjord"
    """Name of the cluster, also in the kubeconfig, e.g. fjord."""
    domain: Domain = "fjord.internal"
    """DNS domain of the cluster's outside names; the API is reached as api.<domain>:6443, e.g. fjord.internal."""
    timing: Literal["auto", "native", "emulated"] = "auto"
    """Timeouts, leases and probe periods: native, emulated (machines without KVM), or auto (measured). Never changes
    what is installed or proved."""
