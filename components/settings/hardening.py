"""How far a cluster is hardened: a profile, and single switches that stand out from it.

Owns the choices and what each profile makes of those that are not named. Leaves what they mean for kubeadm's files to
bootstrap/hardening.py, and the reasons to docs/hardening.md.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from fjordkube.settings.base import Settings
from fjordkube.settings.types import Flag, Whole

PodSecurity = Literal["privileged", "baseline", "restricted"]
"""Levels of the Pod Security Standards, Kubernetes' own words."""


def _in_production(earlier: dict[str, Any]) -> bool:
    return earlier.get("profile") == "production"


def _pod_security(earlier: dict[str, Any]) -> PodSecurity:
    return "baseline" if _in_production(earlier) else "privileged"


class Hardening(Settings):
    """What API server and kubelets refuse, encrypt and write down. A cluster of one profile becomes the other by up."""

    profile: Literal["baseline", "production"] = "baseline"
    """baseline: what costs nothing and keeps nobody out (strong TLS, no profiling, seccomp, file modes). production:
    also each switch below, anonymous requests for health alone, tokens that end when they say, 4096 processes in a pod
    at most."""
    secrets_encryption: Flag = Field(default_factory=_in_production)
    """Secrets encrypted in etcd by a key that lies on control planes alone; follows `profile`. Switched on or
    off, every Secret is written anew."""
    secrets_key: Annotated[Whole, Field(ge=1, le=9999)] = 1
    """Number of the key that encrypts, e.g. 2; one that was not there yet makes a new key, and every Secret is written
    anew with it. Earlier keys stay, for snapshots of etcd."""
    audit_log: Flag = Field(default_factory=_in_production)
    """A log of who changed what, on each control plane in /var/log/kubernetes, at most 1.1 GiB; follows `profile`."""
    pod_security: PodSecurity = Field(default_factory=_pod_security)
    """What pods may do in a namespace that has no label of its own: privileged (anything), baseline or restricted;
    baseline in production."""
    event_rate_limit: Flag = Field(default_factory=_in_production)
    """At most 50 events a second from one namespace or user; follows `profile`."""
    deny_external_ips: Flag = Field(default_factory=_in_production)
    """Refuse new Service externalIPs: under IPVS one that is a node's address cuts that node off (kubernetes#127410);
    follows `profile`."""

    @property
    def production(self) -> bool:
        """Whether the profile's own parts, which have no switch, are on."""
        return self.profile == "production"

    @property
    def key(self) -> int:
        """Number of the key that Secrets are written with; 0 for none."""
        return self.secrets_key if self.secrets_encryption else 0
