"""What goes with what: the versions this project has really run together, and what is known to end when.

Owns the table of supported Kubernetes and Calico releases, the containerd each Kubernetes needs, and what is said of
IPVS by version. Leaves the warnings about a stack to `advice.py`, image tags (etcd, CoreDNS, pause) to the bundle,
which takes them from kubeadm itself, and fetching to `offline/`. A version is in the table only after the whole chain
passed with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

Version = tuple[int, int, int]
"""(major, minor, patch), e.g. (1, 37, 1)."""


@dataclass(frozen=True)
class KubernetesRelease:
    """One supported Kubernetes release and the oldest containerd it works with."""

    version: str
    """As Kubernetes writes it, e.g. v1.37.1."""
    minimum_containerd: Version
    """Oldest containerd, e.g. (2, 0, 0)."""


@dataclass(frozen=True)
class Definitions:
    """Where a release's CustomResourceDefinitions are (manifests/crds.yaml)."""

    sha256: str
    """Of the file, 64 hex digits."""
    module: str
    """Go module that has the file too, e.g. github.com/projectcalico/calico."""
    module_version: str


@dataclass(frozen=True)
class CalicoRelease:
    """One supported Calico release and the Kubernetes releases it was run on."""

    version: str
    """As Calico writes it, e.g. v3.28.5."""
    kubernetes: frozenset[str]
    """Kubernetes versions on which the gates passed with it."""
    definitions: Definitions


# Kubernetes 1.35 is the last minor that works with containerd 1.x.
KUBERNETES: Final = {"v1.37.1": KubernetesRelease("v1.37.1", minimum_containerd=(2, 0, 0))}
"""Supported Kubernetes releases by version; the last one is the default."""

CALICO: Final = {
    "v3.28.5": CalicoRelease(
        "v3.28.5",
        kubernetes=frozenset({"v1.37.1"}),
        definitions=Definitions(
            "541635bf3e0cd409ff2f5b9b78363ac8901da4565fffaeb4c1507e19461bf4c7",
            "github.com/projectcalico/calico",
            "v1.11.0-cni-plugin.0.20250813170300-a0db560f0520",
        ),
    )
}
"""Supported Calico releases by version; the last one is the default."""

DEFAULT_KUBERNETES: Final = next(reversed(KUBERNETES))
DEFAULT_CALICO: Final = next(reversed(CALICO))

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


def check(kubernetes: str, calico: str, containerd: str | None = None) -> list[str]:
    """Lines `field: state; fix` for versions that do not go together; empty when they do.

    `containerd` is the version of a bundle or a host, e.g. "2.1.9~ds1-1"; None when it is not known yet.
    """
    problems = []
    release = KUBERNETES.get(kubernetes)
    if release is None:
        problems.append(f"kubernetes.version: {kubernetes} is not supported; use {names(KUBERNETES)}")
    network = CALICO.get(calico)
    if network is None:
        problems.append(f"network.version: Calico {calico} is not supported; use {names(CALICO)}")
    elif release is not None and kubernetes not in network.kubernetes:
        problems.append(
            f"network.version: Calico {calico} has not been run on Kubernetes {kubernetes}; "
            f"use it with {names(network.kubernetes)}"
        )
    if release is not None and containerd is not None:
        problems += _check_containerd(release, containerd)
    return problems


def _check_containerd(release: KubernetesRelease, containerd: str) -> list[str]:
    needed = ".".join(str(part) for part in release.minimum_containerd[:2])
    fix = f"Kubernetes {release.version} needs containerd {needed} or newer on every node"
    try:
        found = parse(containerd)
    except ValueError:
        return [f"kubernetes.version: the containerd version found cannot be read; {fix}"]
    if found < release.minimum_containerd:
        return [f"kubernetes.version: containerd {'.'.join(map(str, found))} is too old; {fix}"]
    return []


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


def names(versions: object) -> str:
    """The versions of a table as prose, e.g. "v1.37.1 or v1.38.0"."""
    return " or ".join(sorted(versions, key=parse)) if isinstance(versions, dict | frozenset) else ""
