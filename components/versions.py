"""What goes with what: the versions this project has really run together, and what is known to end when.

Owns the table of supported Kubernetes and Calico releases, the containerd each Kubernetes needs, and the warnings
about parts that are on their way out. Leaves image tags (etcd, CoreDNS, pause) to the bundle, which takes them from
kubeadm itself, and fetching to `offline/`. A version is in the table only after the whole chain passed with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fjordkube.settings import Stack

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

_MAX_PODS: Final = 110
"""kubelet's default maxPods."""


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


INGRESS_NGINX_WARNING: Final = (
    "ingress.controller: ingress-nginx was archived in March 2026 and gets no more fixes from Kubernetes; "
    "Chainguard maintains a fork (set ingress.image and ingress.digest to a build of it), "
    "and the way out is the Gateway API"
)


def warnings(stack: Stack) -> list[str]:
    """Lines `field: state; what to do` about choices that end, run short later, or reach beyond Norway."""
    lines = []
    if stack.kube_proxy.mode == "ipvs" and (line := ipvs_warning(stack.kubernetes.version)):
        lines.append(line)
    if stack.ingress.controller == "nginx":
        lines.append(INGRESS_NGINX_WARNING)
    for line in (_residency_warning(stack), _pod_room_warning(stack), _mesh_warning(stack)):
        if line:
            lines.append(line)
    return lines


def _residency_warning(stack: Stack) -> str | None:
    if stack.residency == "norway":
        return None
    where = "the European Economic Area" if stack.residency == "eea" else "any country"
    return (
        f"residency: {stack.residency} lets nodes and data be in {where}, and not in Norway alone; "
        "norway is the default, and the policy pack takes nothing else in production"
    )


MESH_ADVISED: Final = 100
"""Nodes up to which Calico's documentation advises a full mesh."""


def _mesh_warning(stack: Stack) -> str | None:
    nodes = len(stack.nodes.all_nodes)
    if nodes <= MESH_ADVISED:
        return None
    return (
        f"network.node_mesh: {nodes} nodes in a full BGP mesh, {nodes - 1} sessions on each; Calico advises it up to "
        f"about {MESH_ADVISED}, and route reflectors are not offered yet"
    )


def _pod_room_warning(stack: Stack) -> str | None:
    network, nodes = stack.network, len(stack.nodes.all_nodes)
    per_node = -(-_MAX_PODS // 2 ** (32 - network.block_size))
    if network.block_count >= nodes * per_node:
        return None
    return (
        f"network.pod_cidr: {network.pod_cidr} holds {network.block_count} blocks of /{network.block_size}, and "
        f"{nodes} full nodes ({_MAX_PODS} pods each) need {nodes * per_node}; nodes will borrow single addresses "
        "from each other's blocks, which costs a route each: a larger range avoids it"
    )


def names(versions: object) -> str:
    """The versions of a table as prose, e.g. "v1.37.1 or v1.38.0"."""
    return " or ".join(sorted(versions, key=parse)) if isinstance(versions, dict | frozenset) else ""
