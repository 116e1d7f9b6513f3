"""One control plane and two workers, as the golden tests of hosts and bootstrap see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pulumi

from fjordkube.bootstrap import KubeadmCluster
from fjordkube.firewall import FirewallPolicy
from fjordkube.host.preparation import HostArgs
from fjordkube.node import Node
from fjordkube.remote import connection
from fjordkube.settings import ClusterSettings, Stack, load
from fjordkube.settings.consistency.ranges import GUEST_NETWORK
from fjordkube.settings.nodes.node import Role
from fjordkube.shell import script
from fjordkube.timing import NATIVE, Timing

SANDBOX = "fjordkube.local/kubernetes/pause:3.10.2"
REPOSITORY = "fjordkube.local/kubernetes"


def stack(**changes: Any) -> Stack:
    """Settings of a stack file that holds only `changes`."""
    return load({"nodes": {"source": "local"}, **changes})


def node(name: str, role: Role, last: int) -> Node:
    return Node(
        name=name,
        role=role,
        address=f"192.168.77.{last}",
        prefix_length=24,
        interface="eth1",
        public_address="127.0.0.1",
        ports={"ssh": 2200 + last, "api": 16443},
        connection=connection("127.0.0.1", 2200 + last, "PRIVATE", "ssh-ed25519 AAAA"),
        up=pulumi.Output.from_input(f"{name} runs"),
        etcd_device="LABEL=etcd" if role == "control-plane" else None,
        admin_networks=[str(GUEST_NETWORK)],
    )


def nodes() -> list[Node]:
    return [node("cp1", "control-plane", 11), node("w1", "worker", 101), node("w2", "worker", 102)]


def kubeadm(
    timing: Timing = NATIVE, settings: ClusterSettings | None = None, every: Sequence[Node] | None = None
) -> KubeadmCluster:
    """What kubeadm is told of the cluster."""
    planes = [node for node in every or nodes() if node.role == "control-plane"]
    return KubeadmCluster.of(settings or stack(), planes, REPOSITORY, timing)


def policy(settings: Stack | None = None, *admins: str) -> FirewallPolicy:
    """Who may reach the nodes; `admins` more than the settings name, as a node of source local has them."""
    settings = settings or stack()
    addresses = settings.nodes.addresses
    planes = [addresses[node.name] for node in settings.nodes.all_nodes if node.role == "control-plane"]
    return FirewallPolicy.of(settings, [settings.nodes.private_cidr], planes).of_node(
        replace(node("w1", "worker", 101), admin_networks=admins)
    )


def local_policy(settings: Stack | None = None) -> FirewallPolicy:
    """The same on a node of source local."""
    return policy(settings, str(GUEST_NETWORK))


def host_args(of: Node, timing: Timing = NATIVE) -> HostArgs:
    """What a host of the cluster is prepared from."""
    settings = stack()
    return HostArgs(
        of,
        [node for node in nodes() if node.role == "control-plane"],
        settings.cluster.api_host,
        settings.kubernetes.version,
        SANDBOX,
        kube_proxy=settings.kube_proxy,
        firewall=policy(settings),
        timing=timing,
    )


def without_scripts(text: str, *names: str) -> str:
    """`text` with script bodies as one line each: golden files hold what settings decide, tests/scripts the rest."""
    for name in ("lib", *names):
        body = script(name).rstrip("\n")
        assert body in text
        text = text.replace(body, f"# ... {name}.sh")
    return text
