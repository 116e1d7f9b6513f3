"""What a stack may choose: the releases of upstream's table, those that are built here, and what is known to end when.

Owns the defaults, the oldest containerd, and what is said of IPVS by version. Leaves the table, with how each release
was proved, to artifacts/upstream.toml, the warnings about a stack to `advice.py`, image tags (etcd, CoreDNS, pause) to
the table and the bundle, and fetching to `offline/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from fjordkube.artifacts import upstream

Version = tuple[int, int, int]
"""(major, minor, patch), e.g. (1, 37, 1)."""

KUBERNETES: Final = tuple(upstream.table()["kubernetes"])
CALICO: Final = tuple(upstream.table()["calico"])
INGRESS_NGINX: Final = tuple(upstream.table()["ingress-nginx"])

BUILT: Final = {"kubernetes": "v1.37.1", "network": "v3.28.5", "ingress": "v1.11.0"}
"""What offline/ builds, by the section of the settings whose `version` it is."""

DEFAULT_KUBERNETES: Final = BUILT["kubernetes"]
DEFAULT_CALICO: Final = BUILT["network"]

MINIMUM_CONTAINERD: Final[Version] = (2, 0, 0)
"""Of every Kubernetes here: 1.35 is the last minor that works with containerd 1.x."""

# Kubernetes minors of KEP-5495, "Deprecate ipvs mode in kube-proxy".
IPVS_DEPRECATED: Final = 35
IPVS_GATE_EXISTS: Final = 37
IPVS_GATE_OFF: Final = 40
IPVS_GONE: Final = 43

_VERSION: Final = re.compile(r"^v?(\d+)\.(\d+)(?:\.(\d+))?")


def parse(version: str) -> Version:
    """(major, minor, patch) of "v1.37.1", "2.1.9" or "2.1.9~ds1-1"; ValueError when it does not start like one."""
    match = _VERSION.match(version)
    if not match:
        raise ValueError("not a version such as v1.37.1")
    major, minor, patch = match.groups(default="0")
    return int(major), int(minor), int(patch)


def kube_proxy_feature_gates(kubernetes: str, mode: str) -> dict[str, bool]:
    """Feature gates kube-proxy needs for `mode`, e.g. {"KubeProxyIPVS": True} where IPVS is off by default."""
    minor = parse(kubernetes)[1]
    return {"KubeProxyIPVS": True} if mode == "ipvs" and IPVS_GATE_OFF <= minor < IPVS_GONE else {}


def ipvs_problem(kubernetes: str) -> str | None:
    """State and fix when this Kubernetes has no IPVS mode any more; None when it has."""
    if parse(kubernetes)[1] < IPVS_GONE:
        return None
    return f"ipvs is gone since Kubernetes 1.{IPVS_GONE}, and {kubernetes} is asked for; use nftables"


def ipvs_warning(kubernetes: str) -> str | None:
    """What to know about IPVS in this Kubernetes version; None before its deprecation."""
    minor = parse(kubernetes)[1]
    if minor < IPVS_DEPRECATED:
        return None
    ahead = []
    if minor < IPVS_GATE_OFF:
        ahead.append(f"off by default from 1.{IPVS_GATE_OFF} (feature gate KubeProxyIPVS)")
    if minor < IPVS_GONE:
        ahead.append(f"gone in 1.{IPVS_GONE}")
    return (
        f"kube_proxy.mode: ipvs is deprecated since Kubernetes 1.{IPVS_DEPRECATED}"
        f"{': ' + ', '.join(ahead) if ahead else ''}; kube_proxy.mode nftables is its successor"
    )


def names(versions: Iterable[str]) -> str:
    """The versions of a table as prose, e.g. "v1.36.4, v1.37.0 or v1.37.1"."""
    *others, last = sorted(versions, key=parse)
    return f"{', '.join(others)} or {last}" if others else last
