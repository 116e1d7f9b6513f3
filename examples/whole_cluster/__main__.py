"""A whole cluster on one's own list of VPS, and an object in it."""

import pulumi
import pulumi_kubernetes as kubernetes

from fjordkube import images
from fjordkube.cluster import ClusterArgs, KubernetesCluster
from fjordkube.node import Node
from fjordkube.remote import connection
from fjordkube.settings import ClusterSettings, Demo, Firewall
from fjordkube.timing import NATIVE

settings = ClusterSettings(demo=Demo(enabled=False), firewall=Firewall(admin_cidrs=["198.51.100.0/24"]))
config = pulumi.Config()


def vps(name: str, role: str, address: str, public: str, ports: dict[str, int]) -> Node:
    ssh = connection(public, 22, config.require_secret("key"), config.require(f"{name}-host-key"))
    up = pulumi.Output.from_input(name)  # changes when the machine was started anew
    return Node(name, role, address, 24, "eth1", public, ports, ssh, up)


nodes = [
    vps("cp1", "control-plane", "10.1.0.11", "203.0.113.11", {"ssh": 22, "api": 6443}),
    vps("w1", "worker", "10.1.0.101", "203.0.113.101", {"ssh": 22, "http": 80, "https": 443}),
]
cluster = KubernetesCluster("edge", ClusterArgs(settings, nodes, images.of(settings), NATIVE))

kubernetes.core.v1.Namespace("shop", opts=pulumi.ResourceOptions(provider=cluster.provider))
pulumi.export("url", cluster.url)
pulumi.export("promises", cluster.promises)
