"""Everything that a stack's nodes and its API would be given, by the program's own pure functions.

Owns calling all of them, and nodes as a source would hand them over, without machines. Of many like workers one is
rendered first and one last, since nothing of a node's text follows from its neighbours in the list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import pulumi
from pulumi_command import remote

from fjordkube import advice, demo
from fjordkube.bootstrap import KubeadmCluster, steps
from fjordkube.firewall import FirewallPolicy, nftables, openstack, upcloud
from fjordkube.gates import disk, probe
from fjordkube.gates.common import Promised
from fjordkube.gates.gates import questions
from fjordkube.helpers.membership.labels_and_taints import parsed
from fjordkube.host import api_proxy, artifacts, firewall, release, units
from fjordkube.host.preparation import HostArgs, preparation
from fjordkube.images import Images
from fjordkube.images import of as images_of
from fjordkube.ingress import admission, controller
from fjordkube.network import calico
from fjordkube.network.calico_node import address_annotations
from fjordkube.node import Node
from fjordkube.nodes import cloud_init
from fjordkube.nodes.host_keys import HostKey
from fjordkube.objects import Object
from fjordkube.remote import connection
from fjordkube.settings import (
    API_PROXY_ADDRESS,
    API_PROXY_PORT,
    ExistingNode,
    ExistingNodes,
    LocalNodes,
    NodeSettings,
    Stack,
)
from fjordkube.settings.nodes.openstack import OpenstackNodes
from fjordkube.timing import Timing, timing

PUBLIC = "192.0.2.10"
API = (API_PROXY_ADDRESS, API_PROXY_PORT)
HOST_KEY = HostKey("ssh-ed25519 AAAA", "no key")
CERTIFICATE = admission.encoded("nobody's")


@dataclass(frozen=True)
class Rendered:
    """What is laid down, by consumer."""

    files: Mapping[str, Mapping[str, str]]
    """What scripts write, by node and path: kubeadm's files, containerd's, drop-ins of units, modules."""
    objects: Sequence[Object]
    """What the API is given; Calico's definitions are apart."""
    nodes: Sequence[Object]
    """Nodes as the API has them after the helper has set labels, taints and annotations."""
    nginx: Mapping[str, str]
    """The ingress controller's ConfigMap."""
    rules: Sequence[str]
    """nftables."""
    proxies: Sequence[str]
    """HAProxy's, of the first control plane and of a worker."""
    unit: str
    """The firewall's, which host.sh writes from a value."""
    scripts: Mapping[str, Sequence[str]]
    """Whole bash texts by node, as they go over SSH."""


@cache
def _way_in() -> tuple[remote.ConnectionArgs, pulumi.Output[str]]:
    # nothing that is rendered reads them
    return connection(PUBLIC, 22, "no key", "no host key"), pulumi.Output.from_input("runs")


def nodes(stack: Stack) -> list[Node]:
    """The stack's nodes, as their source would hand them over."""
    return [_node(stack, node) for node in stack.nodes.all_nodes]


def _node(stack: Stack, node: NodeSettings) -> Node:
    way, up = _way_in()
    interface = getattr(stack.nodes, "interface", "eth1")
    if isinstance(node, ExistingNode):
        interface = node.interface or interface
    return Node(
        name=node.name,
        role=node.role,
        address=str(stack.nodes.address_of(node)),
        prefix_length=int(stack.nodes.private_cidr.partition("/")[2]),
        interface=interface,
        public_address=PUBLIC,
        ports={"ssh": 22},
        connection=way,
        up=up,
        labels=getattr(node, "labels", {}),
        taints=getattr(node, "taints", ()),
        etcd_device=_etcd_device(stack, node),
    )


def _etcd_device(stack: Stack, node: NodeSettings) -> str | None:
    if node.role == "worker" or getattr(node, "etcd_volume_gib", 1) == 0:
        return None
    named = getattr(node, "etcd_disk", f"LABEL={cloud_init.ETCD_LABEL}")
    return None if named == "root" else named


def public_addresses(stack: Stack) -> list[str]:
    """Where clients reach control planes: what the settings say, or what a provider would answer."""
    if not isinstance(stack.nodes, ExistingNodes):
        return ["127.0.0.1" if isinstance(stack.nodes, LocalNodes) else PUBLIC]
    return [host.public_address or stack.nodes.host_of(host) for host in stack.nodes.control_planes]


def rendered(stack: Stack) -> Rendered:
    """Renders all of it. Raises nothing for a stack that was loaded."""
    every = nodes(stack)
    pace = timing(stack.cluster.timing, isinstance(stack.nodes, LocalNodes))
    images = images_of(stack)
    planes = [node for node in every if node.role == "control-plane"]
    workers = [node for node in every if node.role == "worker"]
    shown = [planes[0], *planes[1:][-1:], workers[-1]]
    policy = FirewallPolicy.of(stack, [stack.nodes.private_cidr], [plane.address for plane in planes])
    cluster = KubeadmCluster.of(stack, planes, images.kubernetes, pace)
    advice.warnings(stack)
    upcloud.firewall_rules(policy, "worker")
    openstack.security_group(policy, "worker")
    questions(Promised.of(stack), pace)
    scripts = {node.name: _scripts(stack, node, cluster, policy, images) for node in shown}
    return Rendered(
        files={
            name: {path: text for script in texts for path, text in written(script)} for name, texts in scripts.items()
        },
        objects=_objects(stack, every, pace, images),
        nodes=[_api_node(node) for node in every if node in shown or node.taints or node.labels][:6],
        nginx=stack.ingress.config.config_map(),
        rules=[nftables.ruleset(policy.of_node(node), node.role, node.interface) for node in (planes[0], workers[-1])],
        proxies=[
            api_proxy.configuration(node, planes, stack.cluster.api_host, pace.api_proxy)
            for node in (planes[0], workers[-1])
        ],
        unit=units.firewall_unit(firewall.PATH),
        scripts=scripts,
    )


_FILE: Final = re.compile(r"^write_file (\S+) \d+ <<'(EOF_\w+)'\n(.*?)^\2$", re.MULTILINE | re.DOTALL)


def written(script: str) -> list[tuple[str, str]]:
    """Path and text of every file that a script of `remote.shell` lays down."""
    return [(path, text) for path, _, text in _FILE.findall(script)]


def _objects(stack: Stack, every: Sequence[Node], pace: Timing, images: Images) -> list[Object]:
    network = images.of("calico-node", "calico-cni", "calico-kube-controllers")
    place = controller.front(stack.ingress, images.references["ingress-nginx-controller"], *API)
    keys = sorted({parsed(taint)["key"] for node in every for taint in node.taints})
    found = [
        *calico.objects(stack.network, network, stack.nodes.private_cidr, *API, pace.name),
        *controller.objects(stack.ingress, place, pace.name),
        admission.service(controller.LABELS),
        admission.certificate_secret(CERTIFICATE, CERTIFICATE),
        admission.registration(CERTIFICATE, pace.name),
    ]
    if stack.demo.enabled:
        found += demo.objects(stack.demo, images.references["demo"], pace.name, controller.CLASS, nodes=2)
    return found + (probe.objects(images.references["demo"], keys) if stack.gates.enabled else [])


def _api_node(node: Node) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "labels": dict(node.labels),
            "annotations": address_annotations(node.address, node.prefix_length),
        },
        "spec": {"taints": [parsed(taint) for taint in node.taints]},
    }


def _scripts(stack: Stack, node: Node, cluster: KubeadmCluster, policy: FirewallPolicy, images: Images) -> list[str]:
    host = HostArgs(
        node,
        cluster.control_planes,
        stack.cluster.api_host,
        stack.kubernetes.version,
        images.sandbox,
        kube_proxy=stack.kube_proxy,
        firewall=policy if firewall.guards_itself(node, stack.firewall.host) else None,
        timing=cluster.timing,
    )
    brought = artifacts.script(
        node, artifacts.ArtifactsArgs(stack.artifacts, {}, images.sandbox, networks=[node.network])
    )
    ready = [brought, preparation(host), release.script(node)]
    if node.role == "worker":
        return [*ready, steps.join(node, cluster)]
    member = steps.member(node, cluster, public_addresses(stack))
    asked = disk.question(stack.gates, cluster.timing, node.name).script
    device = stack.nodes.etcd_device if isinstance(stack.nodes, OpenstackNodes) else node.etcd_device
    cloud_init.text(cloud_init.FirstBoot(node.name, HOST_KEY, HOST_KEY.public, device))
    return [*ready, member, *([asked] if asked else [])]
